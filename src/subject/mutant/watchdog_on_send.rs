//! A watchdog that counts silence from the last thing sent: each ping into the void pushes the verdict away.

use std::collections::VecDeque;

use squall_protocol::Now;
use squall_session::limiter::{Go, Permit};
use squall_session::{Input, LinkId, LinkInput, Machine, Output, Timer};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "watchdog-on-the-last-send",
    about: "counts silence from its last ping, and not from the first that nothing followed",
    incident: "oxidezap/whatsapp-rust#995",
    oracle: OracleName::Detection,
    scenario: "half open while the client keeps sending",
    twist: || Box::<OnSend>::default(),
    ..UNCHANGED
};

#[derive(Default)]
struct OnSend {
    link: Option<LinkId>,
}

impl Twist for OnSend {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        let ping = stage.inner.poll_timeout().is_some_and(|(at, timer)| {
            at <= now.mono && matches!(timer, Timer::KeepAlive | Timer::ActivePing)
        });
        if let (Input::Timeout, Some(link), true) = (&input, self.link, ping) {
            // The session counts from the first ping after the last thing heard; with this that is always the last ping.
            stage.feed(now, Input::Link(link, LinkInput::Ping));
        }
        stage.feed(now, input);
    }

    fn on_output(&mut self, _: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        if let Output::Dial(dial) = &output {
            self.link = Some(dial.link);
        }
        out.push_back(output);
    }
}

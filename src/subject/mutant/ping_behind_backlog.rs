//! The IQ ping waits its turn behind the stanzas that are still to be processed: under a backlog it never goes out.

use std::collections::VecDeque;

use squall_protocol::{Instant, Millis, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::{Input, LinkInput, Output};

use super::{Mutant, Stage, Twist, hears_nothing};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "iq-ping-behind-the-backlog",
    about: "sends its IQ ping only when no stanza has come for a second",
    incident: "adiwajshing/Baileys#1292",
    oracle: OracleName::KeepAliveCadence,
    scenario: "a backlog of eight thousand stanzas",
    twist: || Box::<Behind>::default(),
    hears: hears_nothing,
};

/// No stanza for so long, and the queue counts as empty.
const QUIET: Millis = Millis::from_secs(1);

#[derive(Default)]
struct Behind {
    /// When the last stanza came that an application has to process.
    busy_until: Option<Instant>,
    held: VecDeque<Output<Permit>>,
}

impl Twist for Behind {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        match &input {
            Input::Link(_, LinkInput::Stanza(node))
                if !matches!(node.tag.as_str(), "iq" | "success" | "ib") =>
            {
                self.busy_until = Some(now.mono + QUIET);
            }
            Input::Link(_, LinkInput::Closed(_)) => self.held.clear(),
            _ => {}
        }
        stage.feed(now, input);
    }

    fn on_output(&mut self, now: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        let ping = matches!(&output, Output::Send(_, node) if node.is("iq", &[("xmlns", "w:p")]));
        if ping && self.busy_until.is_some_and(|until| until > now.mono) {
            self.held.push_back(output);
        } else {
            out.push_back(output);
        }
    }

    fn timeout(&self) -> Option<Instant> {
        self.busy_until.filter(|_| !self.held.is_empty())
    }

    fn on_timeout(&mut self, _: Now, stage: &mut Stage) {
        self.busy_until = None;
        stage.fresh.extend(self.held.drain(..));
    }
}

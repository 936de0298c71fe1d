//! A count of late answers that no answer resets: six slow moments in a life, and a healthy link is torn down.

use std::collections::VecDeque;

use squall_protocol::{Instant, Millis, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::machine::Closed;
use squall_session::{Input, LinkId, LinkInput, Output};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "failures-never-reset",
    about: "gives a link up at its sixth late answer, however many came in time between",
    incident: "mautrix/whatsapp#315",
    oracle: OracleName::Holds,
    scenario: "five pings missed and then all answered",
    twist: || Box::<Counts>::default(),
    ..UNCHANGED
};

/// How many late answers a link may have.
const MOST: u32 = 6;

/// An answer is late after so long.
const LATE: Millis = Millis::from_secs(10);

#[derive(Default)]
struct Counts {
    link: Option<LinkId>,
    /// When each IQ ping that is neither answered nor counted will be late, oldest first.
    late_at: VecDeque<Instant>,
    late: u32,
}

impl Twist for Counts {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        if let Input::Link(_, LinkInput::Stanza(node)) = &input
            && node.is("iq", &[("type", "result")])
        {
            self.late_at.clear();
        }
        stage.feed(now, input);
    }

    fn on_output(&mut self, now: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        match &output {
            Output::Dial(dial) => {
                *self = Self {
                    link: Some(dial.link),
                    ..Self::default()
                };
            }
            Output::Send(_, node) if node.is("iq", &[("xmlns", "w:p")]) => {
                self.late_at.push_back(now.mono + LATE);
            }
            _ => {}
        }
        out.push_back(output);
    }

    fn timeout(&self) -> Option<Instant> {
        self.late_at.front().copied()
    }

    fn on_timeout(&mut self, now: Now, stage: &mut Stage) {
        self.late_at.pop_front();
        self.late += 1;
        if let (MOST, Some(link)) = (self.late, self.link) {
            stage.feed(now, Input::Link(link, LinkInput::Closed(Closed::Eof)));
        }
    }
}

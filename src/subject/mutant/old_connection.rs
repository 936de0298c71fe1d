//! A stanza counts for the current connection, whichever brought it: a late word for the old one ends the new one.

use std::collections::VecDeque;

use squall_protocol::Now;
use squall_session::limiter::{Go, Permit};
use squall_session::{Input, LinkId, LinkInput, Output};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "late-word-for-the-old-connection",
    about: "takes every stanza for one of its current connection, whichever brought it",
    incident: "evolution-foundation/evolution-api#2498",
    oracle: OracleName::Holds,
    scenario: "a late 401 for the old socket",
    twist: || Box::new(AnyLink(LinkId::NONE)),
    ..UNCHANGED
};

/// The current link.
struct AnyLink(LinkId);

impl Twist for AnyLink {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        let input = match input {
            Input::Link(_, LinkInput::Stanza(node)) => Input::Link(self.0, LinkInput::Stanza(node)),
            other => other,
        };
        stage.feed(now, input);
    }

    fn on_output(&mut self, _: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        if let Output::Dial(dial) = &output {
            self.0 = dial.link;
        }
        out.push_back(output);
    }
}

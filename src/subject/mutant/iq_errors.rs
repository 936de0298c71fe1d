//! An error in answer to one request, misread: as the end of the connection, or as no answer at all.

use squall_protocol::{Node, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::{Input, LinkInput};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// A request too many is taken for a connection too many.
pub(super) const RATE_OVERLIMIT: Mutant = Mutant {
    name: "rate-overlimit-is-the-end",
    about: "takes a 429 in answer to one request for the end of the connection",
    incident: "WhiskeySockets/Baileys#2008",
    oracle: OracleName::Holds,
    scenario: "rate-overlimit right after a pairing",
    twist: || Box::new(IsTheEnd),
    ..UNCHANGED
};

/// Only a result is an answer.
pub(super) const NO_ANSWER: Mutant = Mutant {
    name: "error-is-no-answer",
    about: "counts an error in answer to its IQ ping as no answer, and so a live server as dead",
    incident: "WhiskeySockets/Baileys#2435",
    oracle: OracleName::Detection,
    scenario: "pings answered with errors",
    twist: || Box::new(IsNoAnswer),
    ..UNCHANGED
};

/// The code of the error that this input is, if it is one in answer to a request.
fn error_code(input: &Input<Permit, Go>) -> Option<&str> {
    match input {
        Input::Link(_, LinkInput::Stanza(node)) if node.is("iq", &[("type", "error")]) => {
            node.find("error")?.get("code")
        }
        _ => None,
    }
}

struct IsTheEnd;

impl Twist for IsTheEnd {
    fn on_input(&mut self, now: Now, mut input: Input<Permit, Go>, stage: &mut Stage) {
        if error_code(&input) == Some("429")
            && let Input::Link(_, LinkInput::Stanza(node)) = &mut input
        {
            *node = Node::new("stream:error").attr("code", "429");
        }
        stage.feed(now, input);
    }
}

struct IsNoAnswer;

impl Twist for IsNoAnswer {
    fn on_input(&mut self, now: Now, mut input: Input<Permit, Go>, stage: &mut Stage) {
        if error_code(&input).is_some()
            && let Input::Link(_, LinkInput::Stanza(node)) = &mut input
        {
            // Something was received all the same.
            *node = Node::new("ib");
        }
        stage.feed(now, input);
    }
}

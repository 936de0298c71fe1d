//! The pong of a WebSocket Ping counts as the answer of WhatsApp's server: a zombie, whose pongs are fine, lives for ever.

use std::collections::VecDeque;

use squall_protocol::{Node, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::{Input, LinkInput, Output};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "pong-for-an-iq-answer",
    about: "counts the pong of a WebSocket Ping as an answer to its IQ pings",
    incident: "oxidezap/baileyrs#10",
    oracle: OracleName::Detection,
    scenario: "a zombie in mid-session",
    twist: || Box::<PongCounts>::default(),
    ..UNCHANGED
};

#[derive(Default)]
struct PongCounts {
    /// The id of the last IQ ping.
    asked: Option<String>,
}

impl Twist for PongCounts {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        let answered = match &input {
            Input::Link(link, LinkInput::Pong(_)) => self.asked.take().map(|id| (*link, id)),
            _ => None,
        };
        stage.feed(now, input);
        if let Some((link, id)) = answered {
            let answer = Node::new("iq").attr("type", "result").attr("id", id);
            stage.feed(now, Input::Link(link, LinkInput::Stanza(answer)));
        }
    }

    fn on_output(&mut self, _: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        match &output {
            Output::Send(_, node) if node.is("iq", &[("xmlns", "w:p")]) => {
                self.asked = node.get("id").map(str::to_owned);
            }
            Output::Dial(_) => self.asked = None,
            _ => {}
        }
        out.push_back(output);
    }
}

//! Whatever a pong carries, it counts as the answer to the last WebSocket Ping: a heartbeat that nobody asked for, or a
//! proxy that answers by itself, makes a line look well that answers nothing.

use std::collections::VecDeque;

use squall_protocol::Now;
use squall_session::limiter::{Go, Permit};
use squall_session::{Input, LinkInput, Output};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "any-pong-counts",
    about: "takes any pong for the answer to its last WebSocket Ping, whatever payload it carries",
    incident: "adiwajshing/Baileys#1640",
    oracle: OracleName::Expectations,
    scenario: "pongs that answer something else",
    twist: || Box::<AnyPong>::default(),
    ..UNCHANGED
};

#[derive(Default)]
struct AnyPong {
    /// The payload of the last WebSocket Ping of this connection.
    asked: Option<Vec<u8>>,
}

impl Twist for AnyPong {
    fn on_input(&mut self, now: Now, mut input: Input<Permit, Go>, stage: &mut Stage) {
        if let Input::Link(_, LinkInput::Pong(payload)) = &mut input
            && let Some(asked) = &self.asked
        {
            payload.clone_from(asked);
        }
        stage.feed(now, input);
    }

    fn on_output(&mut self, _: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        match &output {
            Output::Ping(_, payload) => self.asked = Some(payload.clone()),
            Output::Dial(_) => self.asked = None,
            _ => {}
        }
        out.push_back(output);
    }
}

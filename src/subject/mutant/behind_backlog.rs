//! Mutants that send something only once the stanzas which are still to be processed are done: under a backlog, never.

use std::collections::VecDeque;

use squall_protocol::{Instant, Millis, Node, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::{Event, Input, LinkInput, Output};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// Its own ping waits.
pub(super) const PING: Mutant = Mutant {
    name: "iq-ping-behind-the-backlog",
    about: "sends its IQ ping only when no stanza has come for a second",
    incident: "adiwajshing/Baileys#1292",
    oracle: OracleName::KeepAliveCadence,
    scenario: "a backlog of eight thousand stanzas",
    twist: || behind(|node| node.is("iq", &[("xmlns", "w:p")])),
    ..UNCHANGED
};

/// Its answer to the server's ping waits.
pub(super) const ANSWER: Mutant = Mutant {
    name: "answer-behind-the-backlog",
    about: "answers the server's ping only when no stanza has come for a second",
    incident: "openclaw#76315",
    oracle: OracleName::PongPromptness,
    scenario: "a server that pings",
    twist: || behind(|node| node.is("iq", &[("type", "result")])),
    ..UNCHANGED
};

/// No stanza for so long, and the queue counts as empty.
const QUIET: Millis = Millis::from_secs(1);

fn behind(waits: fn(&Node) -> bool) -> Box<dyn Twist> {
    Box::new(Behind {
        waits,
        busy_until: None,
        held: VecDeque::new(),
    })
}

struct Behind {
    /// What waits its turn.
    waits: fn(&Node) -> bool,
    /// When the last stanza that an application has to process will be a second old.
    busy_until: Option<Instant>,
    held: VecDeque<Output<Permit>>,
}

impl Twist for Behind {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        if let Input::Link(_, LinkInput::Stanza(node)) = &input
            && !matches!(node.tag.as_str(), "iq" | "success" | "ib")
        {
            self.busy_until = Some(now.mono + QUIET);
        }
        stage.feed(now, input);
    }

    fn on_output(&mut self, now: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        let busy = self.busy_until.is_some_and(|until| until > now.mono);
        match output {
            Output::Send(_, ref node) if busy && (self.waits)(node) => self.held.push_back(output),
            Output::Event(Event::Disconnected(_)) => {
                // What waited for a connection goes with it.
                self.held.clear();
                out.push_back(output);
            }
            _ => out.push_back(output),
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

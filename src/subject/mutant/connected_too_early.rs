//! `connected` is said on `<success>`, before anything was answered: a zombie looks alive.

use squall_protocol::{Node, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::{Input, LinkInput, Output};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "connected-too-early",
    about: "takes its own first queries for answered, and says connected on <success>",
    incident: "whatsapp-rust PR#630",
    oracle: OracleName::Expectations,
    scenario: "zombie after a stream error 500",
    twist: || Box::new(TooEarly),
    ..UNCHANGED
};

struct TooEarly;

impl Twist for TooEarly {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        let success = match &input {
            Input::Link(link, LinkInput::Stanza(node)) if node.tag == "success" => Some(*link),
            _ => None,
        };
        stage.feed(now, input);
        let Some(link) = success else { return };
        let asked: Vec<_> = stage.fresh.iter().filter_map(query).collect();
        for id in asked {
            let answer = Node::new("iq")
                .attr("from", "s.whatsapp.net")
                .attr("type", "result")
                .attr("id", id);
            stage.feed(now, Input::Link(link, LinkInput::Stanza(answer)));
        }
    }
}

/// The id of a query on its way out.
fn query(output: &Output<Permit>) -> Option<String> {
    match output {
        Output::Send(_, node) if node.tag == "iq" => node.get("id").map(str::to_owned),
        _ => None,
    }
}

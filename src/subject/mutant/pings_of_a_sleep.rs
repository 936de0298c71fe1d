//! The pings that a sleeping machine missed all go out at the wake, in one burst.

use std::collections::VecDeque;

use jiff::Timestamp;
use squall_protocol::{Node, Now};
use squall_session::limiter::Permit;
use squall_session::{LinkId, Output};

use super::twist::Twist;
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "pings-of-a-sleep-in-one-burst",
    about: "makes up for each IQ ping that was due while its machine slept",
    incident: "superset-sh/superset#5130",
    oracle: OracleName::KeepAliveCadence,
    scenario: "the laptop sleeps for three minutes",
    twist: || Box::<CatchesUp>::default(),
    ..UNCHANGED
};

/// Seconds between two IQ pings, by default.
const INTERVAL: i64 = 25;

#[derive(Default)]
struct CatchesUp {
    /// The last IQ ping: over which link, and when by the wall clock.
    last: Option<(LinkId, Timestamp)>,
    made_up: u64,
}

impl Twist for CatchesUp {
    fn on_output(&mut self, now: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        if let Output::Send(link, node) = &output
            && node.is("iq", &[("xmlns", "w:p")])
        {
            let last = self.last.replace((*link, now.wall));
            let since = last.filter(|(over, _)| over == link);
            let slept = since.map_or(0, |(_, at)| now.wall.duration_since(at).as_secs());
            for _ in 1..slept / INTERVAL {
                self.made_up += 1;
                out.push_back(Output::Send(*link, ping(self.made_up)));
            }
        }
        out.push_back(output);
    }
}

/// A ping whose answer the session inside does not know.
fn ping(number: u64) -> Node {
    Node::new("iq")
        .attr("id", format!("slept-{number}"))
        .attr("to", "s.whatsapp.net")
        .attr("type", "get")
        .attr("xmlns", "w:p")
        .child(Node::new("ping"))
}

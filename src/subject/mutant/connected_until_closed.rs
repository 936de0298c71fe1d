//! A dead connection is called connected until its close event comes, which for a silent one is never.

use std::collections::VecDeque;

use squall_protocol::Now;
use squall_session::limiter::Permit;
use squall_session::{Cause, Event, Output};

use super::twist::Twist;
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "connected-until-closed",
    about: "says connected of a connection that it knows to be lost, until the close event that never comes",
    incident: "ha-whatsapp#47",
    oracle: OracleName::StatusHonesty,
    scenario: "a link goes silent",
    twist: || Box::<UntilClosed>::default(),
    ..UNCHANGED
};

#[derive(Default)]
struct UntilClosed {
    lost: bool,
}

impl Twist for UntilClosed {
    fn on_output(&mut self, _: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        match &output {
            Output::Event(Event::Disconnected(ended)) => {
                self.lost = matches!(ended.cause, Cause::ConnectionLost(_));
            }
            Output::Event(Event::State(_)) if std::mem::take(&mut self.lost) => return,
            _ => {}
        }
        out.push_back(output);
    }
}

//! A service that says it is unavailable is taken for a connection that was closed: two causes under one name, so that
//! nobody can tell the server's trouble from the network's.

use std::collections::VecDeque;

use squall_protocol::Now;
use squall_session::limiter::Permit;
use squall_session::{Cause, Event, Output, Stage as Reached};

use super::twist::Twist;
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "unavailable-told-as-closed",
    about: "reports a 503 as a connection that was closed",
    incident: "adiwajshing/Baileys#2238",
    oracle: OracleName::Classification,
    scenario: "the service is unavailable, at every stage",
    twist: || Box::new(ToldAsClosed),
    ..UNCHANGED
};

struct ToldAsClosed;

impl Twist for ToldAsClosed {
    fn on_output(
        &mut self,
        _: Now,
        mut output: Output<Permit>,
        out: &mut VecDeque<Output<Permit>>,
    ) {
        if let Output::Event(Event::Disconnected(ended)) = &mut output
            && ended.cause == Cause::ServiceUnavailable
        {
            ended.cause = Cause::ConnectionClosed {
                stage: Reached::Open,
            };
        }
        out.push_back(output);
    }
}

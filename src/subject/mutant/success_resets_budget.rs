//! A connection that came up gives its attempt back, so that a client which dies right after it may dial without end.

use squall_protocol::Now;
use squall_session::{Event, OrgId, State};

use super::{Mutant, Plain};
use crate::subject::RealSession;
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "success-resets-the-budget",
    about: "gives an attempt back when it has led to a connection",
    incident: "hermes-agent PR#104014",
    oracle: OracleName::LimiterShadow,
    scenario: "closed every half hour",
    twist: || Box::new(Plain),
    hears,
};

fn hears(real: &mut RealSession, _: Now, org: &OrgId, event: &Event) {
    if matches!(event, Event::State(State::Connected)) {
        real.forget_attempt(org);
    }
}

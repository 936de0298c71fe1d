//! A connection that came up gives its attempt back, so that a client which dies right after it may dial without end.

use jiff::Timestamp;
use squall_protocol::Now;
use squall_session::store::LimiterTime;
use squall_session::{Event, OrgId, State};

use super::skew::Skew;
use super::{Mutant, UNCHANGED};
use crate::subject::{RealSession, Subject};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "success-resets-the-budget",
    about: "gives an attempt back when it has led to a connection",
    incident: "hermes-agent PR#104014",
    oracle: OracleName::LimiterShadow,
    scenario: "closed every half hour",
    skew: || Box::new(GivesBack),
    ..UNCHANGED
};

struct GivesBack;

impl Skew for GivesBack {
    fn hear(&mut self, real: &mut RealSession, now: Now, org: &OrgId, event: &Event) {
        real.hear(now, org, event);
        if matches!(event, Event::State(State::Connected)) {
            // It stays open, so that the organization is as active as it is; it is only too old to count.
            real.rewrite(|ledger| {
                for own in ledger.attempts.values_mut() {
                    if own.open && own.org == *org {
                        own.admitted_at = LimiterTime::from_wall(Timestamp::UNIX_EPOCH);
                    }
                }
            });
        }
    }
}

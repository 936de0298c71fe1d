//! Mutants of the limiter that tell the time wrongly.

use jiff::SignedDuration;
use squall_protocol::Now;
use squall_session::OrgId;
use squall_session::limiter::Permit;
use squall_session::policy::Window;
use squall_session::store::LimiterTime;

use super::skew::Skew;
use super::{Mutant, UNCHANGED};
use crate::subject::{Admission, RealSession, Subject};
use crate::words::OracleName;

/// The end of a cooldown is an instant of the wall clock.
pub(super) const COOLDOWN: Mutant = Mutant {
    name: "cooldown-in-wall-time",
    about: "lets a cooldown end when the wall clock says so, which may be set",
    incident: "cheapestinference/claude-auto-retry#6",
    oracle: OracleName::LimiterShadow,
    scenario: "a clock set ahead does not end the cooldown",
    skew: || Box::new(WallTime),
    ..UNCHANGED
};

/// A civil day ends with its last millisecond, not after it.
pub(super) const DAY_EDGE: Mutant = Mutant {
    name: "day-edge-off-by-one",
    about: "begins the new civil day in the last millisecond of the old one",
    incident: "icebear0828/codex2api#498",
    oracle: OracleName::LimiterShadow,
    scenario: "the edge of a calendar day, to the millisecond",
    skew: || Box::new(EarlyMidnight),
    ..UNCHANGED
};

struct WallTime;

impl Skew for WallTime {
    fn admit(&mut self, real: &mut RealSession, now: Now, org: &OrgId) -> Admission<Permit> {
        let (cooldown, wall) = (real.rules().cooldown, LimiterTime::from_wall(now.wall));
        real.rewrite(|ledger| {
            ledger
                .failures
                .retain(|whose, failed_at| whose != org || *failed_at + cooldown > wall);
        });
        real.admit(now, org)
    }
}

struct EarlyMidnight;

impl Skew for EarlyMidnight {
    fn admit(&mut self, real: &mut RealSession, now: Now, org: &OrgId) -> Admission<Permit> {
        if let Window::Calendar(zone) = &real.rules().per_org.per {
            let date = |at: jiff::Timestamp| at.to_zoned_datetime(zone.rules().clone()).date();
            if date(now.wall + SignedDuration::from_millis(1)) != date(now.wall) {
                real.rewrite(|ledger| ledger.attempts.retain(|_, attempt| attempt.org != *org));
            }
        }
        real.admit(now, org)
    }
}

//! Mutants of the limiter that tell the time wrongly.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
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
    incident: "Kit3713/Proteus#377",
    oracle: OracleName::LimiterShadow,
    scenario: "a clock set ahead does not end the cooldown",
    skew: || Box::new(WallTime),
    ..UNCHANGED
};

/// A civil day ends with its last millisecond, not after it.
pub(super) const DAY_EDGE: Mutant = Mutant {
    name: "day-edge-off-by-one",
    about: "begins the new civil day in the last millisecond of the old one",
    incident: "james-6-23/codex2api#498",
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
        let of_yesterday = if is_last_of_its_day(&real.rules().per_org.per, now.wall) {
            real.rewrite(|ledger| {
                let all = std::mem::take(&mut ledger.attempts);
                let (own, others) = all.into_iter().partition(|(_, it)| it.org == *org);
                ledger.attempts = others;
                own
            })
        } else {
            BTreeMap::new()
        };
        let answer = real.admit(now, org);
        real.rewrite(|ledger| ledger.attempts.extend(of_yesterday));
        answer
    }
}

/// Whether a civil day of the window ends within the next millisecond.
fn is_last_of_its_day(window: &Window, wall: Timestamp) -> bool {
    let Window::Calendar(zone) = window else {
        return false;
    };
    let date = |at: Timestamp| at.to_zoned_datetime(zone.rules().clone()).date();
    date(wall + SignedDuration::from_millis(1)) != date(wall)
}

//! `global` and `per_org`: at most so many attempts in the half-open window (now − per, now].

use crate::id::OrgId;
use crate::limiter::rule::Frees;
use crate::policy::Quota;
use crate::store::{Ledger, LimiterTime};

/// When the attempts of all organizations together leave room.
pub(super) fn global(ledger: &Ledger, quota: Quota, at: LimiterTime) -> Frees {
    let attempts = ledger.attempts.values().rev();
    frees(attempts.map(|attempt| attempt.admitted_at), quota, at)
}

/// When the attempts of one organization leave room.
pub(super) fn per_org(ledger: &Ledger, quota: Quota, org: &OrgId, at: LimiterTime) -> Frees {
    let own = ledger
        .attempts
        .values()
        .rev()
        .filter(|attempt| attempt.org == *org);
    frees(own.map(|attempt| attempt.admitted_at), quota, at)
}

/// There is room once the `max`-th latest attempt has left the window. A quota of none never has any.
fn frees(
    mut latest_first: impl Iterator<Item = LimiterTime>,
    quota: Quota,
    at: LimiterTime,
) -> Frees {
    let Some(later) = quota.max.checked_sub(1) else {
        return Frees::Never;
    };
    match latest_first.nth(usize::try_from(later).unwrap_or(usize::MAX)) {
        Some(admitted_at) => Frees::from(admitted_at + quota.per, at),
        None => Frees::Now,
    }
}

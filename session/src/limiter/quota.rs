//! `global` and `per_org`: at most so many attempts in the half-open window (now − per, now].

use crate::id::OrgId;
use crate::limiter::rule::Frees;
use crate::policy::Quota;
use crate::store::{Ledger, LimiterTime};

/// When the attempts of all organizations together leave room.
pub(super) fn global(ledger: &Ledger, quota: Quota, at: LimiterTime) -> Frees {
    frees(
        ledger.attempts.values().map(|attempt| attempt.admitted_at),
        quota,
        at,
    )
}

/// When the attempts of one organization leave room.
pub(super) fn per_org(ledger: &Ledger, quota: Quota, org: &OrgId, at: LimiterTime) -> Frees {
    let own = ledger
        .attempts
        .values()
        .filter(|attempt| attempt.org == *org);
    frees(own.map(|attempt| attempt.admitted_at), quota, at)
}

/// `attempts` come in the order of admission, so the oldest of those that are too many decides.
fn frees(
    attempts: impl Iterator<Item = LimiterTime> + Clone,
    quota: Quota,
    at: LimiterTime,
) -> Frees {
    let inside = attempts.filter(|admitted_at| *admitted_at + quota.per > at);
    let count = inside.clone().count();
    let max = usize::try_from(quota.max).unwrap_or(usize::MAX);
    if count < max {
        return Frees::Now;
    }
    match inside.clone().nth(count - max) {
        Some(oldest) if max > 0 => Frees::At(oldest + quota.per),
        _ => Frees::Never,
    }
}

//! `global` and `per_org`: at most so many attempts in a window, the half-open (now − per, now] where it rolls.

use crate::id::OrgId;
use crate::limiter::calendar;
use crate::limiter::clock::Moment;
use crate::limiter::rule::Frees;
use crate::policy::{Quota, Window};
use crate::store::{Ledger, LimiterTime};

/// When the attempts of all organizations together leave room.
pub(super) fn global(ledger: &Ledger, quota: Quota, at: LimiterTime) -> Frees {
    let attempts = ledger.attempts.values().rev();
    frees(attempts.map(|attempt| attempt.admitted_at), quota, at)
}

/// When the attempts of one organization leave room.
pub(super) fn per_org(ledger: &Ledger, quota: &Quota<Window>, org: &OrgId, now: Moment) -> Frees {
    let own = ledger
        .attempts
        .values()
        .rev()
        .filter(|attempt| attempt.org == *org)
        .map(|attempt| attempt.admitted_at);
    let max = quota.max;
    match &quota.per {
        Window::Rolling(per) => frees(own, Quota { max, per: *per }, now.at),
        Window::Calendar(zone) => calendar::frees(own, max, zone, now),
    }
}

/// How many attempts of one organization its window holds.
pub(super) fn held(ledger: &Ledger, window: &Window, org: &OrgId, now: Moment) -> usize {
    let own = ledger
        .attempts
        .values()
        .filter(|attempt| attempt.org == *org);
    let own = own.map(|attempt| attempt.admitted_at);
    match window {
        Window::Rolling(per) => own.filter(|at| *at + *per > now.at).count(),
        Window::Calendar(zone) => {
            let days = calendar::days(zone, now);
            own.filter(|at| calendar::counts(days, *at, now)).count()
        }
    }
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

//! `cooldown`: no attempt for so long after the organization's last failure.

use squall_protocol::Millis;

use crate::id::OrgId;
use crate::limiter::rule::Frees;
use crate::store::{Ledger, LimiterTime};

/// When the cooldown is over.
pub(super) fn cooldown(ledger: &Ledger, length: Millis, org: &OrgId, at: LimiterTime) -> Frees {
    match ledger.failures.get(org) {
        Some(failed_at) => Frees::from(*failed_at + length, at),
        None => Frees::Now,
    }
}

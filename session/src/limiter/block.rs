//! `block`: no attempt before the block ends, of the organization or of all.

use crate::id::OrgId;
use crate::limiter::rule::Frees;
use crate::store::{Ledger, LimiterTime};

/// When the block is over.
pub(super) fn block(ledger: &Ledger, org: &OrgId, at: LimiterTime) -> Frees {
    match ledger.blocks.get(org).copied().max(ledger.block_of_all) {
        Some(until) => Frees::from(until, at),
        None => Frees::Now,
    }
}

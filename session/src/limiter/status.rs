//! What people ask a limiter without being started: nothing here changes a window.

use jiff::Timestamp;
use squall_protocol::{Instant, Now};

use super::clock::told;
use super::rule::Frees;
use super::{Limiter, Refused, block, decide, quota};
use crate::id::OrgId;
use crate::session::StoredEnd;
use crate::state::State;
use crate::store::{Attempt, Store, StoreError};

/// What the limiter says of an organization without being asked to start it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimiterStatus {
    /// What would refuse a start now.
    pub refused: Option<Refused>,
    /// When a start would be granted, by the wall clock; none if now, or never.
    pub retry_at: Option<Timestamp>,
    /// Attempts of all organizations in the global window.
    pub global_attempts: usize,
    /// Attempts of this organization in its window.
    pub org_attempts: usize,
}

impl<S: Store> Limiter<S> {
    /// Where an organization stands, with nothing changed.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn status(&mut self, now: Now, org: &OrgId) -> Result<LimiterStatus, StoreError> {
        let moment = self.clock.moment(now);
        let at = moment.at;
        self.transact(|ledger, policy| {
            let refused = decide(ledger, policy, org, moment).err();
            let inside = |attempt: &&Attempt| attempt.admitted_at + policy.global.per > at;
            LimiterStatus {
                retry_at: refused
                    .as_ref()
                    .and_then(|refused| refused.until)
                    .map(|until| told(now, at, until)),
                refused,
                global_attempts: ledger.attempts.values().filter(inside).count(),
                org_attempts: quota::held(ledger, &policy.per_org.per, org, moment),
            }
        })
    }

    /// Until when a block keeps this organization out, on the process's monotonic clock; none, if none does.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn blocked_until(&mut self, now: Now, org: &OrgId) -> Result<Option<Instant>, StoreError> {
        let at = self.clock.time(now.mono);
        self.transact(|ledger, _| match block::block(ledger, org, at) {
            Frees::At(until) => Some(now.mono + (until - at)),
            Frees::Now | Frees::Never => None,
        })
    }

    /// Where an organization came to rest before this process began, if the store knows.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn stored_end(&mut self, now: Now, org: &OrgId) -> Result<Option<StoredEnd>, StoreError> {
        let at = self.clock.time(now.mono);
        self.transact(|ledger, _| {
            let state = *ledger.ends.get(org)?;
            let blocked_until = match block::block(ledger, org, at) {
                Frees::At(until) if state == State::Blocked => Some(now.mono + (until - at)),
                _ => None,
            };
            Some(StoredEnd {
                state,
                blocked_until,
            })
        })
    }
}

#[cfg(test)]
mod tests;

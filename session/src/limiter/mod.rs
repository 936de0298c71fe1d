//! The limiter: who may start, when, and the permit that a dial spends.
//!
//! [`decide`] is a pure function of the ledger and the time. [`Limiter`] runs it in one transaction of its store, stores
//! the attempt in the same transaction, and makes the [`Permit`] after the commit.

mod block;
mod cooldown;
mod permit;
mod quota;
mod rule;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use squall_protocol::{Instant, Millis, Now};

use crate::cause::Consequence;
use crate::id::{AttemptId, OrgId};
use crate::limiter::rule::Frees;
use crate::machine::Revocation;
use crate::policy::{BlockScope, LimiterPolicy};
use crate::store::{Attempt, Ledger, LimiterTime, Store};

pub use crate::store::{MemoryStore, StoreError};
pub use permit::{ArmedHandoff, Go, Handoff, Permit};
pub use rule::{Denial, Refused, decide};

/// A dial so late by either clock is not what was admitted any more.
pub const GRACE: Millis = Millis::from_secs(30);

/// A wall clock that went ahead by more than this while the process was down deserves a look.
pub const JUMP: Millis = Millis::from_hours(24);

/// Decides on every start-session, and remembers in its store what it granted.
#[derive(Debug)]
pub struct Limiter<S> {
    store: S,
    policy: LimiterPolicy,
    clock: Clock,
}

/// What a boot found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Attempts that the death of the process before had cut short; each is a failure at boot time.
    pub cut_short: Vec<(OrgId, AttemptId)>,
    /// By how much the wall clock went ahead of what the store remembers, where that is more than [`JUMP`].
    pub jumped: Option<Millis>,
}

/// The answer to a start-session.
#[derive(Debug)]
pub enum Admission {
    /// Admitted: the attempt is stored and counts.
    Granted(Permit),
    /// Refused; nothing was stored.
    Denied {
        /// `store_unavailable` first, then `already_active`, else the rule that frees last.
        cause: Denial,
        /// The other rules that stand in the way.
        also: Vec<Denial>,
        /// The earliest instant of the wall clock at which the same call would be granted if nothing else happened.
        retry_at: Option<Timestamp>,
    },
}

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
    /// Boots on a store: fixes the clock, and closes each attempt that the death of the process before cut short.
    ///
    /// # Errors
    /// The store is missing, unreadable, locked or newer; it is left untouched.
    pub fn boot(
        mut store: S,
        policy: LimiterPolicy,
        now: Now,
    ) -> Result<(Self, Found), StoreError> {
        let (clock, found) = store.transact(|ledger| {
            let wall = LimiterTime::from_wall(now.wall);
            let jumped = ledger
                .high_water
                .map(|before| wall - before)
                .filter(|ahead| *ahead > JUMP);
            let base = ledger.high_water.map_or(wall, |before| before.max(wall));
            ledger.high_water = Some(base);
            let open = ledger
                .attempts
                .iter_mut()
                .filter(|(_, attempt)| attempt.open);
            let cut_short: Vec<_> = open
                .map(|(id, attempt)| {
                    attempt.open = false;
                    (attempt.org.clone(), *id)
                })
                .collect();
            for (org, _) in &cut_short {
                ledger.failures.insert(org.clone(), base);
            }
            (
                Clock {
                    base,
                    booted: now.mono,
                },
                Found { cut_short, jumped },
            )
        })?;
        Ok((
            Self {
                store,
                policy,
                clock,
            },
            found,
        ))
    }

    /// The operator asks for a session of `org`. `active` says whether one is under way.
    pub fn admit(&mut self, now: Now, org: &OrgId, active: bool) -> Admission {
        let at = self.clock.time(now.mono);
        let policy = &self.policy;
        let decided = self.store.transact(|ledger| {
            if active {
                return Err(None);
            }
            ledger.advance(at, policy);
            decide(ledger, policy, org, at).map_err(Some)?;
            Ok(ledger.admit(org, at))
        });
        let denied = |cause| Admission::Denied {
            cause,
            also: Vec::new(),
            retry_at: None,
        };
        match decided {
            Ok(Ok(attempt)) => {
                Admission::Granted(Permit::new(attempt, org.clone(), now, policy.delay))
            }
            Ok(Err(None)) => denied(Denial::AlreadyActive),
            Ok(Err(Some(Refused { cause, also, until }))) => Admission::Denied {
                cause,
                also,
                retry_at: until.map(|until| told(now, at, until)),
            },
            Err(_) => denied(Denial::StoreUnavailable),
        }
    }

    /// At the permit's time: asks again whether it may dial. A permit that is revoked counts.
    ///
    /// # Errors
    /// A block began during the wait, or the dial would be more than [`GRACE`] late by one of the clocks.
    pub fn confirm(&mut self, now: Now, permit: Permit) -> Result<Go, Revocation> {
        let at = self.clock.time(now.mono);
        let org = permit.org();
        match self.store.transact(|ledger| block::block(ledger, org, at)) {
            Ok(Frees::Now) => {}
            Ok(Frees::At(until)) => {
                return Err(Revocation::Blocked {
                    until: now.mono + (until - at),
                });
            }
            // A store that cannot be asked now may hold a block: nothing is dialed.
            Ok(Frees::Never) | Err(_) => return Err(Revocation::Late),
        }
        if permit.is_late(now, GRACE) {
            return Err(Revocation::Late);
        }
        Ok(permit.confirmed())
    }

    /// A start was cancelled before its dial: its slot is given back.
    ///
    /// # Errors
    /// The store could not be written: the attempt goes on counting.
    pub fn withdraw(&mut self, now: Now, attempt: AttemptId) -> Result<(), StoreError> {
        let at = self.clock.time(now.mono);
        let policy = &self.policy;
        self.store.transact(|ledger| {
            ledger.advance(at, policy);
            ledger.attempts.remove(&attempt);
        })
    }

    /// A session of `org` ended, with these consequences.
    ///
    /// # Errors
    /// The store could not be written.
    pub fn ended(&mut self, now: Now, org: &OrgId, then: Consequence) -> Result<(), StoreError> {
        let at = self.clock.time(now.mono);
        let policy = &self.policy;
        self.store.transact(|ledger| {
            ledger.advance(at, policy);
            if then.failure {
                ledger.failures.insert(org.clone(), at);
            }
            if let Some(length) = then.block {
                let until = at + length;
                let block = match policy.block_scope {
                    BlockScope::Org => ledger.blocks.entry(org.clone()).or_insert(until),
                    BlockScope::All => ledger.block_of_all.get_or_insert(until),
                };
                *block = until.max(*block);
            }
        })
    }

    /// The organization is at rest: its attempts can no longer be cut short.
    ///
    /// # Errors
    /// The store could not be written.
    pub fn rest(&mut self, org: &OrgId) -> Result<(), StoreError> {
        self.store.transact(|ledger| {
            let own = ledger
                .attempts
                .values_mut()
                .filter(|attempt| attempt.org == *org);
            own.for_each(|attempt| attempt.open = false);
        })
    }

    /// Where an organization stands, with nothing changed.
    ///
    /// # Errors
    /// The store could not be read.
    pub fn status(&mut self, now: Now, org: &OrgId) -> Result<LimiterStatus, StoreError> {
        let at = self.clock.time(now.mono);
        let policy = &self.policy;
        self.store.transact(|ledger| {
            let refused = decide(ledger, policy, org, at).err();
            let inside = |attempt: &&Attempt, per| attempt.admitted_at + per > at;
            let attempts = || ledger.attempts.values();
            LimiterStatus {
                retry_at: refused
                    .as_ref()
                    .and_then(|refused| refused.until)
                    .map(|until| told(now, at, until)),
                refused,
                global_attempts: attempts()
                    .filter(|attempt| inside(attempt, policy.global.per))
                    .count(),
                org_attempts: attempts()
                    .filter(|attempt| attempt.org == *org && inside(attempt, policy.per_org.per))
                    .count(),
            }
        })
    }

    /// The store.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }
}

impl Ledger {
    /// Moves the high-water mark, and forgets what no rule can ask for any more.
    fn advance(&mut self, at: LimiterTime, policy: &LimiterPolicy) {
        self.high_water = Some(self.high_water.map_or(at, |before| before.max(at)));
        let window = policy.global.per.max(policy.per_org.per);
        self.attempts
            .retain(|_, attempt| attempt.open || attempt.admitted_at + window > at);
        self.failures
            .retain(|_, failed_at| *failed_at + policy.cooldown > at);
        self.blocks.retain(|_, until| *until > at);
        self.block_of_all = self.block_of_all.filter(|until| *until > at);
    }

    fn admit(&mut self, org: &OrgId, at: LimiterTime) -> AttemptId {
        self.attempts_ever += 1;
        let id = AttemptId(self.attempts_ever);
        self.attempts.insert(
            id,
            Attempt {
                org: org.clone(),
                admitted_at: at,
                open: true,
            },
        );
        id
    }
}

/// The limiter's time: what the store remembers or the wall clock at boot, whichever is later, plus monotonic time since.
/// So no step of the wall clock changes a window while the process runs, and none back shortens one across a restart.
#[derive(Clone, Copy, Debug)]
struct Clock {
    base: LimiterTime,
    booted: Instant,
}

impl Clock {
    fn time(&self, now: Instant) -> LimiterTime {
        self.base + (now - self.booted)
    }
}

/// A time of the limiter as people are told it: the wall clock now, plus what remains.
fn told(now: Now, at: LimiterTime, until: LimiterTime) -> Timestamp {
    let remaining =
        SignedDuration::from_millis(i64::try_from((until - at).get()).unwrap_or(i64::MAX));
    now.wall.saturating_add(remaining).unwrap_or(Timestamp::MAX)
}

//! The limiter: who may start, when, and the permit that a dial spends.
//!
//! [`decide`] is a pure function of the ledger and the time. [`Limiter`] runs it in one transaction of its store, stores
//! the attempt in the same transaction, and makes the [`Permit`] after the commit.

mod block;
mod calendar;
mod clock;
mod cooldown;
mod permit;
mod quota;
mod rule;
mod status;
mod write;

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use squall_protocol::{Instant, Millis, Now};

use crate::cause::Consequence;
use crate::id::{AttemptId, OrgId};
use crate::limiter::clock::{Clock, told};
use crate::limiter::rule::Frees;
use crate::limiter::write::Write;
use crate::machine::Revocation;
use crate::policy::LimiterPolicy;
use crate::state::State;
use crate::store::{Ledger, Store};

pub use crate::store::{MemoryStore, StoreError};
pub use clock::Moment;
pub use permit::{ArmedHandoff, Go, Handoff, Permit};
pub use rule::{Denial, Refused, decide};
pub use status::LimiterStatus;

/// A dial so late by either clock is not what was admitted any more.
pub const GRACE: Millis = Millis::from_secs(30);

/// A wall clock that went ahead by more than this while the process was down deserves a look.
pub const JUMP: Millis = Millis::from_hours(24);

/// The high-water mark of the clock in the store is never older than this while the process lives. So a boot tells how
/// long nobody ran, to this much, however long nothing had happened before.
pub const MARK: Millis = Millis::from_mins(10);

/// Decides on every start-session, and remembers in its store what it granted.
#[derive(Debug)]
pub struct Limiter<S> {
    store: S,
    policy: LimiterPolicy,
    clock: Clock,
    /// When the high-water mark is to be moved next if nothing happens.
    mark_due: Instant,
    /// What happened while the store could not be written, in order. It is written before anything else is answered, so
    /// no block or failure is forgotten while this process lives.
    unwritten: Vec<Write>,
    /// Why the store could not be used the last time that it was.
    failure: Option<StoreError>,
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
            let clock = Clock::boot(ledger.high_water, now);
            let at = clock.time(now.mono);
            let found = Found {
                jumped: Some(clock::ahead(ledger.high_water, now)).filter(|ahead| *ahead > JUMP),
                cut_short: ledger.cut_short(at),
            };
            ledger.advance(at, &policy);
            (clock, found)
        })?;
        let limiter = Self {
            store,
            policy,
            clock,
            mark_due: now.mono + MARK,
            unwritten: Vec::new(),
            failure: None,
        };
        Ok((limiter, found))
    }

    /// When it wants to wake: it then moves the high-water mark.
    pub fn poll_timeout(&self) -> Instant {
        self.mark_due
    }

    /// Its time has come. A store that cannot be written now is tried again one [`MARK`] later.
    pub fn handle_timeout(&mut self, now: Now) {
        if now.mono < self.mark_due {
            return;
        }
        self.mark_due = now.mono + MARK;
        let _ = self.try_again(now);
    }

    /// Why the store could not be used the last time that it was; none, if it could. Until it can, what happened is kept
    /// in memory alone, and [`Limiter::try_again`] writes it.
    pub fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }

    /// Writes what is kept in memory alone, and the high-water mark.
    ///
    /// # Errors
    /// The store still cannot be written.
    pub fn try_again(&mut self, now: Now) -> Result<(), StoreError> {
        let at = self.clock.time(now.mono);
        self.transact(|ledger, policy| ledger.advance(at, policy))
    }

    /// The operator asks for a session of `org`. `active` says whether one is under way.
    pub fn admit(&mut self, now: Now, org: &OrgId, active: bool) -> Admission {
        let moment = self.clock.moment(now);
        let at = moment.at;
        let delay = self.policy.delay;
        let decided = self.transact(|ledger, policy| {
            if active {
                return Err(None);
            }
            // A refusal writes nothing.
            decide(ledger, policy, org, moment).map_err(Some)?;
            ledger.advance(at, policy);
            Ok(ledger.admit(org, at))
        });
        let denied = |cause| Admission::Denied {
            cause,
            also: Vec::new(),
            retry_at: None,
        };
        match decided {
            Ok(Ok(attempt)) => Admission::Granted(Permit::new(attempt, org.clone(), now, delay)),
            Ok(Err(None)) => denied(Denial::AlreadyActive),
            Ok(Err(Some(Refused { cause, also, until }))) => Admission::Denied {
                cause,
                also,
                retry_at: until.map(|until| told(now, at, until)),
            },
            Err(_) => {
                if !active {
                    self.refused_unheard(org);
                }
                denied(Denial::StoreUnavailable)
            }
        }
    }

    /// A start was refused since the store failed. Where the confirmation of the commit alone failed, the attempt is there
    /// and counts, and nobody will ever hold it: the death of this process is to cut nothing short.
    fn refused_unheard(&mut self, org: &OrgId) {
        let is_same = |write: &Write| matches!(write, Write::Unheld(other) if other == org);
        if !self.unwritten.iter().any(is_same) {
            self.unwritten.push(Write::Unheld(org.clone()));
        }
    }

    /// At the permit's time: asks again whether it may dial. A permit that is revoked counts. That its time has come is
    /// stored before this is answered.
    ///
    /// # Errors
    /// A block began during the wait; or the dial would be more than [`GRACE`] late by one of the clocks; or the attempt
    /// was given back or cut short; or the store cannot be asked, which may hold a block.
    ///
    /// # Panics
    /// Before `dial_at`: the mandatory wait has no exception.
    pub fn confirm(&mut self, now: Now, permit: Permit) -> Result<Go, Revocation> {
        assert!(
            now.mono >= permit.dial_at(),
            "{} may be confirmed from {} on, not at {}",
            permit.attempt(),
            permit.dial_at(),
            now.mono
        );
        let at = self.clock.time(now.mono);
        let asked = self.transact(|ledger, policy| {
            ledger.advance(at, policy);
            let waited = ledger.spend(permit.attempt());
            (waited, block::block(ledger, permit.org(), at))
        });
        match asked {
            Ok((_, Frees::At(until))) => Err(Revocation::Blocked {
                until: now.mono + (until - at),
            }),
            Ok((true, Frees::Now)) if !permit.is_late(now, GRACE) => Ok(permit.confirmed()),
            Ok(_) => Err(Revocation::Late),
            Err(_) => {
                self.unwritten.push(Write::Spent(permit.attempt()));
                Err(Revocation::Unasked)
            }
        }
    }

    /// A start was cancelled before its dial: its slot is given back. Once its permit's time has come an attempt counts,
    /// and this changes nothing.
    ///
    /// # Errors
    /// The store could not be written. It is tried again before anything else is answered; until then the attempt counts.
    pub fn withdraw(&mut self, now: Now, attempt: AttemptId) -> Result<(), StoreError> {
        self.write(Some(now), Write::Withdrawn(attempt))
    }

    /// A session of `org` ended, with these consequences, and came to rest there; nowhere, where its handoff goes on. Both
    /// are one transaction, so that no death of the process comes between a block and the end that it is for.
    ///
    /// # Errors
    /// The store could not be written. It is tried again before anything else is answered, so the limiter still holds to
    /// it; only the death of the process before then would lose it.
    pub fn ended(
        &mut self,
        now: Now,
        org: &OrgId,
        then: Consequence,
        rests_at: Option<State>,
    ) -> Result<(), StoreError> {
        let ended = Write::Ended {
            org: org.clone(),
            then,
            rests_at,
            at: self.clock.time(now.mono),
        };
        self.write(Some(now), ended)
    }

    /// The organization came to rest in `end`: what it has dialed can no longer be cut short.
    ///
    /// # Errors
    /// The store could not be written. It is tried again before anything else is answered.
    pub fn rest(&mut self, org: &OrgId, end: State) -> Result<(), StoreError> {
        self.write(None, Write::Rested(org.clone(), end))
    }

    fn write(&mut self, now: Option<Now>, write: Write) -> Result<(), StoreError> {
        let at = now.map(|now| self.clock.time(now.mono));
        self.unwritten.push(write);
        self.transact(|ledger, policy| {
            if let Some(at) = at {
                ledger.advance(at, policy);
            }
        })
    }

    /// One transaction, with what is unwritten before it.
    fn transact<R>(
        &mut self,
        work: impl FnOnce(&mut Ledger, &LimiterPolicy) -> R,
    ) -> Result<R, StoreError> {
        let Self {
            store,
            policy,
            unwritten,
            failure,
            ..
        } = self;
        let done = store.transact(|ledger| {
            for write in unwritten.iter() {
                write.apply(ledger, policy);
            }
            work(ledger, policy)
        });
        *failure = done.as_ref().err().cloned();
        if done.is_ok() {
            unwritten.clear();
        }
        done
    }

    /// The store.
    pub fn store(&mut self) -> &mut S {
        &mut self.store
    }
}

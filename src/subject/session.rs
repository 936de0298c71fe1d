//! The real session and the real limiter, as a gateway would hold them.

use std::collections::BTreeMap;

use rand::rngs::ChaCha8Rng;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Millis, Now};
use squall_session::limiter::{self, Go, Limiter, Permit, StoreError};
use squall_session::machine::Revocation;
use squall_session::store::{Ledger, Store};
use squall_session::{AttemptId, Event, LimiterPolicy, OrgId, Policy, Session, State};

use crate::subject::{Admission, Boot, OpenStore, Setup, Subject};
use crate::trace::Claims;
use crate::words::Denial;

/// The real session behind the real limiter.
#[derive(Debug)]
pub struct RealSession {
    policy: Policy,
    limiter: Limiter<OpenStore>,
    states: BTreeMap<OrgId, State>,
    cut_short: Vec<(OrgId, AttemptId)>,
    clock_jumped: bool,
    booted: Now,
}

impl RealSession {
    /// Rewrites what the limiter remembers behind its back, as no caller ever should.
    pub(super) fn rewrite<R: Default>(&mut self, work: impl FnOnce(&mut Ledger) -> R) -> R {
        // A store that fails here leaves everything as it is: nothing to tell anybody.
        self.limiter.store().transact(work).unwrap_or_default()
    }

    /// The rules of its limiter.
    pub(super) fn rules(&self) -> &LimiterPolicy {
        &self.policy.limiter
    }

    /// Takes an organization for one that does not wait for a dial.
    pub(super) fn forget_waiting(&mut self, org: &OrgId) {
        self.states.insert(org.clone(), State::Idle);
    }
}

impl Boot for RealSession {
    const NAME: &'static str = "session";

    fn claims() -> Claims {
        Claims {
            waits: true,
            ..Claims::default()
        }
    }

    fn boot(setup: &Setup, now: Now) -> Result<Self, StoreError> {
        let store = setup.store.open()?;
        let (limiter, found) = Limiter::boot(store, setup.policy.limiter.clone(), now)?;
        Ok(Self {
            policy: setup.policy.clone(),
            limiter,
            states: BTreeMap::new(),
            cut_short: found.cut_short,
            clock_jumped: found.jumped.is_some(),
            booted: now,
        })
    }
}

impl Subject for RealSession {
    type Start = Permit;
    type Go = Go;
    type Machine = Session;

    fn admit(&mut self, now: Now, org: &OrgId) -> Admission<Permit> {
        let active = self
            .states
            .get(org)
            .is_some_and(|state| !state.is_at_rest());
        match self.limiter.admit(now, org, active) {
            limiter::Admission::Granted(permit) => {
                // The session says so itself when it hears of the start; another request may come before.
                self.states.insert(org.clone(), State::Waiting);
                Admission::Granted {
                    attempt: permit.attempt(),
                    start: permit,
                }
            }
            limiter::Admission::Denied {
                cause,
                also,
                retry_at,
            } => Admission::Denied {
                cause: denial(cause),
                also: also.into_iter().map(denial).collect(),
                retry_at,
            },
        }
    }

    fn confirm(&mut self, now: Now, start: Permit) -> Result<Go, Revocation> {
        self.limiter.confirm(now, start)
    }

    // A store that cannot be asked may hold a block: it is asked again.
    fn blocked_until(&mut self, now: Now, org: &OrgId) -> Option<Instant> {
        let until = self.limiter.blocked_until(now, org);
        until.unwrap_or_else(|_| Some(now.mono + ASK_AGAIN))
    }

    // The limiter remembers what it could not write and writes it before its next answer; a device that could not be
    // written is not tried again.

    fn withdraw(&mut self, now: Now, attempt: AttemptId) {
        let _ = self.limiter.withdraw(now, attempt);
    }

    fn hear(&mut self, now: Now, org: &OrgId, event: &Event) {
        match event {
            Event::State(state) => {
                self.states.insert(org.clone(), *state);
                if state.is_at_rest() {
                    let _ = self.limiter.rest(org, *state);
                }
            }
            Event::Disconnected(disconnected) => {
                let rests_at = disconnected.rests_at();
                let _ = self.limiter.ended(now, org, disconnected.then, rests_at);
                if disconnected.then.clear {
                    let _ = self
                        .limiter
                        .store()
                        .set_device_aside(org, disconnected.attempt);
                }
            }
            Event::Device(device) => {
                let _ = self.limiter.store().put_device(org, device.clone());
            }
            _ => {}
        }
    }

    fn machine(&mut self, org: &OrgId, mut rng: ChaCha8Rng) -> Session {
        let stored = self.limiter.store().device(org).ok().flatten();
        let device = stored.unwrap_or_else(|| Device::generate(&mut rng));
        let end = self.limiter.stored_end(self.booted, org).ok().flatten();
        let session = Session::new(org.clone(), self.policy.clone(), device, end, rng);
        self.states.insert(org.clone(), session.status().state);
        session
    }

    fn cut_short(&mut self) -> Vec<(OrgId, AttemptId)> {
        std::mem::take(&mut self.cut_short)
    }

    fn clock_jumped(&mut self) -> bool {
        std::mem::take(&mut self.clock_jumped)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Some(self.limiter.poll_timeout())
    }

    fn handle_timeout(&mut self, now: Now) {
        self.limiter.handle_timeout(now);
    }

    fn stands(&self, org: &OrgId) -> State {
        self.states.get(org).copied().unwrap_or(State::Idle)
    }
}

/// How long after a store could not be asked it is asked again whether a block is over.
const ASK_AGAIN: Millis = Millis::from_mins(1);

/// The limiter's word for a denial in the words of the trace.
fn denial(denial: limiter::Denial) -> Denial {
    match denial {
        limiter::Denial::StoreUnavailable => Denial::StoreUnavailable,
        limiter::Denial::AlreadyActive => Denial::AlreadyActive,
        limiter::Denial::Global => Denial::Global,
        limiter::Denial::PerOrg => Denial::PerOrg,
        limiter::Denial::Cooldown => Denial::Cooldown,
        limiter::Denial::Block => Denial::Block,
    }
}

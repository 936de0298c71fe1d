//! Subjects: what is tested. The real session, the gateway as it was before, mutants of the session.
//!
//! All plug in at one trait, and the engines know no other difference between them.

mod before;
mod mutant;
mod session;
mod store;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use rand::rngs::ChaCha8Rng;
use squall_protocol::{Instant, Now};
use squall_session::limiter::StoreError;
use squall_session::machine::Revocation;
use squall_session::{AttemptId, Event, Machine, OrgId, Policy, State};

use crate::run::{Options, Verdict, run_gateway, run_with};
use crate::scenario::Scenario;
use crate::trace::Claims;
use crate::words::Denial;

pub use before::Before;
pub(crate) use mutant::PagesFn;
pub use mutant::{MUTANTS, Mutant};
pub use session::RealSession;
pub use store::{KeptStore, OpenStore};

/// A subject that comes with Squall.
#[derive(Clone, Copy, Debug)]
pub enum Tested {
    /// The real session behind the real limiter.
    Session,
    /// The shipped gateway, asked over its HTTP API.
    Gateway,
    /// The gateway as it was before.
    Before,
    /// The real session with one decision changed.
    Mutant(&'static Mutant),
}

impl Tested {
    /// Every subject.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Session, Self::Gateway, Self::Before]
            .into_iter()
            .chain(MUTANTS.iter().map(Self::Mutant))
    }

    /// The subject of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all().find(|tested| tested.name() == name)
    }

    /// Its name, as `--subject` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Session => RealSession::NAME,
            Self::Gateway => "gateway",
            Self::Before => Before::NAME,
            Self::Mutant(mutant) => mutant.name,
        }
    }

    /// What it is, in one line.
    pub fn about(self) -> &'static str {
        match self {
            Self::Session => "the real session behind the real limiter",
            Self::Gateway => "the shipped gateway, asked over its HTTP API, on a store in one file",
            Self::Before => "the gateway as it was before: it reconnects by itself",
            Self::Mutant(mutant) => mutant.about,
        }
    }

    /// What it claims to do; what it does not claim is not judged.
    pub fn claims(self) -> Claims {
        match self {
            Self::Session | Self::Gateway | Self::Mutant(_) => RealSession::claims(),
            Self::Before => Before::claims(),
        }
    }

    pub(crate) fn run(self, scenario: &Scenario, options: Options) -> std::io::Result<Verdict> {
        let (name, claims) = (self.name(), self.claims());
        match self {
            Self::Session => run_with(scenario, name, claims, options, Box::new(RealSession::boot)),
            Self::Gateway => run_gateway(scenario, name, claims, options, None),
            Self::Before => run_with(scenario, name, claims, options, Box::new(Before::boot)),
            Self::Mutant(mutant) if mutant.pages.is_some() => {
                run_gateway(scenario, name, claims, options, mutant.pages)
            }
            Self::Mutant(mutant) => {
                let boot = move |setup: &Setup, now| mutant::Mutated::boot(mutant, setup, now);
                run_with(scenario, name, claims, options, Box::new(boot))
            }
        }
    }
}

/// A client process under test: whatever decides on a start, and a machine for each organization.
pub trait Subject: Send + Sized + 'static {
    /// What an admitted start carries.
    type Start: Send + 'static;
    /// A start confirmed at its time.
    type Go: Send + 'static;
    /// What holds an organization's connection.
    type Machine: Machine<Start = Self::Start, Go = Self::Go>;

    /// The operator asks for a session.
    fn admit(&mut self, now: Now, org: &OrgId) -> Admission<Self::Start>;
    /// At the start's time: may it dial?
    fn confirm(&mut self, now: Now, start: Self::Start) -> Result<Self::Go, Revocation>;
    /// Until when a block keeps this organization out, by the monotonic clock; none, if none does or it knows of none.
    fn blocked_until(&mut self, now: Now, org: &OrgId) -> Option<Instant> {
        let _ = (now, org);
        None
    }
    /// A start was cancelled before its dial.
    fn withdraw(&mut self, now: Now, attempt: AttemptId);
    /// A machine says something.
    fn hear(&mut self, now: Now, org: &OrgId, event: &Event);
    /// The machine of an organization, as it is after a boot.
    fn machine(&mut self, org: &OrgId, rng: ChaCha8Rng) -> Self::Machine;
    /// Attempts that the boot found cut short by the death of the process before, to be told as such.
    fn cut_short(&mut self) -> Vec<(OrgId, AttemptId)>;
    /// Whether the boot found that the wall clock had gone ahead by more than time that passes unnoticed, to be told as an
    /// alert of the whole process.
    fn clock_jumped(&mut self) -> bool {
        false
    }
    /// When it wants to wake, by the monotonic clock, whatever its machines do.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    /// Its time has come, or nearly.
    fn handle_timeout(&mut self, now: Now) {
        let _ = now;
    }
    /// Where an organization's session stands right after a boot, once its machine was made.
    fn stands(&self, org: &OrgId) -> State;
}

/// A subject that can be booted by its type alone, as `squall::run` does.
pub trait Boot: Subject {
    /// The name in reports and in `--subject`.
    const NAME: &'static str;
    /// What it claims to do; what it does not claim is not judged.
    fn claims() -> Claims;
    /// Boots on a store. It never dials.
    fn boot(setup: &Setup, now: Now) -> Result<Self, StoreError>;
}

/// What a subject is booted with.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its settings.
    pub policy: Policy,
    /// Its store, which outlives its process.
    pub store: KeptStore,
}

/// The answer to a start-session.
#[derive(Debug)]
pub enum Admission<S> {
    /// Go ahead.
    Granted {
        /// The attempt's number.
        attempt: AttemptId,
        /// What the machine is started with.
        start: S,
    },
    /// No.
    Denied {
        /// The rule that frees last.
        cause: Denial,
        /// The others that stand in the way.
        also: Vec<Denial>,
        /// When the same call would be granted.
        retry_at: Option<Timestamp>,
    },
}

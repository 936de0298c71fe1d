//! Mutants: the real session with one decision changed, each after a real bug. A judge that lets one pass is no judge.

mod connected_too_early;
mod connected_until_closed;
mod idle_watchdog;
mod leftovers;
mod ping_behind_backlog;
mod reconnects;
mod success_resets_budget;
mod wrong_cause;

use std::collections::VecDeque;

use rand::rngs::ChaCha8Rng;
use squall_protocol::{Instant, Now};
use squall_session::limiter::{Go, Permit, StoreError};
use squall_session::machine::Revocation;
use squall_session::{AttemptId, Event, Input, Machine, OrgId, Output, Session, State, Timer};

use crate::subject::{Admission, Boot, RealSession, Setup, Subject};
use crate::words::OracleName;

/// A mutant: what it does wrong, where that was seen, and who must catch it.
#[derive(Clone, Copy, Debug)]
pub struct Mutant {
    /// The name in reports and in `--subject`.
    pub name: &'static str,
    /// The decision that it changes.
    pub about: &'static str,
    /// Where the bug was seen.
    pub incident: &'static str,
    /// The oracle that must find it.
    pub oracle: OracleName,
    /// The scenario, by name, in which it must be found.
    pub scenario: &'static str,
    /// Its twist on the machine.
    twist: fn() -> Box<dyn Twist>,
    /// Its twist on the limiter.
    hears: fn(&mut RealSession, Now, &OrgId, &Event),
}

/// Every mutant, one line each.
pub const MUTANTS: &[Mutant] = &[
    reconnects::ON_CLOSE,
    reconnects::AFTER_515,
    idle_watchdog::MUTANT,
    success_resets_budget::MUTANT,
    connected_too_early::MUTANT,
    ping_behind_backlog::MUTANT,
    connected_until_closed::MUTANT,
    wrong_cause::MUTANT,
    leftovers::TIMER,
    leftovers::LINK,
];

/// What a mutant does to the inputs and outputs of the session inside. By default nothing.
trait Twist: Send {
    /// An input comes.
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        stage.feed(now, input);
    }

    /// The session inside puts something out.
    fn on_output(&mut self, _now: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        out.push_back(output);
    }

    /// When it wants to wake.
    fn timeout(&self) -> Option<Instant> {
        None
    }

    /// Its time has come.
    fn on_timeout(&mut self, _now: Now, _stage: &mut Stage) {}
}

/// The mutant that changes nothing of the machine.
struct Plain;

impl Twist for Plain {}

/// A mutant that leaves the limiter alone.
fn hears_nothing(_: &mut RealSession, _: Now, _: &OrgId, _: &Event) {}

/// The session inside, and what it and the twist have put out.
struct Stage {
    inner: Session,
    fresh: VecDeque<Output<Permit>>,
}

impl Stage {
    /// Gives the session inside an input.
    fn feed(&mut self, now: Now, input: Input<Permit, Go>) {
        self.inner.handle_input(now, input);
        while let Some(output) = self.inner.poll_output() {
            self.fresh.push_back(output);
        }
    }

    /// Puts something out.
    fn put(&mut self, output: Output<Permit>) {
        self.fresh.push_back(output);
    }
}

/// A session with a twist.
pub(super) struct Twisted {
    stage: Stage,
    twist: Box<dyn Twist>,
    outputs: VecDeque<Output<Permit>>,
}

impl Twisted {
    fn settle(&mut self, now: Now) {
        while let Some(output) = self.stage.fresh.pop_front() {
            self.twist.on_output(now, output, &mut self.outputs);
        }
    }
}

impl Machine for Twisted {
    type Start = Permit;
    type Go = Go;

    fn handle_input(&mut self, now: Now, input: Input<Permit, Go>) {
        if matches!(input, Input::Timeout) && self.twist.timeout().is_some_and(|at| at <= now.mono)
        {
            self.twist.on_timeout(now, &mut self.stage);
            self.settle(now);
        }
        self.twist.on_input(now, input, &mut self.stage);
        self.settle(now);
    }

    fn poll_output(&mut self) -> Option<Output<Permit>> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let own = self.twist.timeout().map(|at| (at, Timer::Dial));
        self.stage.inner.poll_timeout().into_iter().chain(own).min()
    }

    fn state(&self) -> State {
        self.stage.inner.state()
    }
}

/// A mutant as a subject.
pub(in crate::subject) struct Mutated {
    mutant: &'static Mutant,
    real: RealSession,
}

impl Mutated {
    /// Boots a mutant on a store.
    pub(in crate::subject) fn boot(
        mutant: &'static Mutant,
        setup: &Setup,
        now: Now,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            mutant,
            real: RealSession::boot(setup, now)?,
        })
    }
}

impl Subject for Mutated {
    type Start = Permit;
    type Go = Go;
    type Machine = Twisted;

    fn admit(&mut self, now: Now, org: &OrgId) -> Admission<Permit> {
        self.real.admit(now, org)
    }

    fn confirm(&mut self, now: Now, start: Permit) -> Result<Go, Revocation> {
        self.real.confirm(now, start)
    }

    fn withdraw(&mut self, now: Now, attempt: AttemptId) {
        self.real.withdraw(now, attempt);
    }

    fn hear(&mut self, now: Now, org: &OrgId, event: &Event) {
        self.real.hear(now, org, event);
        (self.mutant.hears)(&mut self.real, now, org, event);
    }

    fn machine(&mut self, org: &OrgId, rng: ChaCha8Rng) -> Twisted {
        let inner = self.real.machine(org, rng);
        let stage = Stage {
            inner,
            fresh: VecDeque::new(),
        };
        Twisted {
            stage,
            twist: (self.mutant.twist)(),
            outputs: VecDeque::new(),
        }
    }

    fn cut_short(&mut self) -> Vec<(OrgId, AttemptId)> {
        self.real.cut_short()
    }

    fn stands(&self, org: &OrgId) -> State {
        self.real.stands(org)
    }
}

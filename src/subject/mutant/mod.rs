//! Mutants: the real session with one decision changed, each after a real bug. A judge that lets one pass is no judge.

mod any_pong;
mod behind_backlog;
mod boot_dials;
mod confirms;
mod connected_too_early;
mod connected_until_closed;
mod dead_keys;
mod double_dial;
mod failures_never_reset;
mod forgets;
mod idle_watchdog;
mod iq_errors;
mod leftovers;
mod logs_its_key;
mod misread;
mod no_wait_after_block;
mod old_connection;
mod pages;
mod pings_of_a_sleep;
mod pong_for_answer;
mod reconnects;
mod settings;
mod skew;
mod stop_lifts_block;
mod success_resets_budget;
mod timekeeping;
mod twist;
mod watchdog_on_send;
mod wrong_cause;

use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use squall_protocol::{Instant, Now};
use squall_session::gateway::Operator;
use squall_session::limiter::{Go, Permit, StoreError};
use squall_session::machine::Revocation;
use squall_session::{AttemptId, Event, OrgId, Policy, State};

use crate::subject::{Admission, Boot, RealSession, Setup, Subject, Tested};
use crate::words::OracleName;

use skew::{Skew, Straight};
use twist::{Plain, Twist, Twisted};

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
    /// Another setting than the policy's.
    settings: fn(&mut Policy),
    /// What it does to the session.
    twist: fn() -> Box<dyn Twist>,
    /// What it does to the limiter.
    skew: fn() -> Box<dyn Skew>,
    /// What it does to the pages of the shipped gateway, where it is a mutant of that.
    pub(in crate::subject) pages: Option<PagesFn>,
}

impl Mutant {
    /// The name of the subject that it is a mutant of.
    pub fn of(&self) -> &'static str {
        match self.pages {
            Some(_) => Tested::Gateway.name(),
            None => Tested::Session.name(),
        }
    }
}

/// Puts other pages before a gateway.
pub(crate) type PagesFn = fn(Arc<dyn Operator>) -> Arc<dyn Operator>;

/// Every mutant, one line each.
pub const MUTANTS: &[Mutant] = &[
    reconnects::ON_CLOSE,
    reconnects::AFTER_515,
    reconnects::AFTER_THE_LAST_QR,
    reconnects::UNPAIRED_HANDOFF,
    reconnects::SECOND_HANDOFF,
    boot_dials::MUTANT,
    double_dial::MUTANT,
    no_wait_after_block::MUTANT,
    old_connection::MUTANT,
    dead_keys::MUTANT,
    connected_too_early::MUTANT,
    idle_watchdog::MUTANT,
    watchdog_on_send::MUTANT,
    settings::NO_ZOMBIE,
    settings::LATE_IS_DEAD,
    pong_for_answer::MUTANT,
    any_pong::MUTANT,
    iq_errors::RATE_OVERLIMIT,
    iq_errors::NO_ANSWER,
    failures_never_reset::MUTANT,
    behind_backlog::PING,
    behind_backlog::ANSWER,
    pings_of_a_sleep::MUTANT,
    misread::RETRY_AFTER,
    misread::EXPIRE,
    success_resets_budget::MUTANT,
    forgets::OUTDATED,
    forgets::ONE_REFUSAL,
    forgets::STOP_GIVES_BACK,
    forgets::CRASH_GIVES_BACK,
    stop_lifts_block::MUTANT,
    confirms::LATE,
    confirms::BLIND,
    connected_until_closed::MUTANT,
    wrong_cause::MUTANT,
    leftovers::TIMER,
    leftovers::LINK,
    logs_its_key::MUTANT,
    timekeeping::COOLDOWN,
    timekeeping::DAY_EDGE,
    pages::CONNECTED,
    pages::NO_BLOCK,
];

/// The session as it is: what a mutant does not name stays so.
const UNCHANGED: Mutant = Mutant {
    name: "",
    about: "",
    incident: "",
    oracle: OracleName::Expectations,
    scenario: "",
    settings: |_| {},
    twist: || Box::new(Plain),
    skew: || Box::new(Straight),
    pages: None,
};

/// A mutant as a subject.
pub(in crate::subject) struct Mutated {
    twist: fn() -> Box<dyn Twist>,
    skew: Box<dyn Skew>,
    real: RealSession,
    booted: Now,
    /// What the boot found cut short.
    cut_short: Vec<(OrgId, AttemptId)>,
}

impl Mutated {
    /// Boots a mutant on a store.
    pub(in crate::subject) fn boot(
        mutant: &'static Mutant,
        setup: &Setup,
        now: Now,
    ) -> Result<Self, StoreError> {
        let mut setup = setup.clone();
        (mutant.settings)(&mut setup.policy);
        let mut real = RealSession::boot(&setup, now)?;
        let cut_short = real.cut_short();
        let mut skew = (mutant.skew)();
        skew.on_boot(&mut real, &cut_short);
        Ok(Self {
            twist: mutant.twist,
            skew,
            cut_short,
            real,
            booted: now,
        })
    }
}

impl Subject for Mutated {
    type Start = Permit;
    type Go = Go;
    type Machine = Twisted;

    fn admit(&mut self, now: Now, org: &OrgId) -> Admission<Permit> {
        self.skew.admit(&mut self.real, now, org)
    }

    fn confirm(&mut self, now: Now, permit: Permit) -> Result<Go, Revocation> {
        self.skew.confirm(&mut self.real, now, permit)
    }

    fn blocked_until(&mut self, now: Now, org: &OrgId) -> Option<Instant> {
        self.real.blocked_until(now, org)
    }

    fn withdraw(&mut self, now: Now, attempt: AttemptId) {
        self.real.withdraw(now, attempt);
    }

    fn hear(&mut self, now: Now, org: &OrgId, event: &Event) {
        self.skew.hear(&mut self.real, now, org, event);
    }

    fn machine(&mut self, org: &OrgId, rng: ChaCha8Rng) -> Twisted {
        let cut_short = self.cut_short.iter().find(|(whose, _)| whose == org);
        Twisted::new(
            self.real.machine(org, rng),
            (self.twist)(),
            self.booted,
            cut_short.map(|(_, attempt)| *attempt),
        )
    }

    fn cut_short(&mut self) -> Vec<(OrgId, AttemptId)> {
        self.cut_short.clone()
    }

    fn clock_jumped(&mut self) -> bool {
        self.real.clock_jumped()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.real.poll_timeout()
    }

    fn handle_timeout(&mut self, now: Now) {
        self.real.handle_timeout(now);
    }

    fn stands(&self, org: &OrgId) -> State {
        self.real.stands(org)
    }
}

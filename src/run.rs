//! One run: a scenario, a seed and a subject in, a verdict out.

use std::collections::BTreeMap;
use std::time::Duration;

use squall_protocol::{Instant, Millis};
use squall_session::policy::{BlockScope, LimiterPolicy, PairingRestart, Policy, Quota, Window};

use crate::engine::live::{self, Reach};
use crate::engine::{BootFn, Counts, Done, Engine, Job, Listener, Program, TheGateway};
use crate::oracle::Finding;
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::seed::Seed;
use crate::subject::{Boot, KeptStore, PagesFn, Setup, Subject, Tested};
use crate::trace::{self, Claims, Header};
use crate::words::OracleName;

/// How a run is done, beside its scenario.
#[derive(Default)]
pub struct Options {
    /// The engine.
    pub engine: Engine,
    /// How the live engine reaches its server.
    pub reach: Reach,
    /// The seed; the scenario's own where there is none.
    pub seed: Option<Seed>,
    /// Ends the run there, if that is before the scenario's end; expectations later than that are not judged.
    pub until: Option<Instant>,
    /// Makes those who write the trace down, from its header.
    pub writers: Option<WritersFn>,
    /// Nobody judges: the run is for those who write it down alone.
    pub unjudged: bool,
}

/// Makes those who write a trace down.
pub type WritersFn = Box<dyn FnOnce(&Header) -> Vec<Box<dyn Listener>> + Send>;

/// What a run has shown.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The scenario's name.
    pub scenario: String,
    /// The seed that drew everything.
    pub seed: Seed,
    /// The subject.
    pub subject: String,
    /// The engine.
    pub engine: Engine,
    /// What is wrong: the first findings of each oracle.
    pub findings: Vec<Finding>,
    /// How many findings each oracle had, those that were not kept included.
    pub counts: BTreeMap<OracleName, u64>,
    /// How often each oracle had something to judge. What one that is not here did not find proves nothing.
    pub judged: BTreeMap<OracleName, u64>,
    /// Preconditions that were not met.
    pub inconclusive: Vec<String>,
    /// Oracles that did not judge, since the subject never claimed what they ask.
    pub not_judged: Vec<OracleName>,
    /// What happened, counted.
    pub happened: Counts,
    /// Simulated time.
    pub simulated: Millis,
    /// Time that it took.
    pub wall: Duration,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was found, and everything that was to happen happened.
    Held,
    /// Something is wrong.
    Findings,
    /// Nothing was found, but a precondition was not met: the run proves nothing about it.
    Inconclusive,
}

impl Verdict {
    /// How the run ended.
    pub fn ending(&self) -> Ending {
        if !self.counts.is_empty() {
            Ending::Findings
        } else if self.inconclusive.is_empty() {
            Ending::Held
        } else {
            Ending::Inconclusive
        }
    }
}

/// Runs a scenario against a subject of your own, in virtual time.
///
/// ```
/// use squall::{run, scenario::Scenario, seed::Seed, subject::RealSession};
///
/// let text = "
/// name: an hour
/// runs_for: 1h
/// organizations: { \"2\": { paired: true } }
/// steps:
///   - { at: 0s, start_session: { org: \"2\" } }
/// expect:
///   - dials: { org: \"2\", count: 1 }
/// ";
/// let scenario = squall::scenario::parse(text, "an-hour.yaml".as_ref()).expect("a good scenario");
/// let verdict = run::<RealSession>(&scenario, Seed(7)).expect("a thread can be had");
/// assert_eq!(verdict.ending(), squall::Ending::Held, "{:#?}", verdict.findings);
/// ```
///
/// # Errors
/// No runtime could be made.
pub fn run<S: Boot>(scenario: &Scenario, seed: Seed) -> std::io::Result<Verdict> {
    let options = Options {
        seed: Some(seed),
        ..Options::default()
    };
    run_with(scenario, S::NAME, S::claims(), options, Box::new(S::boot))
}

/// Runs a scenario against one of the subjects that come with Squall.
///
/// # Errors
/// No runtime could be made.
pub fn run_tested(
    scenario: &Scenario,
    tested: Tested,
    options: Options,
) -> std::io::Result<Verdict> {
    tested.run(scenario, options)
}

/// Runs a scenario against the shipped gateway, or one with other pages before it.
pub(crate) fn run_gateway(
    scenario: &Scenario,
    name: &str,
    claims: Claims,
    options: Options,
    pages: Option<PagesFn>,
) -> std::io::Result<Verdict> {
    run_program(scenario, name, claims, options, TheGateway { pages })
}

/// Runs a scenario against a subject that is booted so.
pub(crate) fn run_with<S: Subject>(
    scenario: &Scenario,
    name: &str,
    claims: Claims,
    options: Options,
    boot: BootFn<S>,
) -> std::io::Result<Verdict> {
    run_program(scenario, name, claims, options, boot)
}

fn run_program<P: Program>(
    scenario: &Scenario,
    name: &str,
    claims: Claims,
    options: Options,
    program: P,
) -> std::io::Result<Verdict> {
    let plan = Plan::draw(scenario, options.seed.unwrap_or(scenario.seed));
    let setup = Setup {
        policy: policy(&plan.policy),
        store: match P::ON_DISK || plan.needs_a_disk() {
            true => KeptStore::file(),
            false => KeptStore::memory(),
        },
    };
    let seed = plan.seed;
    let mut job = Job::new(scenario, plan, options.engine, name, claims);
    if let Some(until) = options.until {
        job.until = job.until.min(until);
    }
    if let Some(writers) = options.writers {
        job.writers = writers(&job.header);
    }
    job.judged = !options.unjudged;
    let not_judged = job.header.claims.not_judged.iter().copied().collect();
    let done = job.run(options.engine, &options.reach, setup, program)?;
    Ok(verdict(
        (scenario, seed),
        (name, options.engine),
        not_judged,
        done,
    ))
}

/// How a process of somebody else's is called as a subject.
pub(crate) const PROBED: &str = "a process";

/// Runs a scenario against a client that is a process of its own, in real time.
pub(crate) fn probe(
    scenario: &Scenario,
    probe: &live::Probe,
    options: Options,
) -> std::io::Result<(Verdict, live::Client)> {
    let plan = Plan::draw(scenario, options.seed.unwrap_or(scenario.seed));
    let seed = plan.seed;
    let not_judged: Vec<_> = NEEDS_ITS_OWN_WORD.to_vec();
    let claims = Claims {
        not_judged: not_judged.iter().copied().collect(),
        own_handoff: Some(COMES_BACK),
        ..Claims::default()
    };
    let mut job = Job::new(scenario, plan, Engine::Live, PROBED, claims);
    if let Some(until) = options.until {
        job.until = job.until.min(until);
    }
    if let Some(writers) = options.writers {
        job.writers = writers(&job.header);
    }
    let (done, client) = live::probe(job, probe)?;
    let verdict = verdict((scenario, seed), (PROBED, Engine::Live), not_judged, done);
    Ok((verdict, client))
}

/// Oracles that ask what only the subject itself could tell.
const NEEDS_ITS_OWN_WORD: [OracleName; 8] = [
    OracleName::LimiterShadow,
    OracleName::Holds,
    OracleName::Detection,
    OracleName::KeepAliveCadence,
    OracleName::Classification,
    OracleName::StatusHonesty,
    OracleName::Durability,
    OracleName::Quiescence,
];

/// Real clients come back within seconds of the 515 of a pairing; whoever is away for longer does not follow it.
const COMES_BACK: Millis = Millis::from_secs(10);

/// What a run has shown, from what the engine says of it.
fn verdict(
    (scenario, seed): (&Scenario, Seed),
    (subject, engine): (&str, Engine),
    not_judged: Vec<OracleName>,
    done: Done,
) -> Verdict {
    let Done {
        findings,
        counts,
        simulated,
        wall,
    } = done;
    Verdict {
        scenario: scenario.name.clone(),
        seed,
        subject: subject.to_owned(),
        engine,
        counts: findings.counts().clone(),
        judged: findings.judgements(),
        findings: findings.found,
        inconclusive: findings.inconclusive,
        not_judged,
        happened: counts,
        simulated,
        wall,
    }
}

/// The rules in force, as the session takes them.
pub(crate) fn policy(policy: &trace::Policy) -> Policy {
    let (max, per) = policy.global;
    let global = Quota { max, per };
    let (max, per) = &policy.per_org;
    let per_org = Quota {
        max: *max,
        per: match per {
            trace::Per::Rolling(per) => Window::Rolling(*per),
            trace::Per::Calendar(zone) => Window::Calendar(zone.clone()),
        },
    };
    Policy {
        keep_alive_interval: policy.keep_alive,
        active_ping_interval: policy.active_ping,
        late_after: policy.late_after,
        dead_after: policy.dead_after,
        zombie_after: policy.zombie_after,
        connect_timeout: policy.connect_timeout,
        handshake_timeout: policy.handshake_timeout,
        login_timeout: policy.login_timeout,
        pairing_timeout: policy.pairing_timeout,
        pairing_restart: if policy.handoff {
            PairingRestart::Handoff
        } else {
            PairingRestart::Manual
        },
        limiter: LimiterPolicy {
            global,
            per_org,
            cooldown: policy.cooldown,
            block: policy.block,
            block_scope: if policy.block_all {
                BlockScope::All
            } else {
                BlockScope::Org
            },
            delay: policy.delay,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario;
    use crate::subject::RealSession;

    fn verdict(steps: &str) -> Verdict {
        let text = format!(
            "name: one hour\nruns_for: 1h\norganizations: {{ \"2\": {{}} }}\nsteps:\n  - {{ at: 0s, start_session: {{ org: \"2\" }} }}\n{steps}"
        );
        let scenario = scenario::parse(&text, "one-hour.yaml".as_ref()).expect("a good scenario");
        run::<RealSession>(&scenario, Seed(7)).expect("a runtime")
    }

    #[test]
    fn a_step_that_waits_in_vain_makes_the_run_inconclusive() {
        let verdict =
            verdict("  - { id: again, on: { login: { nth: 2 } }, stop_session: { org: \"2\" } }\n");
        assert_eq!(verdict.ending(), Ending::Inconclusive);
        assert!(
            verdict.inconclusive[0].starts_with("step 2 (again) never acted"),
            "{:?}",
            verdict.inconclusive
        );
    }

    #[test]
    fn a_step_triggered_too_late_to_act_makes_the_run_inconclusive() {
        let verdict = verdict(
            "  - { on: { login: {} }, after: 59m 50s, inject: { close: { code: 1000 } } }\n",
        );
        assert_eq!(verdict.ending(), Ending::Inconclusive, "{verdict:#?}");
    }

    #[test]
    fn a_crash_of_a_dead_process_makes_the_run_inconclusive() {
        let verdict = verdict(
            "  - { at: 10m, client_crash: { down_for: 10m } }\n  - { at: 11m, client_crash: { store: lost } }\n",
        );
        assert_eq!(verdict.ending(), Ending::Inconclusive, "{verdict:#?}");
    }

    #[test]
    fn a_crash_inside_a_suspend_boots_at_the_resume() {
        let verdict = verdict(
            "  - { at: 10m, suspend: { for: 20m } }\n  - { at: 12m, client_crash: { down_for: 1m } }\n  - { at: 40m, start_session: { org: \"2\" } }\n",
        );
        assert_eq!(verdict.ending(), Ending::Held, "{verdict:#?}");
    }

    #[test]
    fn a_reset_in_the_flight_of_a_ping_is_a_reset_and_nothing_else() {
        // The ping of 5m 13s is written after the reset was sent and before it arrives.
        let text = "name: reset\nruns_for: 1h\nlink: { latency: 2s }\norganizations: { \"2\": {} }\nsteps:\n  - { at: 0s, start_session: { org: \"2\" } }\n  - { at: 5m 12s, inject: { reset: {} } }\nexpect:\n  - cause: { org: \"2\", nth: 1, is: connection_closed }\n";
        let scenario = scenario::parse(text, "reset.yaml".as_ref()).expect("a good scenario");
        let verdict = run::<RealSession>(&scenario, Seed(7)).expect("a runtime");
        assert_eq!(verdict.ending(), Ending::Held, "{verdict:#?}");
    }

    #[test]
    fn a_step_that_was_triggered_leaves_nothing_open() {
        let verdict =
            verdict("  - { on: { login: { nth: 1 } }, after: 1m, stop_session: { org: \"2\" } }\n");
        assert_eq!(verdict.ending(), Ending::Held, "{verdict:#?}");
        assert_eq!(verdict.happened.disconnects, 1);
    }
}

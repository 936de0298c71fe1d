//! Whether the harness can fail: every mutant must be caught, and the gateway as it was before must do what the
//! scenarios say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::num::NonZeroUsize;

use squall_protocol::Instant;

use super::{Outcome, Panics, Settings, Word, in_order, run_one};
use crate::exit::Exit;
use crate::run::{Ending, Verdict};
use crate::scenario::Scenario;
use crate::subject::{MUTANTS, Mutant, Tested};
use crate::words::OracleName;

/// A harness with so many scenarios must see `before` fail in at least so many of them, for its dials.
const BEFORE_FAILS: usize = 15;

/// What every mutant and the gateway as it was before did.
#[derive(Debug)]
pub struct Selftest {
    /// Of each mutant, in the order of the register.
    pub mutants: Vec<MutantTried>,
    /// Of each scenario, what it says of `before` and whether that is so.
    pub words: Vec<WordHeld>,
    /// In how many scenarios `before` failed for its dials, and in how many it must.
    pub before_fails: (usize, Option<usize>),
    /// Runs that broke off, with the line that replays each.
    pub broke: Vec<Outcome>,
}

/// What a mutant did.
#[derive(Debug)]
pub struct MutantTried {
    /// Which.
    pub mutant: &'static Mutant,
    /// Whether its oracle caught it in its scenario.
    pub catch: Catch,
    /// In how many scenarios nothing was found.
    pub passes: usize,
    /// Of how many.
    pub of: usize,
}

/// Whether a mutant was caught where it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Catch {
    /// By its oracle, in its scenario.
    Caught,
    /// Not by its oracle; these others found something.
    Missed(BTreeSet<OracleName>),
    /// The real session is caught there by the same oracle: that is no catch.
    AlsoTheSession,
    /// There is no scenario of that name here.
    NoScenario,
    /// The run broke off.
    Broke,
}

impl MutantTried {
    /// Whether it passes at least a third of the scenarios: one that fails everywhere proves nothing about the oracle.
    pub fn passes_enough(&self) -> bool {
        self.passes * 3 >= self.of
    }

    /// Whether it is as it must be.
    pub fn is_good(&self) -> bool {
        self.catch == Catch::Caught && self.passes_enough()
    }
}

/// A scenario's word about `before`, held against a run.
#[derive(Debug)]
pub struct WordHeld {
    /// The scenario.
    pub scenario: String,
    /// How they compare; `None` where the run broke off.
    pub word: Option<Word>,
    /// Where the word is broken: how.
    pub broken: Option<String>,
    /// The line that runs it again.
    pub replay: String,
}

impl Selftest {
    /// Runs every mutant and `before` over these scenarios. A mutant's run ends at `until` at the latest, except in the
    /// scenario that must catch it. `done` is called after each run.
    pub fn run(
        scenarios: &[Scenario],
        until: Instant,
        jobs: NonZeroUsize,
        panics: &Panics,
        done: impl Fn() + Sync,
    ) -> Self {
        let tasks = tasks(scenarios);
        let work = |&(tested, scenario): &(Tested, &Scenario)| {
            let mut settings = Settings::of(tested);
            if let Tested::Mutant(mutant) = tested
                && mutant.scenario != scenario.name
            {
                settings.until = Some(until);
            }
            let outcome = run_one(scenario, &settings, panics);
            done();
            outcome
        };
        let mut outcomes = Vec::with_capacity(tasks.len());
        let all = in_order(&tasks, jobs, work, |_, outcome| {
            outcomes.push(outcome);
            Ok::<(), Infallible>(())
        });
        match all {
            Ok(()) => {}
            Err(never) => match never {},
        }
        Self::of(outcomes, scenarios.len())
    }

    /// How many runs that is.
    pub fn runs(scenarios: &[Scenario]) -> usize {
        tasks(scenarios).len()
    }

    fn of(outcomes: Vec<Outcome>, scenarios: usize) -> Self {
        let mut by_subject: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
        for outcome in &outcomes {
            by_subject
                .entry(&outcome.subject)
                .or_default()
                .push(outcome);
        }
        let of = |name: &str| by_subject.get(name).map_or(&[][..], Vec::as_slice);
        let session = of(Tested::Session.name());
        let before = of(Tested::Before.name());
        let mutants = MUTANTS
            .iter()
            .map(|mutant| tried(mutant, of(mutant.name), session))
            .collect();
        let for_its_dials = before
            .iter()
            .filter(|outcome| fails_for_its_dials(outcome))
            .count();
        let words = before.iter().map(|outcome| held(outcome)).collect();
        Self {
            mutants,
            words,
            before_fails: (
                for_its_dials,
                (scenarios >= BEFORE_FAILS).then_some(BEFORE_FAILS),
            ),
            broke: outcomes
                .into_iter()
                .filter(|outcome| outcome.ran.is_err())
                .collect(),
        }
    }

    /// What it means for the exit code: anything that is not as it must be counts as a finding.
    pub fn exit(&self) -> Exit {
        let (fails, must) = self.before_fails;
        let good = self.mutants.iter().all(MutantTried::is_good)
            && self.words.iter().all(|word| word.broken.is_none())
            && must.is_none_or(|must| fails >= must);
        match (self.broke.is_empty(), good) {
            (false, _) => Exit::Bug,
            (true, false) => Exit::Findings,
            (true, true) => Exit::Held,
        }
    }
}

/// Everything that is to run: the mutants and `before` everywhere, the real session where a mutant must be caught.
fn tasks(scenarios: &[Scenario]) -> Vec<(Tested, &Scenario)> {
    let named: BTreeSet<&str> = MUTANTS.iter().map(|mutant| mutant.scenario).collect();
    let session = scenarios
        .iter()
        .filter(|scenario| named.contains(scenario.name.as_str()));
    let others = Tested::all()
        .filter(|tested| !matches!(tested, Tested::Session))
        .flat_map(|tested| scenarios.iter().map(move |scenario| (tested, scenario)));
    session
        .map(|scenario| (Tested::Session, scenario))
        .chain(others)
        .collect()
}

fn tried(mutant: &'static Mutant, outcomes: &[&Outcome], session: &[&Outcome]) -> MutantTried {
    let there = |outcomes: &[&Outcome], oracle| {
        let outcome = outcomes
            .iter()
            .find(|outcome| outcome.scenario == mutant.scenario)?;
        Some(outcome.found().any(|found| found == oracle))
    };
    let catch = match outcomes
        .iter()
        .find(|outcome| outcome.scenario == mutant.scenario)
    {
        None => Catch::NoScenario,
        Some(outcome) if outcome.ran.is_err() => Catch::Broke,
        Some(outcome) if !outcome.found().any(|found| found == mutant.oracle) => {
            Catch::Missed(outcome.found().collect())
        }
        Some(_) if there(session, mutant.oracle) == Some(true) => Catch::AlsoTheSession,
        Some(_) => Catch::Caught,
    };
    let passed = |outcome: &&&Outcome| {
        matches!(
            outcome.ran.as_ref().map(Verdict::ending),
            Ok(Ending::Held | Ending::Inconclusive)
        )
    };
    MutantTried {
        mutant,
        catch,
        passes: outcomes.iter().filter(passed).count(),
        of: outcomes.len(),
    }
}

fn fails_for_its_dials(outcome: &Outcome) -> bool {
    use OracleName::{DialAttribution, Holds, LimiterShadow, Unpunished};
    outcome
        .found()
        .any(|oracle| matches!(oracle, DialAttribution | Unpunished | Holds | LimiterShadow))
}

fn held(outcome: &Outcome) -> WordHeld {
    let broken = (outcome.word == Word::Broken).then(|| {
        let last = outcome
            .ran
            .iter()
            .flat_map(|verdict| verdict.findings.last())
            .next();
        last.map(|finding| finding.message.clone())
            .unwrap_or_default()
    });
    WordHeld {
        scenario: outcome.scenario.clone(),
        word: outcome.ran.is_ok().then(|| outcome.word.clone()),
        broken,
        replay: outcome.replay.clone(),
    }
}

//! Everything that must have a scenario, list by list, and the scenarios that each has.

use std::collections::{BTreeMap, BTreeSet};

use squall::scenario::{self, Action, Before, Scenario};
use squall::subject::MUTANTS;
use squall::words::{Cause, Denial, Incident, OracleName};

use crate::Told;

/// What may be without a scenario, and why.
pub(super) const EXCEPTIONS: &[(Kind, &str, &str)] = &[(
    Kind::Rule,
    "store_unavailable",
    "the store of a simulated client is in memory: it is there, or the client refuses to start",
)];

/// What a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Incident,
    Fault,
    Oracle,
    Cause,
    Rule,
}

/// A list, as the page shows it.
pub(super) struct List {
    pub(super) kind: Kind,
    pub(super) lines: Vec<Line>,
}

/// One of a list, and the files of its scenarios.
pub(super) struct Line {
    pub(super) word: String,
    pub(super) scenarios: Vec<String>,
    /// Those to point at, where that is not all of them.
    pub(super) foremost: Option<Vec<String>>,
}

type Runs = BTreeMap<String, Told>;

/// The lists, in the order of the page.
pub(super) fn lists(runs: &Runs) -> Vec<List> {
    let list = |kind, lines| List { kind, lines };
    let incidents = Incident::ALL.iter().map(|incident| {
        line(incident.name(), runs, |told| {
            told.scenario.incident == Some(*incident)
        })
    });
    let faults = every_fault().into_iter().map(|fault| {
        let acts = |told: &Told| faults(told).contains(&fault);
        line(&fault, runs, acts)
    });
    let oracles = OracleName::ALL.iter().map(|oracle| {
        let judges = |told: &Told| told.verdict.judged.contains_key(oracle);
        let shown = line("", runs, |told| finds(&told.scenario).contains(oracle));
        Line {
            foremost: Some(shown.scenarios),
            ..line(oracle.name(), runs, judges)
        }
    });
    let causes = Cause::ALL
        .iter()
        .map(|cause| line(cause.name(), runs, |told| told.seen.causes.contains(cause)));
    vec![
        list(Kind::Incident, incidents.collect()),
        list(Kind::Fault, faults.collect()),
        list(Kind::Oracle, oracles.collect()),
        list(Kind::Cause, causes.collect()),
        list(Kind::Rule, rules(runs)),
    ]
}

fn line(word: &str, runs: &Runs, has: impl Fn(&Told) -> bool) -> Line {
    let scenarios = runs.iter().filter(|(_, told)| has(told));
    Line {
        word: word.to_owned(),
        scenarios: scenarios.map(|(file, _)| file.clone()).collect(),
        foremost: None,
    }
}

/// The rules of the limiter: those that refuse a start, the wait, and what takes a permit back.
fn rules(runs: &Runs) -> Vec<Line> {
    let refusals = Denial::ALL.iter().map(|denial| {
        line(denial.name(), runs, |told| {
            told.seen.denials.contains(denial)
        })
    });
    refusals
        .chain([
            line("delay", runs, |told| told.seen.waited),
            line("permit revoked: blocked", runs, |told| {
                told.seen.revoked_blocked
            }),
            line("permit revoked: late", runs, |told| told.seen.revoked_late),
        ])
        .collect()
}

/// Every fault that a scenario can name: those of the register, and what becomes of the client's process, which are steps
/// of their own.
fn every_fault() -> Vec<String> {
    let schema = scenario::schema();
    let steps = schema["$defs"]["Step"]["properties"].as_object();
    let keys = steps.expect("a step is an object").keys();
    let process = keys.filter(|key| is_process(key)).cloned();
    let registered = scenario::FAULTS.iter().map(|fault| fault.name.to_owned());
    registered.chain(process).collect()
}

/// Whether this key of a step is an action on a process or its clock: neither a trigger or a target, nor an action of the
/// operator's or the nemesis's.
fn is_process(key: &str) -> bool {
    let others = [
        "id",
        "at",
        "every",
        "from",
        "until",
        "on",
        "after",
        "at_random",
        "for",
        "org",
        "connection",
        "start_session",
        "stop_session",
        "scan_qr",
        "inject",
        "fault",
        "clear",
    ];
    !others.contains(&key)
}

/// The faults that acted in a run. What is done to a process acts whenever its step does.
pub(super) fn faults(told: &Told) -> BTreeSet<String> {
    let mut faults = told.seen.faults.clone();
    let actions = told.scenario.steps.iter().map(|step| &step.action);
    let process = actions.map(Action::key).filter(|key| is_process(key));
    faults.extend(process.map(str::to_owned));
    faults
}

/// The oracles that are known to find something in this scenario, by what it says of the gateway before and by the mutants
/// that must be caught there. That they do is what `squall selftest` shows.
pub(super) fn finds(scenario: &Scenario) -> BTreeSet<OracleName> {
    let mut oracles = match &scenario.before {
        Some(Before::Fails(oracles)) => oracles.iter().copied().collect(),
        _ => BTreeSet::new(),
    };
    let mutants = MUTANTS
        .iter()
        .filter(|mutant| mutant.scenario == scenario.name);
    oracles.extend(mutants.map(|mutant| mutant.oracle));
    oracles
}

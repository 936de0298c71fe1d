//! What the shipped scenarios cover, as docs/coverage.md tells it: written from the registers, the scenario files and their
//! runs. An oracle, a fault, a cause, a rule or an incident without a scenario is a failure.

mod lists;
mod page;

use std::collections::BTreeSet;
use std::fs;

use squall::trace::{Event, Verdict};
use squall::words::{Cause, Denial, Incident, OracleName};

use lists::{EXCEPTIONS, Kind, lists};
use page::page;

/// What happened in a run that the page tells of.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// The kinds of the faults that touched a connection.
    faults: BTreeSet<String>,
    causes: BTreeSet<Cause>,
    /// The rules of the limiter that refused a start, alone or with others.
    denials: BTreeSet<Denial>,
    /// A start was granted, and dialed after its wait.
    waited: bool,
    revoked_blocked: bool,
    revoked_late: bool,
}

impl Seen {
    pub(crate) fn observe(&mut self, event: &Event) {
        match event {
            Event::FaultActed { kind, .. } if !self.faults.contains(kind.as_str()) => {
                self.faults.insert(kind.to_string());
            }
            Event::Disconnected { cause, .. } => drop(self.causes.insert(*cause)),
            Event::Verdict {
                verdict: Verdict::Denied { cause, also, .. },
                ..
            } => self.denials.extend([*cause].iter().chain(also)),
            Event::Dial { handoff: false, .. } => self.waited = true,
            Event::PermitRevoked { blocked: true, .. } => self.revoked_blocked = true,
            Event::PermitRevoked { blocked: false, .. } => self.revoked_late = true,
            _ => {}
        }
    }
}

const PATH: &str = "docs/coverage.md";

#[test]
fn the_coverage_in_docs_is_what_the_runs_show() {
    let path = crate::root().join(PATH);
    let page = page(crate::told());
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        fs::write(&path, page).expect("docs can be written");
        return;
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    let line = page
        .lines()
        .zip(kept.lines())
        .take_while(|(now, kept)| now == kept)
        .count();
    assert!(
        kept == page,
        "{PATH}:{}: stale from here on; write it anew, and read the difference:\n    \
         INSTA_UPDATE=always cargo test --test prose",
        line + 1
    );
}

#[test]
fn nothing_is_without_a_scenario() {
    let excepted = |kind: Kind, word: &str| {
        EXCEPTIONS
            .iter()
            .any(|(of, name, _)| *of == kind && *name == word)
    };
    let mut wrong = Vec::new();
    for list in lists(crate::told()) {
        for line in &list.lines {
            let what = match (line.scenarios.is_empty(), excepted(list.kind, &line.word)) {
                (true, false) => "in no scenario",
                (false, true) => "in a scenario: take it off EXCEPTIONS",
                _ => continue,
            };
            wrong.push(format!("{:?} {}: {what}", list.kind, line.word));
        }
    }
    assert!(
        wrong.is_empty(),
        "Write the scenario that would fail if it broke (CONTRIBUTING.md, \"Add a scenario\"):\n    {}",
        wrong.join("\n    ")
    );
}

/// What an oracle found nowhere, it may not be able to find.
#[test]
fn every_oracle_that_finds_nothing_anywhere_is_one_that_cannot() {
    let silent: Vec<&str> = OracleName::ALL
        .iter()
        .filter(|oracle| {
            let finds = |told: &crate::Told| lists::finds(&told.scenario).contains(oracle);
            !crate::told().values().any(finds)
        })
        .map(|oracle| oracle.name())
        .collect();
    // It makes a run inconclusive, and a shipped scenario is none.
    assert_eq!(silent, ["fault_was_seen"]);
}

#[test]
fn every_incident_is_told_in_docs_in_order() {
    let text = fs::read_to_string(crate::root().join("docs/incidents.md")).expect("it is there");
    let told: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("## "))
        .collect();
    let right: Vec<String> = Incident::ALL
        .iter()
        .zip(1..)
        .map(|(incident, number)| format!("## {number}. {incident}"))
        .collect();
    assert_eq!(told, right);
}

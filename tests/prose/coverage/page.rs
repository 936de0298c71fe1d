//! The page: one row a scenario, and then the lists the other way round.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use squall::words::Incident;

use crate::Told;

use super::lists::{EXCEPTIONS, Kind, faults, finds, lists};

const HEAD: &str = "\
# Coverage

What the shipped scenarios put to the test. This page is written from their files and their runs, and a test holds it to
them: `INSTA_UPDATE=always cargo test --test prose` writes it anew.

A fault stands here if it touched a connection in the run, an action on the client's process if its step acted. An oracle
is *shown to find* something in a scenario if the gateway as it was before, or a mutant of the session, is caught by it
there; `squall selftest` proves each. It *had something to judge* there if the run of the real session held at least one
thing that could have been wrong and was not: a dial, a refusal, an end, a ping. An oracle that is in neither column held
nobody to anything.

## Scenarios

| scenario | incident | faults | oracles shown to find something | other oracles that had something to judge |
|---|---|---|---|---|
";

/// The whole page.
pub(super) fn page(runs: &BTreeMap<String, Told>) -> String {
    let mut page = HEAD.to_owned();
    for (file, told) in runs {
        let incident = told.scenario.incident.map(Incident::name);
        let shown = finds(&told.scenario);
        let judged = told.verdict.judged.keys();
        let others = judged.filter(|oracle| !shown.contains(oracle));
        row(
            &mut page,
            &[
                link(file, runs),
                incident.unwrap_or_default().to_owned(),
                listed(faults(told)),
                listed(shown.iter().map(ToString::to_string)),
                listed(others.map(ToString::to_string)),
            ],
        );
    }
    for list in lists(runs) {
        let (title, of) = title(list.kind);
        let _ = write!(
            page,
            "\n## {title}\n\n| {of} | scenarios | |\n|---|---:|---|\n"
        );
        for line in &list.lines {
            let some = some(line.foremost.as_ref().unwrap_or(&line.scenarios), runs);
            let why = why_none(list.kind, &line.word).map_or(some, str::to_owned);
            let number = line.scenarios.len().to_string();
            row(&mut page, &[line.word.clone(), number, why]);
        }
    }
    page
}

fn title(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Incident => (
            "Incidents\n\nEach is told in [incidents.md](incidents.md).",
            "incident",
        ),
        Kind::Fault => (
            "Faults\n\n`squall faults NAME` says all about one.",
            "fault",
        ),
        Kind::Oracle => (
            "Oracles\n\nHow many scenarios give each something to judge, and in which it is shown to find something. \
             `squall oracles NAME` says all about one.",
            "oracle",
        ),
        Kind::Cause => (
            "Causes of an end\n\nEach end is judged by `classification`, so a scenario here would fail if its cause were told \
             wrongly.",
            "cause",
        ),
        Kind::Rule => (
            "Rules of the limiter\n\nWhat refused a start, held it back or took its permit away. `limiter_shadow` judges each, too \
             much and too little.",
            "rule",
        ),
    }
}

fn why_none(kind: Kind, word: &str) -> Option<&'static str> {
    let mut exceptions = EXCEPTIONS.iter();
    let found = exceptions.find(|(of, name, _)| *of == kind && *name == word);
    found.map(|(_, _, why)| *why)
}

/// The first few, by their links, and that there are more.
fn some(files: &[String], runs: &BTreeMap<String, Told>) -> String {
    const SHOWN: usize = 4;
    let mut links: Vec<String> = files
        .iter()
        .take(SHOWN)
        .map(|file| link(file, runs))
        .collect();
    if files.len() > SHOWN {
        links.push("…".to_owned());
    }
    links.join(", ")
}

fn link(file: &str, runs: &BTreeMap<String, Told>) -> String {
    format!("[{}](../scenarios/{file}.yaml)", runs[file].scenario.name)
}

fn listed(words: impl IntoIterator<Item = String>) -> String {
    words.into_iter().collect::<Vec<_>>().join(", ")
}

fn row(page: &mut String, cells: &[String]) {
    // What a name may hold and a cell may not.
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

//! The report of a self-test: a table of the mutants, then what `before` did otherwise than the scenarios say.

use std::time::Duration;

use super::text::{BAD, GOOD, STRONG, painted};
use super::time::took;
use super::{counted, one_line, table};
use crate::exit::Exit;
use crate::runner::{Catch, MutantTried, Selftest, Word, names};

/// The whole of it.
pub fn report(selftest: &Selftest, wall: Duration) -> String {
    let head = [
        "mutant",
        "incident",
        "caught",
        "by",
        "in scenario",
        "passes",
    ];
    let rows = selftest.mutants.iter().map(row);
    let mut text = table(&head, rows);
    text.push('\n');
    for tried in &selftest.mutants {
        if let Some(why) = complaint(tried) {
            text.push_str(&format!("{} {why}\n", painted(BAD, tried.mutant.name)));
        }
    }
    let kept = selftest
        .words
        .iter()
        .filter(|held| matches!(held.word, Some(Word::Kept(_))))
        .count();
    let silent = selftest
        .words
        .iter()
        .filter(|held| held.word == Some(Word::None))
        .count();
    for held in &selftest.words {
        if let Some(broken) = &held.broken {
            let name = painted(BAD, &one_line(&held.scenario));
            text.push_str(&format!(
                "{name}: {broken}\n    {} {}\n",
                painted(STRONG, "replay:"),
                held.replay
            ));
        }
    }
    let scenarios = counted(selftest.words.len() as u64, "scenario");
    text.push_str(&format!(
        "before does what its scenario says in {kept} of {scenarios}"
    ));
    if silent > 0 {
        text.push_str(&format!("; {silent} say nothing of it"));
    }
    let (fails, must) = selftest.before_fails;
    text.push_str(&match must {
        Some(must) => format!("\nits dials or disconnects are wrong in {fails}, and must be in {must} at least\n"),
        None => format!("\nits dials or disconnects are wrong in {fails}; too few scenarios to ask for a number\n"),
    });
    for outcome in &selftest.broke {
        let said = outcome.ran.as_ref().err().map_or("", String::as_str);
        let who = format!(
            "{} against {} panicked",
            one_line(&outcome.scenario),
            outcome.subject
        );
        let replay = painted(STRONG, "replay:");
        text.push_str(&format!(
            "{}: {}\n    {replay} {}\n",
            painted(BAD, &who),
            one_line(said),
            outcome.replay
        ));
    }
    let good = selftest
        .mutants
        .iter()
        .filter(|tried| tried.is_good())
        .count();
    let style = if selftest.exit() == Exit::Held {
        GOOD
    } else {
        BAD
    };
    let mutants = counted(selftest.mutants.len() as u64, "mutant");
    text.push_str(&format!(
        "\n{mutants}: {} in {}\n",
        painted(style, &format!("{good} caught as they must be")),
        took(wall)
    ));
    text
}

fn row(tried: &MutantTried) -> Vec<String> {
    let MutantTried {
        mutant,
        catch,
        passes,
        of,
    } = tried;
    let caught = if *catch == Catch::Caught { "yes" } else { "NO" };
    vec![
        mutant.name.to_owned(),
        mutant.incident.to_owned(),
        caught.to_owned(),
        mutant.oracle.name().to_owned(),
        mutant.scenario.to_owned(),
        format!("{passes} of {of}"),
    ]
}

fn complaint(tried: &MutantTried) -> Option<String> {
    let scenario = tried.mutant.scenario;
    let why = match &tried.catch {
        Catch::Caught if tried.passes_enough() => return None,
        Catch::Caught => {
            "passes less than a third of the scenarios: what catches it is not its one bug"
                .to_owned()
        }
        Catch::Missed(others) if others.is_empty() => {
            format!("was not caught: nothing was found in {scenario:?}")
        }
        Catch::Missed(others) => format!(
            "was not caught by its oracle in {scenario:?}, only by {}",
            names(others)
        ),
        Catch::AlsoTheSession => {
            format!("proves nothing in {scenario:?}: the real session is caught there too")
        }
        Catch::NoScenario => format!("was not tried: no scenario here is called {scenario:?}"),
        Catch::Broke => format!("panicked in {scenario:?}"),
    };
    Some(why)
}

//! Each form of the report, from outcomes made by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anstream::adapter::strip_str;
use squall_protocol::{Instant, Millis};

use super::{github, json, junit, text};
use crate::engine::{Counts, Engine, Pongs};
use crate::exit::Exit;
use crate::oracle::Finding;
use crate::run::Verdict;
use crate::runner::{Outcome, Word, replay};
use crate::seed::Seed;
use crate::trace::{ConnectionId, Excerpt};
use crate::words::OracleName;

fn held(scenario: &str) -> Outcome {
    let path = format!("scenarios/{}.yaml", scenario.replace(' ', "-"));
    let verdict = Verdict {
        scenario: scenario.to_owned(),
        seed: Seed(7),
        subject: "session".to_owned(),
        engine: Engine::Wire,
        findings: Vec::new(),
        counts: BTreeMap::new(),
        judged: BTreeMap::from([(OracleName::DialAttribution, 3)]),
        inconclusive: Vec::new(),
        not_judged: Vec::new(),
        happened: Counts {
            dials: 1,
            disconnects: 0,
            faults: 0,
            pongs: Pongs::default(),
        },
        simulated: Millis::from_days(3),
        wall: Duration::from_millis(1_234),
    };
    Outcome {
        scenario: scenario.to_owned(),
        replay: replay(path.as_ref(), Seed(7), "session", Engine::Wire, None),
        path: path.into(),
        line: 3,
        subject: "session".to_owned(),
        engine: Engine::Wire,
        seed: Seed(7),
        ran: Ok(verdict),
        word: Word::None,
        hash: None,
        second_hash: None,
        explained: Vec::new(),
        unwritten: None,
        timeline: None,
    }
}

fn found() -> Outcome {
    let mut outcome = held("515, twice");
    outcome.word = Word::Kept(BTreeSet::from([
        OracleName::Holds,
        OracleName::Expectations,
    ]));
    outcome.explained = vec![
        Excerpt {
            lines: vec!["0.665s   org 2     state: connected".to_owned()],
        },
        Excerpt::default(),
    ];
    let verdict = outcome.ran.as_mut().unwrap();
    let finding = |at, conn: Option<u64>, message: &str| Finding {
        oracle: if conn.is_some() {
            OracleName::Holds
        } else {
            OracleName::Expectations
        },
        at: Instant::at(at),
        org: Some("2".into()),
        conn: conn.map(ConnectionId),
        message: message.to_owned(),
    };
    verdict.findings = vec![
        finding(21_600_062, Some(1), "ended for nothing that was delivered"),
        finding(
            90_000_000,
            None,
            "dials: expected 1, got 12\nand a line that is none: 100 %",
        ),
    ];
    let again =
        (0..4).map(|nth| finding(30_000_000 + nth, Some(2 + nth), "ended for nothing again"));
    verdict.findings.extend(again);
    verdict.counts = BTreeMap::from([(OracleName::Holds, 4_711), (OracleName::Expectations, 1)]);
    verdict.not_judged = vec![OracleName::Detection, OracleName::KeepAliveCadence];
    verdict.happened = Counts {
        dials: 4_712,
        disconnects: 4_711,
        faults: 1,
        pongs: Pongs::default(),
    };
    outcome
}

fn inconclusive() -> Outcome {
    let mut outcome = held("nobody there");
    let verdict = outcome.ran.as_mut().unwrap();
    verdict.inconclusive = vec!["step 2 touched no connection".to_owned()];
    outcome
}

fn panicked() -> Outcome {
    Outcome {
        ran: Err("index out of bounds at src/x.rs:7".to_owned()),
        ..held("it blew up")
    }
}

fn two_traces() -> Outcome {
    Outcome {
        hash: Some("aa11".to_owned()),
        second_hash: Some("bb22".to_owned()),
        ..held("it changed its mind")
    }
}

fn all() -> Vec<Outcome> {
    vec![
        held("a calm week"),
        found(),
        inconclusive(),
        panicked(),
        two_traces(),
    ]
}

fn whole(outcomes: &[Outcome]) -> String {
    let columns = text::Columns::fitting(outcomes);
    let lines: String = outcomes
        .iter()
        .map(|outcome| text::outcome(outcome, columns))
        .collect();
    columns.head() + &lines + &text::total(outcomes, Duration::from_millis(3_456))
}

#[test]
fn text_for_a_terminal_is_in_colour() {
    insta::assert_snapshot!(whole(&all()).replace('\u{1b}', "␛"));
}

#[test]
fn text_without_colour_reads_alone() {
    let text = strip_str(&whole(&all())).to_string();
    for line in text.lines() {
        assert_eq!(line, line.trim_end(), "a space at the end of a line");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn json_is_one_object() {
    insta::assert_snapshot!(json::report(
        &all(),
        "session",
        "wire",
        Duration::from_millis(3_456)
    ));
}

#[test]
fn github_annotates_all_that_did_not_hold() {
    let outcomes = all();
    assert_eq!(github::annotations(&outcomes[0]), "");
    let annotations: String = outcomes.iter().map(github::annotations).collect();
    insta::assert_snapshot!(annotations);
}

#[test]
fn junit_counts_what_did_not_hold_as_failures() {
    let mut xml = Vec::new();
    junit::write(&all(), "session", &mut xml).unwrap();
    insta::assert_snapshot!(String::from_utf8(xml).unwrap());
}

/// A CI server knows a case by its name: two of one name would be one.
#[test]
fn in_a_sweep_the_seed_is_a_part_of_the_cases_name() {
    let swept = [3, 4].map(|seed| Outcome {
        seed: Seed(seed),
        ..held("calm")
    });
    let mut xml = Vec::new();
    junit::write(&swept, "session", &mut xml).unwrap();
    let xml = String::from_utf8(xml).unwrap();
    for name in ["calm (seed 3)", "calm (seed 4)"] {
        assert!(xml.contains(&format!("name=\"{name}\"")), "{xml}");
    }
    let said = strip_str(&text::total(&swept, Duration::ZERO)).to_string();
    assert!(said.contains("2 runs of 1 scenario: 2 held"), "{said}");
}

#[test]
fn an_outcome_means_an_exit_code() {
    let exits = [held("x"), found(), inconclusive(), panicked(), two_traces()]
        .map(|outcome| outcome.exit());
    assert_eq!(
        exits,
        [
            Exit::Held,
            Exit::Findings,
            Exit::Inconclusive,
            Exit::Bug,
            Exit::NotDeterministic
        ]
    );
    let unwritten = Outcome {
        unwritten: Some("full".to_owned()),
        ..held("x")
    };
    assert_eq!(unwritten.exit(), Exit::Usage);
}

#[test]
fn nothing_that_a_terminal_acts_on_gets_into_the_text() {
    let outcome = Outcome {
        scenario: "a\u{1b}[2Jb\nc".to_owned(),
        ..held("x")
    };
    let columns = text::Columns::fitting(std::slice::from_ref(&outcome));
    assert!(text::outcome(&outcome, columns).contains("a [2Jb c"));
}

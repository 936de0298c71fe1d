//! Each form of the report, from outcomes made by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anstream::adapter::strip_str;
use squall_protocol::{Instant, Millis};

use super::{github, json, junit, text};
use crate::engine::live::Reach;
use crate::engine::{Counts, Engine, Pongs};
use crate::exit::Exit;
use crate::oracle::Finding;
use crate::run::Verdict;
use crate::runner::{Outcome, Word, replay};
use crate::seed::Seed;
use crate::trace::{ConnectionId, Excerpt};
use crate::words::OracleName;

pub(super) fn held(scenario: &str) -> Outcome {
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
        replay: replay(
            path.as_ref(),
            Seed(7),
            "session",
            (Engine::Wire, &Reach::Beside),
            None,
        ),
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

pub(super) fn found() -> Outcome {
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

fn unwritten() -> Outcome {
    Outcome {
        unwritten: Some("traces/x.jsonl.zst: No space left on device".to_owned()),
        ..held("the disk was full")
    }
}

fn all() -> Vec<Outcome> {
    vec![
        held("a calm week"),
        found(),
        inconclusive(),
        panicked(),
        two_traces(),
        unwritten(),
    ]
}

const SET: json::Set<'_> = json::Set {
    subject: "session",
    engine: "wire",
    until: None,
    part: None,
};

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
    let report = json::Report::of(&all(), &SET, Duration::from_millis(3_456));
    insta::assert_snapshot!(report.text());
    let exits = all().iter().map(Outcome::exit).max();
    assert_eq!(Some(report.exit()), exits);
    for outcome in all() {
        let alone = json::Report::of(std::slice::from_ref(&outcome), &SET, Duration::ZERO);
        assert_eq!(alone.exit(), outcome.exit(), "{}", outcome.scenario);
    }
}

/// The schema that is committed is the one that programs may go by.
#[test]
fn the_json_report_is_as_its_schema_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");
    let schema = json::schema().to_value();
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        serde_json::from_str(&committed).ok().as_ref(),
        Some(&schema),
        "write it anew with\n    cargo run -- schema report > docs/report.schema.json"
    );
    let part = Some(json::Part { nth: 2, of: 4 });
    let until = Some(Instant::at(60_000));
    let set = json::Set { part, until, ..SET };
    let report = json::Report::of(&all(), &set, Duration::ZERO);
    let written: serde_json::Value = serde_json::from_str(&report.text()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&written)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for (key, value) in [("format", 2.into()), ("runs", serde_json::Value::Null)] {
        let mut wrong = written.clone();
        wrong[key] = value;
        assert!(!validator.is_valid(&wrong), "{key}");
    }
}

#[test]
fn github_annotates_all_that_did_not_hold() {
    let outcomes = all();
    assert_eq!(github::annotations(&outcomes[0]), "");
    let annotations: String = outcomes.iter().map(github::annotations).collect();
    insta::assert_snapshot!(annotations);
}

#[test]
fn the_summary_of_a_step_has_what_did_not_hold_and_its_replay_line_and_no_markup_of_theirs() {
    let mut outcomes = all();
    outcomes[1].scenario = "<img src=x> | **bold**\n# head".to_owned();
    insta::assert_snapshot!(github::summary(&outcomes, Duration::from_millis(3_456)));
}

#[test]
fn junit_counts_what_did_not_hold_as_failures() {
    let mut xml = Vec::new();
    junit::write(&all(), "session", &mut xml).unwrap();
    insta::assert_snapshot!(String::from_utf8(xml).unwrap());
}

/// An element, the attributes that it must have, those that it may have, and what may be in it.
type Allowed = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
    &'static [&'static str],
);

/// What Jenkins' xUnit plugin takes (its schema `junit-10.xsd`).
const XUNIT: &[Allowed] = &[
    (
        "testsuites",
        &[],
        &["name", "time", "tests", "failures", "errors"],
        &["testsuite"],
    ),
    (
        "testsuite",
        &["name", "tests", "failures", "errors"],
        &[
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
        ],
        &["testcase", "properties", "system-out", "system-err"],
    ),
    (
        "testcase",
        &["name"],
        &["time", "classname", "group"],
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    ("failure", &[], &["type", "message"], &[]),
    ("error", &[], &["type", "message"], &[]),
];

#[test]
fn junit_is_as_the_schema_of_jenkins_xunit_says() {
    use quick_xml::events::Event;
    let mut xml = Vec::new();
    junit::write(&all(), "session", &mut xml).unwrap();
    let xml = String::from_utf8(xml).unwrap();
    let mut reader = quick_xml::Reader::from_str(&xml);
    let mut open: Vec<String> = Vec::new();
    let mut seen = 0;
    loop {
        let (element, ends) = match reader.read_event().unwrap() {
            Event::Start(element) => (element, false),
            Event::Empty(element) => (element, true),
            Event::End(_) => {
                open.pop();
                continue;
            }
            Event::Eof => break,
            _ => continue,
        };
        let name = String::from_utf8(element.name().as_ref().to_vec()).unwrap();
        let inside = open.last().map_or(&["testsuites"][..], |outer| {
            XUNIT.iter().find(|(known, ..)| known == outer).unwrap().3
        });
        assert!(inside.contains(&name.as_str()), "{name} in {open:?}");
        let known = XUNIT.iter().find(|(known, ..)| **known == name);
        let (_, must, may, _) = known.unwrap_or_else(|| panic!("{name}"));
        let attributes: BTreeSet<String> = element
            .attributes()
            .map(|attribute| String::from_utf8(attribute.unwrap().key.as_ref().to_vec()).unwrap())
            .collect();
        for attribute in &attributes {
            let attribute = attribute.as_str();
            assert!(
                must.contains(&attribute) || may.contains(&attribute),
                "{name} {attribute}"
            );
        }
        assert!(must.iter().all(|one| attributes.contains(*one)), "{name}");
        seen += 1;
        if !ends {
            open.push(name);
        }
    }
    assert_eq!(seen, 13, "{xml}");
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
    assert_eq!(unwritten().exit(), Exit::Usage);
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

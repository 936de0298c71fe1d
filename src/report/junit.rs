//! JUnit XML, as CI servers read it: a suite for each subject, a case for each scenario.

use std::io;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::counted;
use super::text::scenarios;
use super::time::point;
use crate::run::{Ending, Verdict};
use crate::runner::{Outcome, names};

/// Writes the outcomes of a set. An inconclusive scenario is a failure too: it was to be put to the test and was not.
///
/// # Errors
/// What `out` says when it is written to.
pub fn write(outcomes: &[Outcome], subject: &str, mut out: impl io::Write) -> io::Result<()> {
    let mut suite = TestSuite::new(subject);
    let sweep = scenarios(outcomes) < outcomes.len();
    suite.add_test_cases(outcomes.iter().map(|outcome| case(outcome, sweep)));
    let mut report = Report::new("squall");
    report.add_test_suite(suite);
    let xml = report.to_string().map_err(io::Error::other)?;
    // The schema of Jenkins' xUnit plugin knows how many were skipped of a suite, and not of all: none ever is.
    let xml = xml.replacen(" skipped=\"0\"", "", 1);
    out.write_all(xml.as_bytes())
}

/// A case is known by its name; where seeds were swept, the seed is a part of it.
fn case(outcome: &Outcome, sweep: bool) -> TestCase {
    let name = match sweep {
        true => format!("{} (seed {})", outcome.scenario, outcome.seed),
        false => outcome.scenario.clone(),
    };
    let mut case = TestCase::new(name, status(outcome));
    case.set_classname(outcome.path.display().to_string());
    if let Ok(verdict) = &outcome.ran {
        case.set_time(verdict.wall);
    }
    case
}

fn status(outcome: &Outcome) -> TestCaseStatus {
    let non_success = |kind, ty: &str, message: String, lines: &[String]| {
        let mut status = TestCaseStatus::non_success(kind);
        let replay = format!("replay: {}", outcome.replay);
        let description: Vec<&str> = lines
            .iter()
            .map(String::as_str)
            .chain([replay.as_str()])
            .collect();
        status
            .set_type(ty)
            .set_message(message)
            .set_description(description.join("\n"));
        status
    };
    if outcome.differs() {
        let hashes =
            [&outcome.hash, &outcome.second_hash].map(|hash| hash.clone().unwrap_or_default());
        return non_success(
            NonSuccessKind::Failure,
            "not_deterministic",
            "two runs, two traces".to_owned(),
            &hashes,
        );
    }
    let unwritten = outcome.unwritten.as_ref();
    let unwritten = unwritten.map(|why| format!("the trace could not be written: {why}"));
    match (&outcome.ran, outcome.ran.as_ref().map(Verdict::ending)) {
        (Ok(verdict), Ok(Ending::Findings)) => {
            let total: u64 = verdict.counts.values().sum();
            let message = format!(
                "{} of {}",
                counted(total, "finding"),
                names(verdict.counts.keys())
            );
            let findings = verdict.findings.iter().map(|finding| {
                format!(
                    "{} {}: {}",
                    point(finding.at),
                    finding.oracle,
                    finding.message
                )
            });
            let lines: Vec<String> = findings.chain(unwritten).collect();
            let ty = verdict
                .counts
                .keys()
                .next()
                .map_or("findings", |oracle| oracle.name());
            non_success(NonSuccessKind::Failure, ty, message, &lines)
        }
        (Ok(verdict), Ok(Ending::Inconclusive)) => {
            let message = "a precondition was not met".to_owned();
            let open = verdict.inconclusive.iter().cloned();
            let lines: Vec<String> = open.chain(unwritten).collect();
            non_success(NonSuccessKind::Failure, "inconclusive", message, &lines)
        }
        (Err(broke), _) => non_success(NonSuccessKind::Error, "panicked", broke.clone(), &[]),
        _ => match unwritten {
            Some(why) => non_success(NonSuccessKind::Error, "unwritten", why, &[]),
            None => TestCaseStatus::success(),
        },
    }
}

//! Judges a stored trace anew: with the oracles of this program and what its scenario expects.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use squall_protocol::Instant;

use super::{Outcome, Panics, Word, explain, line_of_name, on_fresh_thread, quoted, word};
use crate::engine::{Counts, Engine};
use crate::expect::Expectations;
use crate::oracle::Judge;
use crate::run::Verdict;
use crate::scenario::{self, LoadError};
use crate::seed::Seed;
use crate::subject::Tested;
use crate::trace::{Entry, Event, FullReader, Header, InvalidTrace, Story, Strands};
use crate::words::OracleName;

/// Why a file cannot be judged.
#[derive(Debug, thiserror::Error)]
pub enum Unjudgeable {
    /// It cannot be opened.
    #[error("{path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// It is no trace.
    #[error("{path}: {error}")]
    Invalid {
        /// The file.
        path: String,
        /// Why.
        error: InvalidTrace,
    },
    /// The trace stops before its run ended.
    #[error("{path}: the trace has no end; the run that wrote it was cut off, run it again")]
    NoEnd {
        /// The file.
        path: String,
    },
    /// An engine that this program does not have.
    #[error(
        "{path}: the trace was written by the engine {engine:?}, which this version does not have"
    )]
    UnknownEngine {
        /// The file.
        path: String,
        /// Its name.
        engine: String,
    },
    /// The scenario in it is none.
    #[error("{path}: the scenario inside this trace cannot be read by this version: {error}")]
    Scenario {
        /// The file.
        path: String,
        /// The first thing that is wrong with it.
        error: Box<LoadError>,
    },
    /// Reading or judging panicked, which is a bug of ours.
    #[error("{path}: judging it panicked: {said}")]
    Panicked {
        /// The file.
        path: String,
        /// With what.
        said: String,
    },
}

/// Judges a stored trace on a fresh thread.
///
/// # Errors
/// Why it cannot be judged.
pub fn judge(path: &Path, explain: bool, panics: &Panics) -> Result<Outcome, Unjudgeable> {
    let shown = path.display().to_string();
    on_fresh_thread(&shown, panics, || judge_here(path, explain)).unwrap_or_else(|said| {
        Err(Unjudgeable::Panicked {
            path: shown.clone(),
            said,
        })
    })
}

fn judge_here(path: &Path, explain: bool) -> Result<Outcome, Unjudgeable> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long it took is told to people, nothing else"
    )]
    let begun = std::time::Instant::now();
    let shown = || path.display().to_string();
    let invalid = |error| Unjudgeable::Invalid {
        path: shown(),
        error,
    };
    let reader = open(path)?;
    let header = reader.header().clone();
    let engine =
        Engine::from_str(&header.engine, true).map_err(|_| Unjudgeable::UnknownEngine {
            path: shown(),
            engine: header.engine.clone(),
        })?;
    // The place inside the file is meant, so the errors speak of the trace's path.
    let scenario = scenario::parse(&header.scenario, path).map_err(|errors| {
        let error = errors
            .into_iter()
            .next()
            .expect("a scenario that is refused is refused for something");
        Unjudgeable::Scenario {
            path: shown(),
            error: Box::new(error),
        }
    })?;
    let end = end_of(open(path)?)
        .map_err(invalid)?
        .ok_or_else(|| Unjudgeable::NoEnd { path: shown() })?;

    let mut judge = Judge::new(&header);
    if !header.claims.not_judged.contains(&OracleName::Expectations) {
        judge = judge.with(Box::new(Expectations::new(
            &scenario,
            (end < scenario.ends()).then_some(end),
        )));
    }
    let mut happened = Counts::default();
    for entry in reader {
        let entry = entry.map_err(invalid)?;
        judge.observe(&entry);
        happened.hear(&entry);
    }
    let findings = judge.finish(end);
    let mut verdict = Verdict {
        scenario: header.name.clone(),
        seed: Seed(header.seed),
        subject: header.subject.clone(),
        engine,
        counts: findings.counts().clone(),
        judged: findings.judgements(),
        findings: findings.found,
        inconclusive: findings.inconclusive,
        not_judged: header.claims.not_judged.iter().copied().collect(),
        happened,
        simulated: end.since_start(),
        wall: begun.elapsed(),
    };
    let explained = match explain {
        true => explain::from_entries(&header, &verdict, open(path)?.map_while(Result::ok)),
        false => Vec::new(),
    };
    let word = match header.subject == Tested::Before.name() {
        true => word::hold(&scenario, &mut verdict),
        false => Word::None,
    };
    Ok(Outcome {
        scenario: header.name,
        path: PathBuf::from(path),
        line: line_of_name(&header.scenario),
        subject: header.subject,
        engine,
        seed: Seed(header.seed),
        ran: Ok(verdict),
        word,
        hash: None,
        second_hash: None,
        explained,
        unwritten: None,
        timeline: None,
        replay: format!("squall judge {} --explain", quoted(&shown())),
    })
}

/// A stored trace, judged, and the story of one of its findings.
#[derive(Debug)]
pub struct Explained {
    /// What the trace shows.
    pub outcome: Outcome,
    /// What led to the finding; none where there is no such finding.
    pub strands: Option<Strands>,
}

/// Judges a stored trace and follows it to the finding of this number, from 1, in the order of the report.
///
/// # Errors
/// Why it cannot be judged.
pub fn story(path: &Path, number: usize, panics: &Panics) -> Result<Explained, Unjudgeable> {
    let outcome = judge(path, false, panics)?;
    let findings = outcome.ran.as_ref().map(|verdict| &verdict.findings);
    let finding = findings
        .ok()
        .and_then(|all| all.get(number.checked_sub(1)?));
    let strands = match finding {
        None => None,
        Some(finding) => {
            let (header, entries) = reread(path)?;
            let mut story = Story::new(&header, finding.at, finding.org.clone());
            for entry in entries {
                story.observe(&entry?);
            }
            Some(story.finish())
        }
    };
    Ok(Explained { outcome, strands })
}

/// A stored trace once more, entry by entry, behind what it begins with.
///
/// # Errors
/// Why it cannot be read; so is each of its entries that cannot.
pub fn reread(
    path: &Path,
) -> Result<(Header, impl Iterator<Item = Result<Entry, Unjudgeable>>), Unjudgeable> {
    let reader = open(path)?;
    let header = reader.header().clone();
    let shown = path.display().to_string();
    let entries = reader.map(move |entry| {
        entry.map_err(|error| Unjudgeable::Invalid {
            path: shown.clone(),
            error,
        })
    });
    Ok((header, entries))
}

fn open(path: &Path) -> Result<FullReader<File>, Unjudgeable> {
    let shown = || path.display().to_string();
    let file = File::open(path).map_err(|error| Unjudgeable::Unreadable {
        path: shown(),
        error,
    })?;
    FullReader::new(file).map_err(|error| Unjudgeable::Invalid {
        path: shown(),
        error,
    })
}

/// When the run ended: what is expected of it later than that is not judged.
fn end_of(reader: FullReader<File>) -> Result<Option<Instant>, InvalidTrace> {
    let mut end = None;
    for entry in reader {
        let entry = entry?;
        if entry.event == Event::End {
            end = Some(entry.at);
        }
    }
    Ok(end)
}

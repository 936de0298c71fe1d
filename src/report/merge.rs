//! One report of several: what a set of scenarios came to that ran in parts, on several machines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use super::json::{FORMAT, Part, Report, Run, Total};

/// Why reports cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum Unmergeable {
    /// It cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no report.
    #[error("{}: no report of `squall run --format json`: {error}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: serde_json::Error,
    },
    /// A report of another form.
    #[error("{}: the report has form {found}, and this version reads form {FORMAT}; run it again with this version", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: u64,
    },
    /// Two reports that are not of one set.
    #[error("{}: its {what} is {found:?}, and {expected:?} in {}; only parts of one set are merged", path.display(), first.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What it is there.
        found: String,
        /// What it is in the first.
        expected: String,
        /// The first.
        first: PathBuf,
    },
    /// One run in two reports.
    #[error("{}: {scenario:?} with seed {seed} is in another of these reports too; give each part once", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The scenario.
        scenario: String,
        /// The seed.
        seed: u64,
    },
    /// One part in two reports.
    #[error("{}: it is part {nth}, and so is {}; give each part once", path.display(), other.display())]
    PartTwice {
        /// The file.
        path: PathBuf,
        /// Which part.
        nth: usize,
        /// The other file.
        other: PathBuf,
    },
    /// A part in no report.
    #[error("part {nth} of {of} is missing; a set without it proves nothing about what ran there")]
    Missing {
        /// Which part.
        nth: usize,
        /// Of how many.
        of: usize,
    },
    /// A part that is too long or too short to be one of the same set.
    #[error("{}: it has {found} scenarios, and part 1 has {first}; run each part with the same paths and the same --only", path.display())]
    Uneven {
        /// The file.
        path: PathBuf,
        /// Its scenarios.
        found: usize,
        /// Those of the first part.
        first: usize,
    },
}

/// Reads a report.
///
/// # Errors
/// Why it cannot be merged.
pub fn read(path: &Path) -> Result<Report, Unmergeable> {
    let path = path.to_owned();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => return Err(Unmergeable::Unreadable { path, error }),
    };
    // Its form first: what another one calls its keys is nobody's slip.
    let form: Result<serde_json::Value, _> = serde_json::from_str(&text);
    if let Some(found) = form.ok().and_then(|value| value["format"].as_u64())
        && found != u64::from(FORMAT)
    {
        return Err(Unmergeable::Format { path, found });
    }
    serde_json::from_str(&text).map_err(|error| Unmergeable::Invalid { path, error })
}

/// One report of these, which have their files' names: all runs, in the order in which one run of the whole set has them.
/// Reports that are no parts are put behind each other, the seeds of a scenario together.
///
/// # Errors
/// They are not the parts of one set, or not all of them.
///
/// # Panics
/// Where there is no report at all.
pub fn merge(mut reports: Vec<(PathBuf, Report)>) -> Result<Report, Unmergeable> {
    let (first, head) = reports.first().expect("a report to begin with");
    let mut seen = BTreeSet::new();
    for (path, report) in &reports {
        alike((first, head), (path, report))?;
        note(&mut seen, path, report)?;
    }
    let part = head.part;
    let wall = reports
        .iter()
        .map(|(_, report)| report.totals.wall_ms)
        .max();
    let runs = match part {
        Some(Part { of, .. }) => dealt_back(&mut reports, of)?,
        None => one_after_another(&mut reports),
    };
    let (_, head) = reports.swap_remove(0);
    Ok(Report {
        part: None,
        totals: Total::of(&runs, wall.unwrap_or_default()),
        runs,
        ..head
    })
}

/// Whether a report may be of the set of the first.
fn alike(
    (first, head): (&Path, &Report),
    (path, report): (&Path, &Report),
) -> Result<(), Unmergeable> {
    let until = |report: &Report| match report.until_ms {
        Some(ms) => format!("{ms} ms"),
        None => "the end".to_owned(),
    };
    let parts = |report: &Report| match report.part {
        Some(part) => part.of.to_string(),
        None => "none".to_owned(),
    };
    for (what, found, expected) in [
        ("version", report.version.clone(), head.version.clone()),
        ("subject", report.subject.clone(), head.subject.clone()),
        ("engine", report.engine.clone(), head.engine.clone()),
        ("--until", until(report), until(head)),
        ("number of parts", parts(report), parts(head)),
    ] {
        if found != expected {
            return Err(Unmergeable::Differs {
                path: path.to_owned(),
                what,
                found,
                expected,
                first: first.to_owned(),
            });
        }
    }
    Ok(())
}

/// The runs of all parts as they were before they were dealt out.
fn dealt_back(reports: &mut [(PathBuf, Report)], of: usize) -> Result<Vec<Run>, Unmergeable> {
    let nth = |report: &Report| report.part.map_or(0, |part| part.nth);
    reports.sort_by_key(|(_, report)| nth(report));
    for pair in reports.windows(2) {
        if let [(other, one), (path, another)] = pair
            && nth(one) == nth(another)
        {
            return Err(Unmergeable::PartTwice {
                path: path.clone(),
                nth: nth(one),
                other: other.clone(),
            });
        }
    }
    let missing = |expected: &usize| !reports.iter().any(|(_, it)| nth(it) == *expected);
    if let Some(nth) = (1..=of).find(missing) {
        return Err(Unmergeable::Missing { nth, of });
    }
    let mut hands = Vec::with_capacity(of);
    for (_, report) in &mut *reports {
        hands.push(scenarios(std::mem::take(&mut report.runs)));
    }
    let counts: Vec<usize> = hands.iter().map(VecDeque::len).collect();
    for (at, count) in counts.iter().enumerate() {
        // Whoever deals gives the first as many as any other, and the last at most one less.
        let before = counts[at.saturating_sub(1)];
        if *count > before || count + 1 < counts[0] {
            return Err(Unmergeable::Uneven {
                path: reports[at].0.clone(),
                found: *count,
                first: counts[0],
            });
        }
    }
    let mut runs = Vec::new();
    for round in 0..counts[0] * of {
        runs.extend(hands[round % of].pop_front().unwrap_or_default());
    }
    Ok(runs)
}

/// The runs of a report, each scenario's together.
fn scenarios(runs: Vec<Run>) -> VecDeque<Vec<Run>> {
    let mut scenarios: VecDeque<Vec<Run>> = VecDeque::new();
    for run in runs {
        match scenarios.back_mut() {
            Some(last) if last[0].path == run.path => last.push(run),
            _ => scenarios.push_back(vec![run]),
        }
    }
    scenarios
}

/// All runs, by scenario as they come first, then by seed.
fn one_after_another(reports: &mut [(PathBuf, Report)]) -> Vec<Run> {
    let taken = reports
        .iter_mut()
        .map(|(_, report)| std::mem::take(&mut report.runs));
    let mut runs: Vec<Run> = taken.flatten().collect();
    let mut places = BTreeMap::new();
    for run in &runs {
        let next = places.len();
        places.entry(run.path.clone()).or_insert(next);
    }
    runs.sort_by_key(|run| (places[&run.path], run.seed));
    runs
}

fn note(
    seen: &mut BTreeSet<(PathBuf, u64)>,
    path: &Path,
    part: &Report,
) -> Result<(), Unmergeable> {
    let again = part
        .runs
        .iter()
        .find(|run| !seen.insert((run.path.clone(), run.seed)));
    match again {
        None => Ok(()),
        Some(run) => Err(Unmergeable::Twice {
            path: path.to_owned(),
            scenario: run.scenario.clone(),
            seed: run.seed,
        }),
    }
}

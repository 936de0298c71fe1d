//! One report of several: what a set of scenarios came to that ran in parts, on several machines.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::json::{FORMAT, Report, Total};

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

/// One report of these, which have their files' names: all runs, by scenario and seed.
///
/// # Errors
/// They are not parts of one set.
///
/// # Panics
/// Where there is no report at all.
pub fn merge(parts: Vec<(PathBuf, Report)>) -> Result<Report, Unmergeable> {
    let mut parts = parts.into_iter();
    let (first, mut whole) = parts.next().expect("a report to begin with");
    let mut seen = BTreeSet::new();
    let mut wall = whole.totals.wall_ms;
    note(&mut seen, &first, &whole)?;
    for (path, part) in parts {
        for (what, found, expected) in [
            ("version", &part.version, &whole.version),
            ("subject", &part.subject, &whole.subject),
            ("engine", &part.engine, &whole.engine),
        ] {
            if found != expected {
                return Err(Unmergeable::Differs {
                    path,
                    what,
                    found: found.clone(),
                    expected: expected.clone(),
                    first,
                });
            }
        }
        note(&mut seen, &path, &part)?;
        wall = wall.max(part.totals.wall_ms);
        whole.runs.extend(part.runs);
    }
    whole
        .runs
        .sort_by(|one, other| (&one.path, one.seed).cmp(&(&other.path, other.seed)));
    whole.totals = Total::of(&whole.runs, wall);
    Ok(whole)
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

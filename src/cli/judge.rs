//! `squall judge`.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use clap::Args;
use squall::exit::Exit;
use squall::report::perfetto::Perfetto;
use squall::report::text;
use squall::runner::{Outcome, Panics, Unjudgeable, judge, reread};

use super::{out, set};

/// Judge stored traces anew, by the oracles and by what their scenarios expect
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Judge {
    /// Full traces, as `squall run --trace DIR` writes them
    #[arg(value_name = "TRACE", required = true)]
    traces: Vec<PathBuf>,
    /// Tell what happened around the first findings [default: findings alone]
    #[arg(long)]
    explain: bool,
    /// Write the trace to this file too, as Chrome trace JSON with the findings marked, which https://ui.perfetto.dev opens;
    /// of one trace alone [default: none]
    #[arg(long, value_name = "FILE")]
    perfetto: Option<PathBuf>,
}

impl Judge {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        if self.perfetto.is_some() && self.traces.len() > 1 {
            out::complain("--perfetto: a file holds one trace; judge them one by one")?;
            return Ok(Exit::Usage);
        }
        let (panics, took) = (Panics::watch(), set::stopwatch());
        let (mut outcomes, mut exit) = (Vec::new(), Exit::Held);
        for path in &self.traces {
            match judge(path, self.explain, &panics) {
                Ok(outcome) => outcomes.push(outcome),
                Err(error) => {
                    out::complain(&error.to_string())?;
                    let panicked = matches!(error, Unjudgeable::Panicked { .. });
                    exit = exit.max(if panicked {
                        Exit::Bug
                    } else {
                        Exit::BadScenario
                    });
                }
            }
        }
        if !outcomes.is_empty() {
            let columns = text::Columns::fitting(&outcomes);
            out::say(&columns.head())?;
            for outcome in &outcomes {
                out::say(&text::outcome(outcome, columns))?;
            }
            out::say(&text::total(&outcomes, took()))?;
        }
        if let (Some(file), [outcome]) = (&self.perfetto, outcomes.as_slice())
            && let Err(error) = written(file, outcome)
        {
            out::complain(&format!("--perfetto {}: {error}", file.display()))?;
            exit = exit.max(Exit::Usage);
        }
        Ok(outcomes
            .iter()
            .map(Outcome::exit)
            .max()
            .unwrap_or_default()
            .max(exit))
    }
}

/// Writes a judged trace for Perfetto: all of it, or nothing.
fn written(file: &Path, outcome: &Outcome) -> Result<(), NotWritten> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    let done = write(&beside, outcome).and_then(|()| Ok(fs::rename(&beside, file)?));
    if done.is_err() {
        // What was begun is of no use to anybody; where it is not there, nothing is lost.
        let _ = fs::remove_file(&beside);
    }
    done
}

fn write(file: &Path, outcome: &Outcome) -> Result<(), NotWritten> {
    let (header, entries) = reread(&outcome.path)?;
    let mut perfetto = Perfetto::begin(BufWriter::new(File::create(file)?), &header)?;
    for entry in entries {
        perfetto.observe(&entry?)?;
    }
    if let Ok(verdict) = &outcome.ran {
        perfetto.found(&verdict.findings)?;
    }
    Ok(perfetto.finish()?)
}

/// Why there is no file for Perfetto.
#[derive(Debug, thiserror::Error)]
enum NotWritten {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Trace(#[from] Unjudgeable),
}

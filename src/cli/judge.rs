//! `squall judge`.

use std::path::PathBuf;

use clap::Args;
use squall::exit::Exit;
use squall::report::text;
use squall::runner::{Outcome, Panics, Unjudgeable, judge};

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
}

impl Judge {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
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
        Ok(outcomes
            .iter()
            .map(Outcome::exit)
            .max()
            .unwrap_or_default()
            .max(exit))
    }
}

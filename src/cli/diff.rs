//! `squall diff`.

use std::path::PathBuf;

use clap::Args;
use squall::exit::Exit;
use squall::report;
use squall::runner::{self, Incomparable, Panics, Unjudgeable};

use super::out;

/// Compare two stored traces of one scenario, and show where they part
///
/// Of two seeds, two subjects, two policies or two versions of the program: in what their runs were set up differently, the
/// last entries that they have in common, the first that they have not, and what each run came to. Exit code 1 where
/// anything differs.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Diff {
    /// A full trace, as `squall run --trace DIR` writes it
    #[arg(value_name = "TRACE")]
    first: PathBuf,
    /// The one to compare it with
    #[arg(value_name = "TRACE")]
    second: PathBuf,
}

impl Diff {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        match runner::diff(&self.first, &self.second, &Panics::watch()) {
            Ok(compared) => {
                out::say(&report::diff::text(&compared))?;
                Ok(match compared.is_equal() {
                    true => Exit::Held,
                    false => Exit::Findings,
                })
            }
            Err(error) => {
                out::complain(&error.to_string())?;
                Ok(match error {
                    Incomparable::Unreadable(Unjudgeable::Panicked { .. }) => Exit::Bug,
                    _ => Exit::BadScenario,
                })
            }
        }
    }
}

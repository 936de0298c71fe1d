//! `squall check`.

use clap::Args;
use squall::exit::Exit;

use super::{out, set};

/// Read scenarios and say what is wrong with them; run none
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    paths: set::Paths,
}

impl Check {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let Some(scenarios) = self.paths.load()? else {
            return Ok(Exit::BadScenario);
        };
        let what = if scenarios.len() == 1 {
            "scenario reads"
        } else {
            "scenarios read"
        };
        out::say(&format!("{} {what} well\n", scenarios.len()))?;
        Ok(Exit::Held)
    }
}

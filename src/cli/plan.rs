//! `squall plan`.

use clap::Args;
use squall::exit::Exit;
use squall::seed::Seed;

use super::{out, set};

/// Print the schedule that the seed draws for each scenario; run none
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    chosen: set::Chosen,
    /// Draw from this seed [default: each scenario's own]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<Seed>,
}

impl Plan {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let scenarios = match self.chosen.load()? {
            Ok(scenarios) => scenarios,
            Err(exit) => return Ok(exit),
        };
        let plans = scenarios.iter().map(|scenario| {
            let seed = self.seed.unwrap_or(scenario.seed);
            squall::plan::Plan::draw(scenario, seed).to_string()
        });
        out::say(&plans.collect::<Vec<_>>().join("\n"))?;
        Ok(Exit::Held)
    }
}

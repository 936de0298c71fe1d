//! `squall selftest`.

use clap::Args;
use squall::exit::Exit;
use squall::report::selftest;
use squall::runner::{self, Panics};
use squall_protocol::Instant;

use super::{out, set};

/// Prove that the harness can fail: run every mutant, and the gateway as it was before
///
/// Each mutant must be caught by the oracle and in the scenario that it names, and pass at least a third of the
/// scenarios; the gateway as it was before must do in each scenario what that says of it. Exit 1 if anything is
/// otherwise.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Selftest {
    #[command(flatten)]
    paths: set::Paths,
    /// End a mutant's run here, except in the scenario that must catch it
    #[arg(long, value_name = "T", default_value = "30d", value_parser = set::point)]
    until: Instant,
    #[command(flatten)]
    jobs: set::Jobs,
}

impl Selftest {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let Some(scenarios) = self.paths.load()? else {
            return Ok(Exit::BadScenario);
        };
        let (panics, took) = (Panics::watch(), set::stopwatch());
        let bar = set::progress(runner::Selftest::runs(&scenarios), "runs");
        let selftest =
            runner::Selftest::run(&scenarios, self.until, self.jobs.number(), &panics, || {
                bar.inc(1);
            });
        bar.finish_and_clear();
        out::say(&selftest::report(&selftest, took()))?;
        Ok(selftest.exit())
    }
}

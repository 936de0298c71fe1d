//! `squall merge`.

use std::path::PathBuf;

use clap::Args;
use squall::exit::Exit;
use squall::report::merge;

use super::out;

/// Put JSON reports of several machines together
///
/// Prints one report, with all runs in the order in which one run of the whole set has them: only what it took is that of
/// the slowest part. Ends as that run would have ended. Of reports of `--part` every part has to be there.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Merge {
    /// Reports, as `squall run --format json` prints them
    #[arg(value_name = "REPORT", required = true)]
    reports: Vec<PathBuf>,
}

impl Merge {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let (mut parts, mut read) = (Vec::new(), true);
        for path in &self.reports {
            match merge::read(path) {
                Ok(report) => parts.push((path.clone(), report)),
                Err(error) => {
                    out::complain(&error.to_string())?;
                    read = false;
                }
            }
        }
        if !read {
            return Ok(Exit::BadScenario);
        }
        match merge::merge(parts) {
            Ok(report) => {
                out::say(&report.text())?;
                Ok(report.exit())
            }
            Err(error) => {
                out::complain(&error.to_string())?;
                Ok(Exit::Usage)
            }
        }
    }
}

//! `squall bench`.

mod assumed;
mod machine;

use std::fs;
use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use squall::exit::Exit;
use squall::keep_alive::{Policy, Question};
use squall::report::html;
use squall::report::keep_alive::section::Section;
use squall::report::keep_alive::{json, picture, text};
use squall::runner;
use squall::seed::Seed;
use squall_protocol::Millis;

use super::{out, page, set};

/// Measure what things cost
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    KeepAlive(Box<KeepAlive>),
}

/// Measure what a keep-alive costs, and how soon it finds that a connection is dead
///
/// Studies the session's policy, the gateway's before it, those of real clients and a sweep of intervals: what each costs
/// in an hour, how long it takes a broken connection for a good one, and how often a good one for broken. All in virtual
/// time: the same seed gives the same numbers.
#[derive(Debug, Args)]
struct KeepAlive {
    /// Draw everything from this seed
    #[arg(long, value_name = "N", default_value_t)]
    seed: Seed,
    /// Break each connection so many times, each at a random phase
    #[arg(long, value_name = "N", default_value = "1000", value_parser = phases)]
    phases: NonZeroU64,
    /// Sweep these intervals [default: 5s,10s,15s,20s,25s,30s,45s,60s,90s,120s,180s,240s,300s,600s]
    #[arg(long, value_name = "T,…", value_delimiter = ',', value_parser = assumed::second_or_more, hide_default_value = true)]
    interval: Vec<Millis>,
    /// Sweep the silence after a ping that is the end
    #[arg(long, value_name = "T,…", value_delimiter = ',', value_parser = assumed::second_or_more, default_value = "60s,20s")]
    dead_after: Vec<Millis>,
    #[command(flatten)]
    assumed: assumed::Assumed,
    #[command(flatten)]
    jobs: set::Jobs,
    /// Write the picture of cost against detection to this file too [default: none]
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Write a report to read in a browser, index.html in this directory; `squall run --report DIR --keep-alive` puts the same
    /// below its runs [default: none]
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Measure too what a session-hour takes of this machine: processor time, instructions, allocations, memory. Needs
    /// valgrind, and a minute [default: not measured]
    #[arg(long)]
    machine: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// One object
    Json,
}

impl Bench {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let What::KeepAlive(keep_alive) = self.what;
        keep_alive.run()
    }
}

impl KeepAlive {
    fn run(self) -> anyhow::Result<Exit> {
        if let Some(directory) = &self.report
            && !page::prepare(directory)?
        {
            return Ok(Exit::Usage);
        }
        let took_in_all = set::stopwatch();
        let question = Question {
            seed: self.seed,
            phases: self.phases.get(),
            assumptions: self.assumed.assumptions(),
        };
        let sweep = Policy::sweep(&self.interval, &self.dead_after);
        let study = match runner::study(question, &sweep, self.jobs.number()) {
            Ok(study) => study,
            Err(error) => {
                out::complain(&error.to_string())?;
                return Ok(Exit::Usage);
            }
        };
        let took = match self.machine.then(machine::measure).transpose() {
            Ok(took) => took,
            Err(error) => {
                out::complain(&format!("{error:#}"))?;
                return Ok(Exit::Usage);
            }
        };
        match self.format {
            Format::Text => out::say(&text::report(&study, took.as_deref()))?,
            Format::Json => out::say(&json::report(&study, took.as_deref())?)?,
        }
        let mut exit = Exit::Held;
        if let Some(file) = &self.svg
            && let Err(error) = fs::write(file, picture::svg(&study))
        {
            out::complain(&format!("--svg {}: {error}", file.display()))?;
            exit = Exit::Usage;
        }
        if let Some(directory) = &self.report {
            let section = Section::new(&study, took.as_deref());
            let report = html::Report {
                outcomes: &[],
                compared: &[],
                wall: took_in_all(),
                keep_alive: Some(&section),
            };
            if self.format == Format::Text {
                out::say("\n")?;
            }
            exit = exit.max(page::write(
                &report,
                directory,
                self.format == Format::Text,
            )?);
        }
        Ok(exit)
    }
}

/// Enough for a quantile, and not more than a machine can do.
fn phases(text: &str) -> Result<NonZeroU64, String> {
    let most = 100_000;
    let phases: NonZeroU64 = text
        .parse()
        .map_err(|_| format!("write a whole number from 1 to {most}"))?;
    match phases.get() <= most {
        true => Ok(phases),
        false => Err(format!("at most {most}")),
    }
}

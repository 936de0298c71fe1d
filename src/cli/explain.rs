//! `squall explain`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use squall::exit::Exit;
use squall::report::story;
use squall::runner::{self, Explained, Panics, Unjudgeable};

use super::out;

/// Tell one finding of a stored trace as a story
///
/// What was injected, what the session knew, what it did, and which rule it broke. `squall judge` lists the findings.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Explain {
    /// A full trace, as `squall run --trace DIR` writes it
    #[arg(value_name = "TRACE")]
    trace: PathBuf,
    /// Which of its findings, in the order of the report
    #[arg(long, value_name = "N", default_value = "1")]
    finding: NonZeroUsize,
}

impl Explain {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let number = self.finding.get();
        let Explained { outcome, strands } =
            match runner::story(&self.trace, number, &Panics::watch()) {
                Ok(explained) => explained,
                Err(error) => {
                    out::complain(&error.to_string())?;
                    return Ok(match error {
                        Unjudgeable::Panicked { .. } => Exit::Bug,
                        _ => Exit::BadScenario,
                    });
                }
            };
        let shown = self.trace.display();
        let verdict = match &outcome.ran {
            Ok(verdict) => verdict,
            Err(panic) => anyhow::bail!("{shown}: {panic}"),
        };
        let findings = &verdict.findings;
        match (findings.get(number - 1), strands) {
            (Some(finding), Some(strands)) => {
                out::say(&story::told(verdict, number, finding, &strands))?;
            }
            _ if findings.is_empty() => {
                out::say("Nothing was found in this trace: there is nothing to explain.\n")?;
            }
            _ => {
                let most = findings.len();
                out::complain(&format!(
                    "--finding {number}: the trace has {most}; `squall judge {shown}` lists them"
                ))?;
                return Ok(Exit::Usage);
            }
        }
        Ok(outcome.exit())
    }
}

//! `squall probe`.

mod report;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use squall::engine::live::{self, Probe as Probed};
use squall::exit::Exit;
use squall::plan::Plan;
use squall::report::text;
use squall::runner::{self, Panics, Settings};
use squall::scenario::{self, Scenario};
use squall::seed::Seed;
use squall::subject::Tested;
use squall_protocol::{Instant, Millis};

use super::{out, set};

/// Run a command as the client, against a scenario's faults in real time, and judge what the server saw
///
/// The command finds in its environment where to connect and whom to trust: SQUALL_URL, SQUALL_ROOT_KEY (hexadecimal),
/// SQUALL_CONTROL (the control API; its mock-phone/scan-qr takes the text of a QR code), SQUALL_ORGANIZATION, and with
/// --tls-cert SQUALL_CERTIFICATE. Each start-session of the scenario launches it, or where it runs already writes {"do":"start"} to its input.
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Probe {
    /// The scenario; with one organization
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// The client and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
    /// Serve over TLS; the certificate is written to this file
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Answer a request that is not known with an error [default: with an empty result]
    #[arg(long)]
    strict: bool,
    /// Draw everything from this seed [default: the scenario's own]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<Seed>,
    /// End the run here, as in 5m [default: the scenario's end, at most 10m]
    #[arg(long, value_name = "T", value_parser = set::point)]
    until: Option<Instant>,
    /// Tell what happened around the first findings [default: findings alone]
    #[arg(long)]
    explain: bool,
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

/// Nobody waits for longer without having said so.
const LONGEST: Millis = Millis::from_mins(10);

impl Probe {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let scenario = match scenario::load(std::slice::from_ref(&self.scenario)) {
            Ok(mut all) if all.len() == 1 => all.remove(0),
            Ok(_) => return refuse(Exit::Usage, "one scenario at a time"),
            Err(errors) => {
                for error in &errors {
                    out::complain(&error.render(true))?;
                }
                return Ok(Exit::BadScenario);
            }
        };
        if let Some(why) = self.unfit(&scenario) {
            return refuse(
                Exit::BadScenario,
                &format!("{}: {why}", scenario.path.display()),
            );
        }
        let settings = Settings {
            seed: self.seed,
            until: self.until,
            explain: self.explain,
            ..Settings::of(Tested::Session)
        };
        let probed = Probed {
            command: self.command.clone(),
            certificate: self.tls_cert.clone(),
            strict: self.strict,
        };
        let panics = Panics::watch();
        let (outcome, client) = match runner::probe(&scenario, &settings, &probed, &panics) {
            Ok(probed) => probed,
            Err(error) => return refuse(Exit::Usage, &format!("nothing was probed: {error}")),
        };
        let exit = outcome.exit();
        if let Some(why) = client
            .as_ref()
            .and_then(|client| client.unlaunched.as_ref())
        {
            let program = &self.command[0];
            return refuse(Exit::Usage, &format!("{program} cannot be run: {why}"));
        }
        out::say(&match self.format {
            Format::Text => {
                let columns = text::Columns::of(std::slice::from_ref(&scenario), self.until);
                report::text(&scenario, &outcome, client.as_ref(), columns)
            }
            Format::Json => report::json(&scenario, &outcome, client.as_ref()),
        })?;
        Ok(exit)
    }

    /// Why a process of somebody else's cannot be put through it.
    fn unfit(&self, scenario: &Scenario) -> Option<String> {
        let plan = Plan::draw(scenario, self.seed.unwrap_or(scenario.seed));
        let lacks = live::lacks(&plan);
        if !lacks.is_empty() {
            return Some(format!("no real socket can have {}", lacks.join(", ")));
        }
        if plan.organizations.len() != 1 {
            return Some("a probe has one client; the scenario needs one organization".to_owned());
        }
        if self.until.is_none() && scenario.runs_for > LONGEST {
            return Some(format!(
                "it runs for {} of real time; --until says how long to wait",
                scenario.runs_for
            ));
        }
        let step = plan
            .steps
            .iter()
            .find(|step| !live::can_be_put_through(&step.action))?;
        let key = scenario.step(step.number)?.action.key();
        Some(format!(
            "line {}: {key} cannot be done to a process of its own",
            step.line
        ))
    }
}

fn refuse(exit: Exit, why: &str) -> anyhow::Result<Exit> {
    out::complain(why)?;
    Ok(exit)
}

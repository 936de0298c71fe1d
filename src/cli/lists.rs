//! The lists: what a scenario may say, what judges it, what is tested, what goes wrong.

use anyhow::Context;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use squall::engine::Engine;
use squall::exit::Exit;
use squall::report::{json, table};
use squall::scenario;
use squall::subject::{MUTANTS, Tested};

use super::{fault, oracle, out, subject};

/// Print the JSON Schema of scenarios, for editors, or of the JSON report, for programs
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Of what
    #[arg(value_name = "WHAT", value_enum, default_value_t)]
    what: Described,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Described {
    /// Scenarios
    #[default]
    Scenario,
    /// What `squall run --format json` prints
    Report,
}

impl Schema {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        told(&match self.what {
            Described::Scenario => format!("{:#}\n", scenario::schema()),
            Described::Report => format!("{:#}\n", json::schema().to_value()),
        })
    }
}

/// List the oracles, or describe one
#[derive(Debug, Args)]
pub(super) struct Oracles {
    /// Say all about this one: what it says, whom it does not judge, which mutants it must catch
    #[arg(value_name = "NAME", value_parser = named(oracle::all().map(|(name, _)| name)), hide_possible_values = true)]
    name: Option<String>,
}

impl Oracles {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        if let Some(name) = &self.name {
            return described(name, oracle::described(name));
        }
        let rows = oracle::all().map(|(name, says)| vec![name.to_owned(), says.to_owned()]);
        told(&table(&["oracle", "says that"], rows))
    }
}

/// List what can be tested, or describe one: the session, the gateway, the gateway before, a mutant
#[derive(Debug, Args)]
pub(super) struct Subjects {
    /// Say all about this one: what it is, who judges it, where a mutant's bug was seen, and the line that runs it
    #[arg(value_name = "NAME", value_parser = named(Tested::all().map(Tested::name)), hide_possible_values = true)]
    name: Option<String>,
}

impl Subjects {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        if let Some(name) = &self.name {
            return described(name, subject::described(name));
        }
        let subjects =
            Tested::all().map(|tested| vec![tested.name().to_owned(), tested.about().to_owned()]);
        let mut text = table(&["subject", "what it is"], subjects);
        text.push('\n');
        let mutants = MUTANTS.iter().map(|mutant| {
            let words = [
                mutant.name,
                mutant.incident,
                mutant.oracle.name(),
                mutant.scenario,
            ];
            words.map(str::to_owned).to_vec()
        });
        text.push_str(&table(
            &["mutant", "seen in", "caught by", "in scenario"],
            mutants,
        ));
        told(&text)
    }
}

/// List the faults, or describe one
#[derive(Debug, Args)]
pub(super) struct Faults {
    /// Say all about this one: how it is written, what it takes, with what defaults
    #[arg(value_name = "NAME", value_parser = named(faults_by_name()), hide_possible_values = true)]
    name: Option<String>,
}

/// Every name that `squall faults` knows.
pub(super) fn faults_by_name() -> impl Iterator<Item = &'static str> {
    let process = PROCESS.iter().map(|(name, _)| *name);
    scenario::FAULTS
        .iter()
        .map(|fault| fault.name)
        .chain(process)
}

impl Faults {
    pub(super) fn run(&self) -> anyhow::Result<Exit> {
        let head = ["fault", "acts on", "engines", "what it does"];
        let Some(name) = &self.name else {
            return told(&table(&head, fault_rows()));
        };
        let row = fault_rows().into_iter().find(|row| row[0] == *name);
        let described = fault::described(&scenario::schema(), name);
        let (Some([_, acts_on, engines, _]), Some(described)) = (row.as_deref(), described) else {
            anyhow::bail!("{name} is in the list of faults and not in the schema");
        };
        told(&format!(
            "{name}: acts on {acts_on}, in the engines: {engines}\n\n{described}"
        ))
    }
}

/// What each fault does, where it acts and which engines have it.
fn fault_rows() -> Vec<Vec<String>> {
    let engines: Vec<&str> = Engine::value_variants()
        .iter()
        .map(|engine| engine.name())
        .collect();
    let rows = scenario::FAULTS.iter().map(|fault| {
        let has = fault
            .engines
            .iter()
            .map(word)
            .filter(|engine| engines.contains(&engine.as_str()));
        let has: Vec<String> = has.collect();
        vec![
            fault.name.to_owned(),
            word(&fault.layer),
            has.join(", "),
            fault.doc.to_owned(),
        ]
    });
    let process = PROCESS.iter().map(|(name, does)| {
        vec![
            (*name).to_owned(),
            "process".to_owned(),
            engines.join(", "),
            (*does).to_owned(),
        ]
    });
    rows.chain(process).collect()
}

/// What the engine itself does to processes and their clocks: actions of a step, beside the faults of the mock server.
const PROCESS: &[(&str, &str)] = &[
    (
        "client_crash",
        "The client's process dies and boots again; its store is kept or lost.",
    ),
    (
        "client_stop",
        "The client's process is asked to end, and ends once each of its sessions has.",
    ),
    (
        "client_start",
        "The client's process is started; where another one has its store, it must refuse.",
    ),
    (
        "suspend",
        "The client's machine sleeps: its own clock stands, the wall clock runs.",
    ),
    (
        "client_pause",
        "The client's process is stopped: nothing of it runs, both its clocks do.",
    ),
    (
        "clock_step",
        "The wall clock of the client's machine is set, ahead or back.",
    ),
    (
        "supervisor",
        "From then on the client's process is started again whenever it is gone, as systemd or docker does.",
    ),
    (
        "server_restart",
        "The server's process dies with all its connections, and comes back with its memory.",
    ),
];

/// A variant's name as scenarios spell it.
fn word(variant: &impl std::fmt::Debug) -> String {
    format!("{variant:?}").to_lowercase()
}

/// One of these names; another is refused with the nearest.
fn named(names: impl Iterator<Item = &'static str>) -> PossibleValuesParser {
    PossibleValuesParser::new(names)
}

/// Tells what is said of one.
fn described(name: &str, text: Option<String>) -> anyhow::Result<Exit> {
    let text = text.with_context(|| format!("{name} is in the list and not described"))?;
    told(&text)
}

fn told(text: &str) -> anyhow::Result<Exit> {
    out::say(text)?;
    Ok(Exit::Held)
}

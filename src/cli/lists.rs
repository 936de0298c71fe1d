//! The lists: what a scenario may say, what judges it, what is tested, what goes wrong.

use clap::ValueEnum;
use squall::engine::Engine;
use squall::exit::Exit;
use squall::oracle::REGISTER;
use squall::report::table;
use squall::scenario;
use squall::subject::{MUTANTS, Tested};
use squall::words::OracleName;

use super::out;

/// Print the JSON Schema of scenarios, for editors.
pub(super) fn schema() -> anyhow::Result<Exit> {
    told(&format!("{:#}\n", scenario::schema()))
}

/// List the oracles and what each says.
pub(super) fn oracles() -> anyhow::Result<Exit> {
    let expect = (
        OracleName::Expectations,
        "what the scenario expects has come about",
    );
    let all = REGISTER
        .iter()
        .map(|oracle| (oracle.name, oracle.says))
        .chain([expect]);
    let rows = all.map(|(name, says)| vec![name.to_string(), says.to_owned()]);
    told(&table(&["oracle", "says that"], rows))
}

/// List what can be tested: the real session, the gateway as it was before, mutants.
pub(super) fn subjects() -> anyhow::Result<Exit> {
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

/// List the faults: what each does, where it acts and which engines have it.
pub(super) fn faults() -> anyhow::Result<Exit> {
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
    let rows = rows.chain(PROCESS.iter().map(|(name, does)| {
        vec![
            (*name).to_owned(),
            "process".to_owned(),
            engines.join(", "),
            (*does).to_owned(),
        ]
    }));
    told(&table(
        &["fault", "acts on", "engines", "what it does"],
        rows,
    ))
}

/// What the engine itself does to the client's process: actions of a step, beside the faults of the mock server.
const PROCESS: &[(&str, &str)] = &[
    (
        "client_crash",
        "The client's process dies and boots again; its store is kept or lost.",
    ),
    (
        "suspend",
        "The client's machine sleeps: its own clock stands, the wall clock runs.",
    ),
];

/// A variant's name as scenarios spell it.
fn word(variant: &impl std::fmt::Debug) -> String {
    format!("{variant:?}").to_lowercase()
}

fn told(text: &str) -> anyhow::Result<Exit> {
    out::say(text)?;
    Ok(Exit::Held)
}

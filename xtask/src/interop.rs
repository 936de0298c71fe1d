//! `cargo xtask interop`: real clients, each put through every case of `interop/cases` by `squall probe`. What they did is
//! `interop/RESULTS.md`, which a run either finds as it is or fails.

mod case;
mod cell;
mod chat;
mod clients;
mod person;
mod runs;
mod table;

use std::fs;
use std::panic::resume_unwind;
use std::thread;

use anyhow::{Context, bail};
use clap::Args;

use crate::run::{root, run};
use case::Case;
use clients::{Client, Toolchain};
use table::Table;

/// What the clients did.
const RESULTS: &str = "interop/RESULTS.md";

#[derive(Args)]
pub(crate) struct Interop {
    /// Write interop/RESULTS.md anew [default: fail if it would change]
    #[arg(long)]
    write: bool,
    /// Only the cases and clients whose name contains this; nothing is compared or written
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// No cases: the clients pair, and write to each other
    #[arg(long, conflicts_with_all = ["write", "only"])]
    chat: bool,
}

impl Interop {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        run("cargo build --release --locked --quiet")?;
        let (clients, lacking) = set_up()?;
        for (toolchain, _) in &lacking {
            println!("NOT RUN: {}", toolchain.lacks());
        }
        if self.chat {
            return chat::all(&clients);
        }
        let cases = case::all()?;
        if let Some(only) = &self.only {
            return print(&cases, &clients, only);
        }
        let mut table = table(&cases, &clients)?;
        if self.write {
            if !lacking.is_empty() {
                bail!("a table without all of its columns is not written");
            }
            fs::write(root().join(RESULTS), table.markdown())?;
            println!("{RESULTS} is written");
        }
        compare(&mut table, &cases, &clients)
    }
}

/// The stage of `cargo xtask test`: the table is as it was. What was not run, and how it could be.
pub(crate) fn stage() -> anyhow::Result<Vec<String>> {
    let (clients, lacking) = set_up()?;
    let cases = case::all()?;
    compare(&mut table(&cases, &clients)?, &cases, &clients)?;
    let said = |(toolchain, names): (Toolchain, Vec<&str>)| {
        format!("{}: {}", names.join(", "), toolchain.lacks())
    };
    Ok(lacking.into_iter().map(said).collect())
}

/// The stage of `cargo xtask test` after it: the clients that it built pair, and write to each other. (A second build is not
/// for nothing: a build script of whatsapp-rust's writes what it watches, so that most of it is built once more.)
pub(crate) fn conversations() -> anyhow::Result<()> {
    chat::all(&here().0)
}

/// Toolchains that are not here, each with the clients that it would give.
type Lacking = Vec<(Toolchain, Vec<&'static str>)>;

/// The clients whose toolchain is here, and what is lacking.
fn here() -> (Vec<Client>, Lacking) {
    let mut lacking = Vec::new();
    let mut here = Vec::new();
    for toolchain in Toolchain::ALL {
        let clients = clients::ALL.iter().filter(|it| it.toolchain == toolchain);
        match toolchain.is_here() {
            true => here.extend(clients.copied()),
            false => lacking.push((toolchain, clients.map(|client| client.name).collect())),
        }
    }
    (here, lacking)
}

/// Builds their drivers, those of all toolchains at once.
fn set_up() -> anyhow::Result<(Vec<Client>, Lacking)> {
    let (here, lacking) = here();
    let toolchains = Toolchain::ALL.into_iter();
    let used = toolchains.filter(|one| here.iter().any(|client| client.toolchain == *one));
    thread::scope(|scope| {
        let building: Vec<_> = used
            .map(|toolchain| scope.spawn(move || toolchain.build()))
            .collect();
        let mut built = building.into_iter();
        built.try_for_each(|build| build.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })?;
    Ok((here, lacking))
}

fn table(cases: &[Case], clients: &[Client]) -> anyhow::Result<Table> {
    let mut table = Table::of(cases, clients);
    fill(&mut table, &runs::pairs(cases, clients).collect::<Vec<_>>())?;
    Ok(table)
}

fn fill(table: &mut Table, pairs: &[(&Case, Client)]) -> anyhow::Result<()> {
    for (case, client, report) in runs::all(pairs)? {
        let cell = cell::of(&report, &client)
            .with_context(|| format!("{} with {}", case.name, client.name))?;
        table.set(case, &client, cell, &report);
    }
    Ok(())
}

/// Compares the table with the committed one. What differs is run once more, without the crowd of the others: only what
/// differs twice is a difference.
fn compare(table: &mut Table, cases: &[Case], clients: &[Client]) -> anyhow::Result<()> {
    let committed = fs::read_to_string(root().join(RESULTS))
        .with_context(|| format!("{RESULTS}; `cargo xtask interop --write` makes it"))?;
    let again = table.differing(&committed, cases, clients);
    if !again.is_empty() {
        println!(
            "{} of {} cells differ; they are run again",
            again.len(),
            table.len()
        );
        fill(table, &again)?;
    }
    let differences = table.differences(&committed);
    for difference in &differences {
        println!("{difference}");
    }
    println!("{} cells, {} differ", table.len(), differences.len());
    match differences.is_empty() {
        true => Ok(()),
        false => bail!("clients did what {RESULTS} does not say"),
    }
}

fn print(cases: &[Case], clients: &[Client], only: &str) -> anyhow::Result<()> {
    let pairs: Vec<(&Case, Client)> = runs::pairs(cases, clients)
        .filter(|(case, client)| case.name.contains(only) || client.name.contains(only))
        .collect();
    if pairs.is_empty() {
        bail!("no case and no client has {only:?} in its name");
    }
    for (case, client, report) in runs::all(&pairs)? {
        println!(
            "{} | {} | {}",
            case.name,
            client.name,
            cell::of(&report, &client)?.text
        );
    }
    Ok(())
}

//! `squall store`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use squall::exit::Exit;
use squall_session::store::file::{AtPath, RedbStore};
use squall_session::store::{Contents, StoreError, lines};

use super::out;

/// Make, write out, read in and check the store of a gateway
///
/// It is what must outlive the process: attempts, failures, blocks, the clock, and the keys of each device. None is ever
/// made silently or over another: a forgotten attempt is how numbers get blocked.
#[derive(Debug, Args)]
pub(super) struct Store {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a store that remembers nothing
    Init {
        /// The file; nothing may be there yet
        store: PathBuf,
    },
    /// Print a store as JSON lines, a record a line; they hold the keys of each device
    Export {
        /// The file; no gateway may have it open
        store: PathBuf,
    },
    /// Make a store of the JSON lines that `export` printed
    ///
    /// A device that was moved aside comes back to its organization where its line says `device` instead of `aside`, and
    /// no `attempt`.
    Import {
        /// The lines
        lines: PathBuf,
        /// The file; nothing may be there yet
        store: PathBuf,
    },
    /// Check a store to its last page, and change nothing
    Verify {
        /// The file; no gateway may have it open
        store: PathBuf,
    },
}

impl Store {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Init { store } => {
                let made = RedbStore::create(&store, Contents::default());
                told(&store, made, |_| {
                    format!(
                        "{}: made; it remembers no earlier attempt\n",
                        store.display()
                    )
                })
            }
            Command::Export { store } => {
                let found = RedbStore::verify_on(&AtPath::new(&store));
                told(&store, found, |contents| lines::write(&contents))
            }
            Command::Verify { store } => {
                let found = RedbStore::verify_on(&AtPath::new(&store));
                told(&store, found, |contents| {
                    format!("{}: whole; {}\n", store.display(), counted(&contents))
                })
            }
            Command::Import { lines, store } => import(&lines, &store),
        }
    }
}

fn import(from: &Path, store: &Path) -> anyhow::Result<Exit> {
    let text = match fs::read_to_string(from) {
        Ok(text) => text,
        Err(error) => {
            out::complain(&format!("{}: {error}", from.display()))?;
            return Ok(Exit::BadScenario);
        }
    };
    match lines::read(&text) {
        Ok(contents) => {
            let holds = counted(&contents);
            let made = RedbStore::create(store, contents);
            told(store, made, |_| {
                format!("{}: made; {holds}\n", store.display())
            })
        }
        Err(error) => {
            out::complain(&format!(
                "{}:{}: {}",
                from.display(),
                error.line,
                error.what
            ))?;
            Ok(Exit::BadScenario)
        }
    }
}

/// Says what came of it, or why nothing did.
fn told<T>(
    store: &Path,
    done: Result<T, StoreError>,
    what: impl FnOnce(T) -> String,
) -> anyhow::Result<Exit> {
    match done {
        Ok(done) => {
            out::say(&what(done))?;
            Ok(Exit::Held)
        }
        Err(error) => {
            out::complain(&format!("{}: {error}", store.display()))?;
            Ok(Exit::Findings)
        }
    }
}

/// What a store holds, in numbers.
fn counted(contents: &Contents) -> String {
    let ledger = &contents.ledger;
    let blocks = ledger.blocks.len() + usize::from(ledger.block_of_all.is_some());
    [
        (ledger.attempts.len(), "attempt", "attempts"),
        (ledger.failures.len(), "failure", "failures"),
        (blocks, "block", "blocks"),
        (contents.devices.len(), "device", "devices"),
        (
            contents.aside.len(),
            "device set aside",
            "devices set aside",
        ),
    ]
    .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
    .join(", ")
}

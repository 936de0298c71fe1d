//! `squall store`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use squall::exit::Exit;
use squall_protocol::pairing::Device;
use squall_session::store::file::{AtPath, RedbStore};
use squall_session::store::{Contents, Store as _, StoreError, lines};
use squall_session::{AttemptId, OrgId};

use super::out;

/// Make, write out, read in and check the store of a gateway, and give a device back
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
    /// Give an organization the device back that the end of an attempt had moved aside
    ///
    /// The device that it has instead is moved aside under the same attempt, so the same command undoes it.
    Restore {
        /// The file; no gateway may have it open
        store: PathBuf,
        /// Whose device it is
        #[arg(value_name = "ORG")]
        org: String,
        /// The number of the attempt, as the log has it
        attempt: u64,
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
            Command::Restore {
                store,
                org,
                attempt,
            } => restore(&store, &OrgId::new(org), AttemptId(attempt)),
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

fn restore(at: &Path, org: &OrgId, attempt: AttemptId) -> anyhow::Result<Exit> {
    let opened = RedbStore::open(at);
    let done = opened.and_then(|mut store| Ok((store.restore(org, attempt)?, store.contents()?)));
    match done {
        Ok((false, contents)) => {
            let aside = contents.aside.keys().filter(|(whose, _)| whose == org);
            let aside: Vec<_> = aside.map(|(_, attempt)| attempt.0.to_string()).collect();
            let there_is = match aside.as_slice() {
                [] => "no device of it is set aside".to_owned(),
                attempts => format!("its devices are those of attempt {}", attempts.join(", ")),
            };
            out::complain(&format!(
                "{}: no device of org {org} is set aside under {attempt}; {there_is}",
                at.display()
            ))?;
            Ok(Exit::Usage)
        }
        done => told(at, done, |(_, contents)| {
            let paired = contents.devices.get(org).is_some_and(Device::is_paired);
            let next = match paired {
                true => "the next start logs in",
                false => "it was never paired, and the next start shows a QR code",
            };
            format!(
                "{}: org {org} has the device of {attempt} back; {next}\n",
                at.display()
            )
        }),
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

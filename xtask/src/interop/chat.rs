//! Clients of different libraries write to each other through the server: end-to-end encrypted, with receipts, with one of
//! them away in between, and with the link cut in the middle. Nothing is lost, nothing arrives twice.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use super::clients::{Client, Toolchain};
use super::person::{Person, Server};
use crate::run::root;

/// So many messages each way.
const MESSAGES: usize = 10;

/// A pairing and the login after it.
const PAIRED_WITHIN_MS: u64 = 1_000;

/// Everything, as far as the clients are here.
pub(super) fn all(clients: &[Client]) -> anyhow::Result<()> {
    for client in clients {
        pair(*client).with_context(|| client.name)?;
    }
    let of = |toolchain| clients.iter().find(|client| client.toolchain == toolchain);
    if let (Some(one), Some(other)) = (of(Toolchain::Node), of(Toolchain::Rust)) {
        talk(*one, *other).with_context(|| format!("{} with {}", one.name, other.name))?;
    }
    Ok(())
}

/// From the QR code to the login of the paired device. The best of three: what a busy machine adds is not the client's.
fn pair(client: Client) -> anyhow::Result<()> {
    let server = Server::start()?;
    let mut best = u64::MAX;
    for name in ["first", "second", "third"] {
        let person = Person::launch(&server, client, name, None)?;
        let at = |event| -> anyhow::Result<u64> {
            person.tells(event, 1)?[0]["at"]
                .as_u64()
                .context("a line without its time")
        };
        best = best.min(at("open")? - at("qr")?);
        if best < PAIRED_WITHIN_MS {
            break;
        }
    }
    server.was_asked_what_it_knows()?;
    if best >= PAIRED_WITHIN_MS {
        bail!("{best} ms from the QR code to the login, at the best of three");
    }
    println!("{}: {best} ms from the QR code to the login", client.name);
    Ok(())
}

/// A conversation in three parts.
fn talk(one: Client, other: Client) -> anyhow::Result<()> {
    let server = Server::start()?;
    let store = Store::new("alice")?;
    let alice = Person::launch(&server, one, "alice", Some(&store.0))?;
    let bob = Person::launch(&server, other, "bob", None)?;
    let mut pair = Pair { alice, bob };

    let (alice, bob) = (pair.alice.number()?, pair.bob.number()?);
    for nth in 0..MESSAGES {
        say(&mut pair.alice, &bob, &format!("both there {nth}"))?;
        pair.bob.tells("message", nth + 1)?;
        say(&mut pair.bob, &alice, &format!("both there {nth}"))?;
        pair.alice.tells("message", nth + 1)?;
    }

    // One of them goes away as a process and comes back with what it kept.
    pair.alice.tells("delivered", MESSAGES)?;
    let heard = Received::of(&pair.alice);
    pair.alice.stop()?;
    for nth in 0..MESSAGES {
        say(&mut pair.bob, &alice, &format!("while away {nth}"))?;
    }
    pair.alice = Person::launch(&server, one, "alice", Some(&store.0))?;
    pair.alice.tells("message", MESSAGES)?;
    pair.bob.tells("delivered", 2 * MESSAGES)?;
    for nth in 0..MESSAGES {
        say(&mut pair.alice, &bob, &format!("back again {nth}"))?;
    }
    pair.bob.tells("message", 2 * MESSAGES)?;
    pair.alice.tells("delivered", MESSAGES)?;

    // The link of each is cut while the other one writes. What was received before has been acknowledged by then: the
    // server keeps what nobody acknowledged and sends it again, as the real service does, and to tell it from what is new
    // is the client's affair.
    for nth in 0..MESSAGES {
        if nth == MESSAGES / 2 {
            pair.bob.tells("delivered", 2 * MESSAGES + nth)?;
            server.do_wrong("inject reset --org alice")?;
        }
        say(&mut pair.bob, &alice, &format!("through a cut {nth}"))?;
    }
    pair.alice.tells("message", 2 * MESSAGES)?;
    pair.bob.tells("delivered", 3 * MESSAGES)?;
    pair.alice.tells("open", 2)?;
    for nth in 0..MESSAGES {
        if nth == MESSAGES / 2 {
            pair.alice.tells("delivered", MESSAGES + nth)?;
            server.do_wrong("inject reset --org bob")?;
        }
        say(&mut pair.alice, &bob, &format!("through a cut {nth}"))?;
    }
    pair.bob.tells("message", 3 * MESSAGES)?;
    pair.alice.tells("delivered", 2 * MESSAGES)?;

    // What would arrive twice has the time for it.
    thread::sleep(Duration::from_secs(2));
    heard.and(&pair.alice).are_each_once(3 * MESSAGES)?;
    Received::of(&pair.bob).are_each_once(3 * MESSAGES)?;
    server.was_asked_what_it_knows()?;
    println!(
        "{} and {}: {} messages, none lost, none twice",
        pair.alice.client.name,
        pair.bob.client.name,
        6 * MESSAGES
    );
    Ok(())
}

struct Pair {
    alice: Person,
    bob: Person,
}

/// Sends a text, and waits until the server has it.
fn say(who: &mut Person, to: &str, text: &str) -> anyhow::Result<()> {
    let before = who.tells("acknowledged", 0)?.len();
    who.send(to, text)?;
    who.tells("acknowledged", before + 1)?;
    Ok(())
}

/// The texts that somebody received, and how often.
struct Received(BTreeMap<String, usize>);

impl Received {
    fn of(person: &Person) -> Self {
        Self(BTreeMap::new()).and(person)
    }

    fn and(mut self, person: &Person) -> Self {
        let said = person.said();
        for line in said.iter().filter(|line| line["event"] == "message") {
            let text = line["text"].as_str().unwrap_or_default();
            *self.0.entry(text.to_owned()).or_default() += 1;
        }
        self
    }

    fn are_each_once(&self, count: usize) -> anyhow::Result<()> {
        let twice: Vec<&String> = self
            .0
            .iter()
            .filter(|(_, n)| **n > 1)
            .map(|(text, _)| text)
            .collect();
        if !twice.is_empty() {
            bail!("arrived more than once: {twice:?}");
        }
        if self.0.len() != count {
            bail!(
                "{} of {count} texts arrived: {:?}",
                self.0.len(),
                self.0.keys()
            );
        }
        Ok(())
    }
}

/// A directory for credentials, gone with its value.
struct Store(PathBuf);

impl Store {
    fn new(name: &str) -> anyhow::Result<Self> {
        let directory = root().join("target/interop").join(name);
        // What an interrupted run has left.
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

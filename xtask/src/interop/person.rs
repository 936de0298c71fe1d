//! A server, and drivers that are told what to do by lines and answer by lines.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::clients::Client;
use crate::run::{SQUALL, program, run};

/// `squall serve`, until it is dropped.
pub(super) struct Server {
    child: Child,
    listening: Value,
    /// Whoever hears what it tells, to the end.
    hears: Option<JoinHandle<BTreeSet<String>>>,
}

impl Server {
    /// One that counts no dials and answers what it does not know with an error.
    pub(super) fn start() -> anyhow::Result<Self> {
        let mut child = program(&format!(
            "{SQUALL} serve --port 0 --no-guard --strict --format json"
        ))
        .stdout(Stdio::piped())
        .spawn()
        .context("squall serve")?;
        let stdout = child.stdout.take().context("squall serve has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().context("squall serve said nothing")??;
        // Whoever does not read what it says would stop it.
        let hears = thread::spawn(move || unknown(lines.map_while(Result::ok)));
        let first: Value = serde_json::from_str(&first)?;
        let listening = first["listening"].clone();
        Ok(Self {
            child,
            listening,
            hears: Some(hears),
        })
    }

    /// Ends it. That its clients asked it what it does not know is an error, whatever became of them.
    pub(super) fn was_asked_what_it_knows(mut self) -> anyhow::Result<()> {
        end(&mut self.child);
        let heard = self.hears.take().and_then(|hears| hears.join().ok());
        let unknown = heard.context("nobody heard what the server told")?;
        if !unknown.is_empty() {
            let unknown: Vec<String> = unknown.into_iter().collect();
            bail!(
                "asked what the server does not know: {}",
                unknown.join(", ")
            );
        }
        Ok(())
    }

    fn said(&self, key: &str) -> &str {
        self.listening[key].as_str().unwrap_or_default()
    }

    /// Does this to it: `inject …` or `fault …` of the command line.
    pub(super) fn do_wrong(&self, what: &str) -> anyhow::Result<()> {
        run(&format!("{SQUALL} {what} --server {}", self.said("pages")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// What was asked that the server does not know, by the lines of its trace.
fn unknown(lines: impl Iterator<Item = String>) -> BTreeSet<String> {
    let kind = |line: String| -> Option<String> {
        let entry: Value = serde_json::from_str(&line).ok()?;
        let kind = entry["event"]["unknown_stanza"]["kind"].as_str()?;
        Some(kind.to_owned())
    };
    lines.filter_map(kind).collect()
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// One client with its driver.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) client: Client,
    child: Child,
    orders: ChildStdin,
    heard: Arc<Heard>,
}

#[derive(Default)]
struct Heard {
    lines: Mutex<Vec<Value>>,
    more: Condvar,
}

impl Person {
    /// Launches a driver; with a store it is who it was before.
    pub(super) fn launch(
        server: &Server,
        client: Client,
        name: &str,
        store: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let mut words = client.words(name);
        if let Some(store) = store {
            words.extend(["--store".to_owned(), store.display().to_string()]);
        }
        let mut child = program(&words[0])
            .args(&words[1..])
            .env("SQUALL_URL", server.said("url"))
            .env("SQUALL_ROOT_KEY", server.said("root_key"))
            .env("SQUALL_CONTROL", server.said("pages"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| words.join(" "))?;
        let orders = child.stdin.take().context("no input")?;
        let stdout = child.stdout.take().context("no output")?;
        let heard = Arc::new(Heard::default());
        let hears = Arc::clone(&heard);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Ok(line) = serde_json::from_str(&line) {
                    hears.lock().push(line);
                    hears.more.notify_all();
                }
            }
        });
        Ok(Self {
            name: name.to_owned(),
            client,
            child,
            orders,
            heard,
        })
    }

    /// Waits until so many lines have been said that are like this; all that there are then.
    pub(super) fn says(
        &self,
        what: &str,
        count: usize,
        is: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Vec<Value>> {
        let found = |lines: &[Value]| -> Vec<Value> {
            lines.iter().filter(|line| is(line)).cloned().collect()
        };
        let (lines, late) = self
            .heard
            .more
            .wait_timeout_while(self.heard.lock(), PATIENCE, |lines| {
                found(lines).len() < count
            })
            .unwrap_or_else(PoisonError::into_inner);
        if late.timed_out() {
            let (name, client) = (&self.name, self.client.name);
            let all: Vec<String> = lines.iter().map(Value::to_string).collect();
            bail!(
                "{name} ({client}) said {what} {} times of {count}; all that it said:\n{}",
                found(&lines).len(),
                all.join("\n")
            );
        }
        Ok(found(&lines))
    }

    /// The same, of events with this name.
    pub(super) fn tells(&self, event: &str, count: usize) -> anyhow::Result<Vec<Value>> {
        self.says(event, count, |line| line["event"] == event)
    }

    /// What it has said so far.
    pub(super) fn said(&self) -> Vec<Value> {
        self.heard.lock().clone()
    }

    /// Its phone number, once it is open.
    pub(super) fn number(&self) -> anyhow::Result<String> {
        let open = self.tells("open", 1)?.remove(0);
        let jid = open["jid"].as_str().context("open without a jid")?;
        let number = jid.split([':', '@']).next().unwrap_or_default();
        Ok(number.to_owned())
    }

    pub(super) fn send(&mut self, to: &str, text: &str) -> anyhow::Result<()> {
        self.order(&json!({ "do": "send", "to": to, "text": text }))
    }

    fn order(&mut self, order: &Value) -> anyhow::Result<()> {
        writeln!(self.orders, "{order}").with_context(|| format!("{} does not listen", self.name))
    }

    /// Asks it to close, and waits until it is gone.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.order(&json!({ "do": "stop" }))?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Heard {
    fn lock(&self) -> MutexGuard<'_, Vec<Value>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Nobody waits for longer. A client on a busy machine takes seconds to begin.
const PATIENCE: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_does_not_know_is_heard_among_all_that_it_tells() {
        let lines = [
            r#"{"at":0,"event":{"dial":{"conn":1,"org":"","attempt":0,"handoff":false}}}"#,
            r#"{"at":7,"event":{"unknown_stanza":{"conn":1,"kind":"iq w:nothing"}}}"#,
            r#"{"at":8,"event":"server_down"}"#,
            r#"{"at":9,"event":{"unknown_stanza":{"conn":2,"kind":"iq w:nothing"}}}"#,
            r#"{"stopped":{"closed":1}}"#,
        ];
        let heard = unknown(lines.map(str::to_owned).into_iter());
        assert_eq!(heard.into_iter().collect::<Vec<_>>(), ["iq w:nothing"]);
    }
}

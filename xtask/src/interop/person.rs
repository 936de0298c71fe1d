//! A server, and drivers that are told what to do by lines and answer by lines.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::clients::Client;
use crate::run::{SQUALL, program, run};

/// `squall serve`, until it is dropped.
pub(super) struct Server {
    child: Child,
    listening: Value,
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
        thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let first: Value = serde_json::from_str(&first)?;
        let listening = first["listening"].clone();
        Ok(Self { child, listening })
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

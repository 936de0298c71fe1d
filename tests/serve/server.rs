//! `squall serve` as a process of its own, heard line by line.

use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

/// A server on a port of its own.
pub(crate) struct Server {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// What its first line says.
    pub(crate) listening: Value,
}

impl Server {
    /// Starts it; it tells what happens as JSON lines.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut process = Command::cargo_bin("squall")
            .unwrap()
            .args(["serve", "--port", "0", "--format", "json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().expect("it says where it listens").unwrap();
        let first: Value = serde_json::from_str(&first).unwrap();
        Self {
            process,
            lines,
            listening: first["listening"].clone(),
        }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.listening["address"].as_str().unwrap()
    }

    /// The key that its certificates lead to.
    pub(crate) fn root_key(&self) -> [u8; 32] {
        let text = self.listening["root_key"].as_str().unwrap();
        let mut key = [0; 32];
        for (place, byte) in key.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).unwrap();
        }
        key
    }

    /// Waits for an event of this name, on this connection where it is about one.
    pub(crate) fn event(&mut self, name: &str, conn: u64) -> Value {
        loop {
            let line = self.lines.next().expect("it goes on").unwrap();
            let mut entry: Value = serde_json::from_str(&line).unwrap();
            let event = match &mut entry["event"] {
                Value::String(only) if only == name => return Value::Null,
                Value::String(_) => continue,
                event => event[name].take(),
            };
            if !event.is_null() && event["conn"].as_u64().is_none_or(|other| other == conn) {
                return event;
            }
        }
    }

    /// Waits until it ends by itself. How, and what it wrote to the standard error.
    pub(crate) fn ended(mut self) -> (ExitStatus, String) {
        self.lines.by_ref().for_each(drop);
        let mut said = String::new();
        let mut errors = self.process.stderr.take().unwrap();
        errors.read_to_string(&mut said).unwrap();
        (self.process.wait().unwrap(), said)
    }

    /// Asks it to end. How it ended, how many connections it says it closed, and what it wrote to the standard error.
    pub(crate) fn stop(mut self, signal: &str) -> (ExitStatus, u64, String) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
        let last = self.lines.by_ref().map(Result::unwrap).last().unwrap();
        let last: Value = serde_json::from_str(&last).unwrap();
        let mut said = String::new();
        let mut errors = self.process.stderr.take().unwrap();
        errors.read_to_string(&mut said).unwrap();
        let status = self.process.wait().unwrap();
        (status, last["stopped"]["closed"].as_u64().unwrap(), said)
    }
}

impl Drop for Server {
    /// A test that fails leaves no server behind.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! `squall serve` and `squall gateway` as processes of their own, and what is asked of the second over HTTP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

/// The key of the tests.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// From one line to the next, and for an answer; nothing here takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A process that tells what happens as JSON lines.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<Value>,
}

impl Process {
    fn spawn(arguments: &[&str], directory: &Path) -> Self {
        let mut child = Command::cargo_bin("squall")
            .unwrap()
            .args(arguments)
            .env("SQUALL_API_KEY", KEY)
            .current_dir(directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("a line of JSON");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// Waits for a line of which this is true.
    #[track_caller]
    pub(crate) fn line(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.lines.recv_timeout(PATIENCE).expect("it goes on");
            if is_it(&line) {
                return line;
            }
        }
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has. Its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Process {
    /// A test that fails leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The mock server.
pub(crate) struct Server {
    _process: Process,
    url: String,
    root_key: String,
}

impl Server {
    pub(crate) fn start(arguments: &[&str], directory: &Path) -> Self {
        let all = [&["serve", "--port", "0", "--format", "json"], arguments].concat();
        let process = Process::spawn(&all, directory);
        let first = process.line(|line| line["listening"].is_object());
        let text = |name: &str| first["listening"][name].as_str().unwrap().to_owned();
        Self {
            url: text("url"),
            root_key: text("root_key"),
            _process: process,
        }
    }
}

/// A gateway.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    address: String,
}

impl Gateway {
    /// Starts one on `squall.store` of this directory.
    pub(crate) fn start(server: &Server, more: &[&str], directory: &Path) -> Self {
        let arguments = Self::arguments(server);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let process = Process::spawn(&[&arguments, more].concat(), directory);
        let first = process.line(|line| line["event"] == "listening");
        let url = first["url"].as_str().unwrap();
        Self {
            address: url.strip_prefix("http://").unwrap().to_owned(),
            process,
        }
    }

    pub(crate) fn arguments(server: &Server) -> Vec<String> {
        let flags = ["gateway", "--listen", "127.0.0.1:0", "--log", "json"];
        let server = ["--server", &server.url, "--root-key", &server.root_key];
        [&flags[..], &server[..]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn start_session(&self, org: &str) -> Answer {
        self.post("/api/start-session", org)
    }

    pub(crate) fn post(&self, path: &str, org: &str) -> Answer {
        let body = format!("{{\"organization_id\":\"{org}\"}}");
        self.ask(
            &format!(
                "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {}",
                body.len()
            ),
            &body,
        )
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1"), "")
    }

    fn ask(&self, head: &str, body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let more = format!(
            "host: {}\r\nx-api-key: {KEY}\r\nconnection: close",
            self.address
        );
        write!(stream, "{head}\r\n{more}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        }
    }

    /// Waits until an organization is told to stand here.
    #[track_caller]
    pub(crate) fn state(&self, state: &str) {
        self.process
            .line(|line| line["event"] == "state" && line["state"] == state);
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

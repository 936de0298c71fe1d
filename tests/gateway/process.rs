//! `squall serve` and `squall gateway` as processes of their own, and what is asked of the second over HTTP.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

/// The key of the tests.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// From one line to the next, and for an answer; nothing here takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A process that tells what happens, a line each.
pub(crate) struct Process {
    child: Child,
    lines: Receiver<String>,
    /// Who holds it keeps lines from being read.
    reading: Arc<Mutex<()>>,
    /// Everything that was read of it.
    said: RefCell<String>,
}

impl Process {
    fn spawn(arguments: &[&str], directory: &Path) -> Self {
        let mut command = Command::cargo_bin("squall").unwrap();
        command.args(arguments);
        Self::of(command, directory)
    }

    /// The same, by a shell that sets its limits first.
    fn spawn_under(limits: &str, arguments: &[&str], directory: &Path) -> Self {
        let squall = Command::cargo_bin("squall").unwrap();
        let mut command = Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{limits}; exec \"$0\" \"$@\""))
            .arg(squall.get_program())
            .args(arguments);
        Self::of(command, directory)
    }

    fn of(mut command: Command, directory: &Path) -> Self {
        let mut child = command
            .env("SQUALL_API_KEY", KEY)
            .current_dir(directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().unwrap());
        let reading = Arc::<Mutex<()>>::default();
        let turn = Arc::clone(&reading);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                drop(turn.lock().unwrap());
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            reading,
            said: RefCell::default(),
        }
    }

    /// Nothing more of what it says is read while this is locked.
    pub(crate) fn reading(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.reading)
    }

    /// Waits for a line of JSON of which this is true.
    #[track_caller]
    pub(crate) fn line(&self, mut is_it: impl FnMut(&Value) -> bool) -> Value {
        loop {
            let line = serde_json::from_str(&self.next()).expect("a line of JSON");
            if is_it(&line) {
                return line;
            }
        }
    }

    /// Waits for a line that holds this.
    #[track_caller]
    pub(crate) fn text(&self, what: &str) -> String {
        loop {
            let line = self.next();
            if line.contains(what) {
                return line;
            }
        }
    }

    #[track_caller]
    fn next(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE).expect("it goes on");
        *self.said.borrow_mut() += &format!("{line}\n");
        line
    }

    /// What it has in memory, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse().unwrap()
    }

    /// Ends it as `kill -9` does. Everything that it had told by then.
    pub(crate) fn kill(mut self) -> String {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut said = self.said.take();
        said.extend(self.lines.iter().map(|line| format!("{line}\n")));
        said
    }

    /// Asks it to end, and waits until it has. Its exit code.
    pub(crate) fn terminate(mut self) -> Option<i32> {
        self.ask_to_end();
        self.child.wait().unwrap().code()
    }

    /// The same, and goes on without waiting.
    pub(crate) fn ask_to_end(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
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
    control: String,
    root_key: String,
}

impl Server {
    pub(crate) fn start(arguments: &[&str], directory: &Path) -> Self {
        let all = [&["serve", "--port", "0", "--format", "json"], arguments].concat();
        let process = Process::spawn(&all, directory);
        let first = process.line(|line| line["listening"].is_object());
        let text = |name: &str| first["listening"][name].as_str().unwrap().to_owned();
        let url = text("url");
        let control = url.replacen("ws://", "http://", 1);
        Self {
            control: control.trim_end_matches("/ws/chat").to_owned(),
            url,
            root_key: text("root_key"),
            _process: process,
        }
    }
}

impl Server {
    /// The mock phone scans a code.
    pub(crate) fn scan(&self, code: &str) {
        let address = self.control.strip_prefix("http://").unwrap();
        let head = format!(
            "POST /admin/mock-phone/scan-qr HTTP/1.1\r\ncontent-type: text/plain\r\ncontent-length: {}",
            code.len()
        );
        let answer = asked(address, &head, code);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// What happened after the event of this number, as JSON lines.
    pub(crate) fn events(&self, after: u64) -> String {
        let address = self.control.strip_prefix("http://").unwrap();
        let head = format!("GET /admin/events?since={after}&follow=false HTTP/1.0");
        let answer = asked(address, &head, "");
        let (_, lines) = answer.split_once("\r\n\r\n").unwrap();
        lines.to_owned()
    }

    /// `squall inject`, with these arguments.
    pub(crate) fn inject(&self, arguments: &[&str], directory: &Path) {
        let status = self.injecting(arguments, directory).wait().unwrap();
        assert!(status.success(), "{arguments:?}: {status}");
    }

    /// The same, not waited for.
    pub(crate) fn injecting(&self, arguments: &[&str], directory: &Path) -> Child {
        Command::cargo_bin("squall")
            .unwrap()
            .arg("inject")
            .args(arguments)
            .args(["--server", &self.control])
            .current_dir(directory)
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }
}

/// What is answered to one request on a connection of its own.
fn asked(address: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let more = format!("host: {address}\r\nconnection: close");
    write!(stream, "{head}\r\n{more}\r\n\r\n{body}").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// A gateway.
pub(crate) struct Gateway {
    pub(crate) process: Process,
    pub(crate) address: String,
    /// Everything that it answered, but what was asked for to be kept from this.
    answers: RefCell<String>,
}

impl Gateway {
    /// Starts one on `squall.store` of this directory.
    pub(crate) fn start(server: &Server, more: &[&str], directory: &Path) -> Self {
        Self::telling("json", server, more, directory)
    }

    /// The same, with its log in this form.
    pub(crate) fn telling(form: &str, server: &Server, more: &[&str], directory: &Path) -> Self {
        let arguments = Self::arguments(server);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let log = ["--log", form];
        Self::of(Process::spawn(
            &[&arguments, &log[..], more].concat(),
            directory,
        ))
    }

    /// The same as [`Self::start`], by a shell that sets its limits first.
    pub(crate) fn under(limits: &str, server: &Server, more: &[&str], directory: &Path) -> Self {
        let arguments = Self::arguments(server);
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let log = ["--log", "json"];
        Self::of(Process::spawn_under(
            limits,
            &[&arguments, &log[..], more].concat(),
            directory,
        ))
    }

    fn of(process: Process) -> Self {
        // In either form of the log the address stands between "http://" and a space, a quote or the end.
        let first = process.text("http://");
        let (_, address) = first.split_once("http://").unwrap();
        let end = address.find([' ', '"']).unwrap_or(address.len());
        Self {
            address: address[..end].to_owned(),
            process,
            answers: RefCell::default(),
        }
    }

    pub(crate) fn arguments(server: &Server) -> Vec<String> {
        let flags = ["gateway", "--listen", "127.0.0.1:0"];
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
        self.heard(self.ask(
            &format!(
                "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {}",
                body.len()
            ),
            &body,
        ))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.heard(self.get_unheard(path))
    }

    /// What is a secret by what it is for: the QR code.
    pub(crate) fn get_unheard(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1"), "")
    }

    fn heard(&self, answer: Answer) -> Answer {
        *self.answers.borrow_mut() += &format!("{}\n{}\n", answer.head, answer.text);
        answer
    }

    /// Everything that it logged and answered so far.
    pub(crate) fn said(&self) -> String {
        format!("{}\n{}", self.process.said.borrow(), self.answers.borrow())
    }

    pub(crate) fn ask(&self, head: &str, body: &str) -> Answer {
        let head = format!("{head}\r\nx-api-key: {KEY}");
        Answer::of(&asked(&self.address, &head, body))
    }

    /// Asks, and leaves the answer to be read as it comes.
    pub(crate) fn open(&self, head: &str, body: &str) -> Open {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let more = format!("host: {}\r\nx-api-key: {KEY}", self.address);
        write!(stream, "{head}\r\n{more}\r\n\r\n{body}").unwrap();
        Open(BufReader::new(stream))
    }

    /// Waits until an organization is told to stand here.
    #[track_caller]
    pub(crate) fn state(&self, state: &str) {
        self.process
            .line(|line| line["event"] == "state" && line["state"] == state);
    }
}

/// An answer that goes on.
pub(crate) struct Open(BufReader<TcpStream>);

impl Open {
    /// Reads on to a line that holds this.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str) {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).unwrap();
            assert!(read > 0, "it ended before {what}");
            if line.contains(what) {
                return;
            }
        }
    }

    pub(crate) fn until_end(mut self) {
        self.0.read_to_end(&mut Vec::new()).unwrap();
    }

    /// What else came, to whatever end.
    pub(crate) fn rest(mut self) -> String {
        let mut rest = Vec::new();
        // A connection that was reset ends too.
        let _ = self.0.read_to_end(&mut rest);
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn of(answer: &str) -> Self {
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            text: text.to_owned(),
            body: serde_json::from_str(text).unwrap_or(Value::Null),
        }
    }
}

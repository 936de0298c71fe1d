//! Processes that a test starts and ends.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A process that ends with the test.
struct Process {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Process {
    fn spawn(command: &mut Command) -> std::io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().expect("it is piped");
        Ok(Self {
            child,
            output: BufReader::new(output),
        })
    }

    /// The next line of which this makes something.
    fn line<T>(&mut self, find: impl Fn(&str) -> Option<T>) -> T {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.output.read_line(&mut line).expect("a line");
            assert!(read > 0, "it ended before it said what was waited for");
            if let Some(found) = find(&line) {
                return found;
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Chromium's driver, on a port of its own.
pub struct Driver {
    _process: Process,
    address: String,
}

impl Driver {
    /// Starts it.
    ///
    /// # Panics
    /// Where it is not installed, with the way to get it.
    pub fn start() -> Self {
        let mut command = Command::new("chromedriver");
        let mut process = Process::spawn(command.arg("--port=0")).unwrap_or_else(|error| {
            panic!(
                "chromedriver cannot be started ({error}): install the Debian packages chromium and chromium-driver"
            )
        });
        let port: u16 = process.line(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim().trim_end_matches('.').parse().ok()
        });
        Self {
            _process: process,
            address: format!("http://127.0.0.1:{port}"),
        }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

/// The program under test: the one that `cargo build` makes.
pub struct Squall {
    process: Process,
}

impl Squall {
    /// Where it is.
    pub fn program() -> PathBuf {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/squall");
        assert!(
            target.exists(),
            "{} is not there; `cargo build` makes it",
            target.display()
        );
        target
    }

    /// Starts it in this directory.
    pub fn start(directory: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(Self::program());
        command.args(arguments).current_dir(directory);
        command.envs(variables.iter().copied());
        Self {
            process: Process::spawn(&mut command).expect("it starts"),
        }
    }

    /// Waits for a line of JSON of which this is true.
    pub fn line(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        self.process
            .line(|line| serde_json::from_str(line).ok().filter(&is_it))
    }

    /// Runs it to its end in this directory.
    pub fn run(directory: &Path, arguments: &[&str]) -> std::process::ExitStatus {
        let mut command = Command::new(Self::program());
        command
            .args(arguments)
            .current_dir(directory)
            .stdout(Stdio::null());
        command.status().expect("it runs")
    }
}

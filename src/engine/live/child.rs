//! A client that is a process of its own: launched, stopped, killed, and spoken to by lines.

use std::collections::VecDeque;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::engine::recorder::Recorder;
use crate::trace::{Ask, Event, OrgName, Verdict};

/// How a process is started.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) command: Vec<String>,
    /// What its environment says beside ours.
    pub(super) environment: Vec<(&'static str, String)>,
}

/// The process of one organization's client, and what it has said.
pub(super) struct ClientProcess {
    pub(super) org: OrgName,
    launch: Launch,
    recorder: Arc<Recorder>,
    /// The start that was accepted last.
    attempt: AtomicU64,
    /// The server has asked it to come back: its next dial is that.
    handoff: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    group: Option<Pid>,
    lines: Option<UnboundedSender<&'static str>>,
    launches: u32,
    unlaunched: Option<String>,
    /// How the last one ended by itself.
    ended: Option<Ended>,
    said: VecDeque<String>,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// In words.
    pub how: String,
}

impl ClientProcess {
    /// One that does not run yet.
    pub(super) fn new(
        org: OrgName,
        launch: Launch,
        recorder: &Arc<Recorder>,
        handoff: Arc<AtomicBool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            org,
            launch,
            recorder: Arc::clone(recorder),
            attempt: AtomicU64::new(0),
            handoff,
            state: Mutex::default(),
        })
    }

    /// Whether it runs.
    fn runs(&self) -> bool {
        self.lock().group.is_some()
    }

    /// A start that it has to accept: it is launched, or told by a line where it runs already.
    pub(super) fn start(self: &Arc<Self>) {
        self.recorder.record(Event::Request {
            org: self.org.clone(),
            ask: Ask::Start,
        });
        let attempt = self.attempt.fetch_add(1, Ordering::Relaxed) + 1;
        self.recorder.record(Event::Verdict {
            org: self.org.clone(),
            verdict: Verdict::Granted { attempt },
        });
        if self.runs() {
            self.tell("{\"do\":\"start\"}\n");
        } else if let Err(error) = self.launch() {
            let why = error.to_string();
            self.lock().unlaunched = Some(why.clone());
            self.recorder.record(Event::RefusedToStart { why });
        }
    }

    /// Tells it to stop.
    pub(super) fn stop(&self) {
        self.recorder.record(Event::Request {
            org: self.org.clone(),
            ask: Ask::Stop,
        });
        self.tell("{\"do\":\"stop\"}\n");
    }

    fn tell(&self, line: &'static str) {
        if let Some(lines) = &self.lock().lines {
            let _ = lines.send(line);
        }
    }

    fn launch(self: &Arc<Self>) -> io::Result<()> {
        let [program, arguments @ ..] = self.launch.command.as_slice() else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let mut child = Command::new(program)
            .args(arguments)
            .envs(self.launch.environment.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // What it starts in its turn ends with it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let (send, mut lines) = unbounded_channel();
        let launch = {
            let mut state = self.lock();
            state.launches += 1;
            state.group = group;
            state.lines = Some(send);
            state.ended = None;
            state.launches
        };
        self.recorder.record(Event::Booted);
        for output in [
            child.stdout.take().map(|out| Box::new(out) as Output),
            child.stderr.take().map(|out| Box::new(out) as Output),
        ] {
            tokio::spawn(Arc::clone(self).hear(output));
        }
        let stdin: Option<ChildStdin> = child.stdin.take();
        tokio::spawn(async move {
            let Some(mut stdin) = stdin else { return };
            while let Some(line) = lines.recv().await {
                // One that does not listen is not told.
                if stdin.write_all(line.as_bytes()).await.is_err() || stdin.flush().await.is_err() {
                    return;
                }
            }
        });
        let process = Arc::clone(self);
        tokio::spawn(async move {
            if let Ok(status) = child.wait().await {
                process.ended(launch, status);
            }
        });
        Ok(())
    }

    /// It has ended. Whoever killed it has said so already.
    fn ended(&self, launch: u32, status: ExitStatus) {
        let mut state = self.lock();
        if state.launches != launch {
            return;
        }
        let Some(group) = state.group.take() else {
            return;
        };
        // What it leaves behind would dial on, and nobody would know whose dials those are.
        signal_to(Some(group), Signal::KILL);
        state.lines = None;
        state.ended = Some(Ended {
            code: status.code(),
            how: status.to_string(),
        });
        drop(state);
        self.recorder.record(Event::Crashed {
            store: ITS_OWN.into(),
        });
    }

    /// Kills it, and all that it started. Whether it ran.
    pub(super) fn kill(&self) -> bool {
        let mut state = self.lock();
        state.lines = None;
        let group = state.group.take();
        drop(state);
        signal_to(group, Signal::KILL)
    }

    /// Kills it as a step of the run. Whether it ran.
    pub(super) fn crash(&self) -> bool {
        let ran = self.kill();
        if ran {
            self.recorder.record(Event::Crashed {
                store: ITS_OWN.into(),
            });
        }
        ran
    }

    /// Stops it, or lets it go on. Whether it runs.
    pub(super) fn pauses(&self, pauses: bool) -> bool {
        let (signal, event) = match pauses {
            true => (Signal::STOP, Event::Paused),
            false => (Signal::CONT, Event::Continued),
        };
        let group = self.lock().group;
        let runs = signal_to(group, signal);
        if runs {
            self.recorder.record(event);
        }
        runs
    }

    /// Why it could not be launched, if it could not.
    pub(super) fn unlaunched(&self) -> Option<String> {
        self.lock().unlaunched.clone()
    }

    async fn hear(self: Arc<Self>, output: Option<Output>) {
        let Some(output) = output else { return };
        let mut output = BufReader::new(output);
        // To the end, whatever it says: a pipe that nobody reads kills whoever writes to it.
        while let Ok(Some(line)) = next_line(&mut output).await {
            let said = &mut self.lock().said;
            if said.len() == SAID {
                said.pop_front();
            }
            said.push_back(line);
        }
    }

    /// How it ended by itself, if it did, and the last lines that it wrote.
    pub(super) fn last_words(&self) -> (Option<Ended>, Vec<String>) {
        let state = self.lock();
        (state.ended.clone(), state.said.iter().cloned().collect())
    }

    /// The attempt to which its next dial belongs, and whether that is the one that the server asked for.
    pub(super) fn next_dial(&self) -> (u64, bool) {
        let handoff = self.handoff.swap(false, Ordering::Relaxed);
        (self.attempt.load(Ordering::Relaxed), handoff)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signal_to(group: Option<Pid>, signal: Signal) -> bool {
    group.is_some_and(|group| kill_process_group(group, signal).is_ok())
}

/// The next line of somebody else's, in whatever encoding; one that is too long comes in pieces.
async fn next_line(output: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if output.take(LONGEST).read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    let text = line.strip_suffix(b"\n").unwrap_or(&line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    Ok(Some(String::from_utf8_lossy(text).into_owned()))
}

/// What becomes of the store of a process that keeps one itself.
const ITS_OWN: &str = "its own";

type Output = Box<dyn AsyncRead + Send + Unpin>;

/// So many of the last lines of a process are kept.
const SAID: usize = 2_000;
/// A line of a process is kept up to so many bytes.
const LONGEST: u64 = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_writes_is_read_to_its_end_whatever_it_is() {
        let endless = "x".repeat(20_000);
        let written = [
            b"plain\r\n\n\xff\xfe bytes\n".as_slice(),
            endless.as_bytes(),
            b"\nno end",
        ]
        .concat();
        let mut read = written.as_slice();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let lines: Vec<String> = runtime.block_on(async {
            let mut lines = Vec::new();
            while let Some(line) = next_line(&mut read).await.unwrap() {
                lines.push(line);
            }
            lines
        });
        let pieces = [&endless[..8_192], &endless[..8_192], &endless[..3_616]];
        assert_eq!(lines[..3], ["plain", "", "\u{fffd}\u{fffd} bytes"]);
        assert_eq!(lines[3..6], pieces);
        assert_eq!(lines[6..], ["no end"]);
    }
}

//! The mock server against a client that is a process of its own, in whatever language.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use squall_mock_server::app::{Access, MockServer};
use squall_protocol::{Instant, Millis};

use crate::engine::conductor::{Class, Conductor};
use crate::engine::live::child::{ClientProcess, Ended, Launch};
use crate::engine::live::gate::{Guests, bind};
use crate::engine::live::interrupt::Interrupt;
use crate::engine::live::seen::Seen;
use crate::engine::live::serve::{HEAD_WITHIN, Open, open};
use crate::engine::live::tls::Identity;
use crate::engine::stage::{Lines, Stage, for_strangers};
use crate::engine::steps::{InVain, Operator, Steps};
use crate::engine::{Done, Job, Listener};
use crate::plan::{Action, DOWN_FOR};
use crate::trace::{ConnectionId, Entry, Event, Message, Side};

/// Who is probed.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where the TLS certificate is written that it has to trust; without it the server speaks no TLS.
    pub certificate: Option<PathBuf>,
    /// Whether a request that the server does not know is answered with an error instead of an empty result.
    pub strict: bool,
}

/// What became of the client, as far as the server and the system saw it.
#[derive(Clone, Debug)]
pub struct Client {
    /// Why it could not be launched.
    pub unlaunched: Option<String>,
    /// How its process ended by itself, if it did.
    pub ended: Option<Ended>,
    /// What it did, as the server saw it.
    pub seen: Seen,
    /// When the run was over.
    pub until: Instant,
    /// The last lines that it wrote, to either output.
    pub said: Vec<String>,
}

/// Runs a job to its end, or until somebody interrupts it.
pub(crate) fn probe(mut job: Job<'_>, probe: &Probe) -> io::Result<(Done, Client)> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a run took is told to people, nothing else"
    )]
    let begun = std::time::Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let handoff = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(Mutex::new(Seen::default()));
    job.writers.push(Box::new(Restarts::new(&handoff)));
    job.writers.push(Box::new(Watching(Arc::clone(&seen))));
    let until = job.until;
    let (stage, process) = runtime.block_on(async {
        let conductor = Conductor::in_real_time();
        tokio::spawn(Arc::clone(&conductor).keep_time());
        // Before there is a process that would outlive this one.
        let interrupt = Interrupt::listen()?;
        let (stage, process, mut gate) = begin(job, probe, &conductor, handoff).await?;
        let broken = tokio::select! {
            biased;
            () = conductor.sleep_until(until, Class::End) => return Ok((stage, process)),
            () = interrupt.come() => io::Error::from(io::ErrorKind::Interrupted),
            error = gate.lost() => error,
        };
        process.kill();
        Err(broken)
    })?;
    let (ended, said) = process.last_words();
    let client = Client {
        unlaunched: process.unlaunched(),
        ended,
        seen: seen.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        until,
        said,
    };
    let done = stage.end(
        || begun.elapsed(),
        || {
            process.kill();
            drop(runtime);
        },
    )?;
    Ok((done, client))
}

/// The server runs, and so do the steps, one of which launches the client.
async fn begin(
    job: Job<'_>,
    probe: &Probe,
    conductor: &Arc<Conductor>,
    handoff: Arc<AtomicBool>,
) -> io::Result<(Stage, Arc<ClientProcess>, Open)> {
    let (listener, address) = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let tls = match &probe.certificate {
        Some(file) => {
            let tls = Identity::of_this_run(address.ip())?;
            std::fs::write(file, &tls.certificate)?;
            Some(tls)
        }
        None => None,
    };
    let lines = Lines::live(&job.plan);
    let (stage, links) = Stage::set(job, conductor, lines);
    let settings = for_strangers(&stage.plan, probe.strict);
    let server = stage.controlled(settings, Access::default());
    let org = stage.plan.organizations.keys().next().cloned();
    let org = org.ok_or_else(|| io::Error::other("the scenario has no organization"))?;
    server.create_account(&org, None);
    let launch = Launch {
        command: probe.command.clone(),
        environment: environment(&server, address, probe, &org),
    };
    let process = ClientProcess::new(org, launch, &stage.recorder, handoff);
    let guests = Guests::Of(Arc::clone(&process));
    let guests = (listener, guests);
    let gate = open(&stage.exchange, &server, links, tls, guests, HEAD_WITHIN);
    let starts = |action: &Action| matches!(action, Action::StartSession { .. });
    if !stage.plan.steps.iter().any(|step| starts(&step.action)) {
        process.start();
    }
    let steps = Steps {
        conductor: Arc::clone(conductor),
        nemesis: Some(stage.nemesis(&server)),
        operator: Launcher(Arc::clone(&process)),
        fired: Arc::clone(&stage.fired),
        plan: stage.plan.clone(),
    };
    tokio::spawn(steps.run());
    Ok((stage, process, gate))
}

/// What a client has to know.
fn environment(
    server: &MockServer,
    address: SocketAddr,
    probe: &Probe,
    org: &str,
) -> Vec<(&'static str, String)> {
    let (web_socket, http) = match probe.certificate {
        Some(_) => ("wss", "https"),
        None => ("ws", "http"),
    };
    let root = server.root().0;
    let root_key = root.iter().map(|byte| format!("{byte:02x}"));
    let mut all = vec![
        ("SQUALL_URL", format!("{web_socket}://{address}/ws/chat")),
        ("SQUALL_ROOT_KEY", root_key.collect()),
        ("SQUALL_CONTROL", format!("{http}://{address}")),
        ("SQUALL_ORGANIZATION", org.to_owned()),
    ];
    if let Some(file) = &probe.certificate {
        all.push(("SQUALL_CERTIFICATE", file.display().to_string()));
    }
    all
}

/// Does to the process what a step asks of the client's side.
struct Launcher(Arc<ClientProcess>);

/// What follows later.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Later {
    Continue,
    Launch,
}

impl Operator for Launcher {
    type Due = Later;

    fn act(&mut self, now: Instant, action: &Action) -> Result<Option<(Instant, Later)>, InVain> {
        match action {
            Action::StartSession { .. } => self.0.start(),
            Action::StopSession { .. } => self.0.stop(),
            Action::ClientCrash { down_for, .. } => {
                if !self.0.crash() {
                    return Err(InVain);
                }
                let down_for: Millis = down_for.unwrap_or(DOWN_FOR);
                return Ok(Some((now + down_for, Later::Launch)));
            }
            Action::ClientPause { lasts } => {
                if !self.0.pauses(true) {
                    return Err(InVain);
                }
                return Ok(Some((now + *lasts, Later::Continue)));
            }
            // Nobody can do this to a process of somebody else's; the nemesis does the rest.
            _ => return Err(InVain),
        }
        Ok(None)
    }

    fn follow(&mut self, _: Instant, due: Later) -> Option<(Instant, Later)> {
        match due {
            Later::Continue => {
                self.0.pauses(false);
            }
            Later::Launch => self.0.start(),
        }
        None
    }
}

/// Whether a step is one that a process of somebody else's can be put through.
pub fn can_be_put_through(action: &Action) -> bool {
    action.is_servers()
        || matches!(
            action,
            Action::StartSession { .. }
                | Action::StopSession { .. }
                | Action::ClientCrash { .. }
                | Action::ClientPause { .. }
        )
}

/// Hears when the server asks the client to come back after a pairing.
struct Restarts {
    paired: BTreeSet<ConnectionId>,
    handoff: Arc<AtomicBool>,
}

impl Restarts {
    fn new(handoff: &Arc<AtomicBool>) -> Self {
        Self {
            paired: BTreeSet::new(),
            handoff: Arc::clone(handoff),
        }
    }
}

impl Listener for Restarts {
    fn hear(&mut self, entry: &Entry) {
        match &entry.event {
            Event::PairSuccess { conn, .. } => {
                self.paired.insert(*conn);
            }
            Event::Sent {
                conn,
                from: Side::Server,
                message: Message::Stanza(node),
            } if node.tag == "stream:error"
                && node.get("code") == Some("515")
                && self.paired.remove(conn) =>
            {
                self.handoff.store(true, Ordering::Relaxed);
            }
            _ => {}
        }
    }
}

struct Watching(Arc<Mutex<Seen>>);

impl Listener for Watching {
    fn hear(&mut self, entry: &Entry) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.hear(entry);
    }
}

//! The client's process: a subject, and one driver task for each organization.

mod foreign;
mod rest;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use compact_str::CompactString;
use squall_protocol::{Instant, Node, Now};
use squall_session::driver::{self, Clock, Command, Connector, DriverConfig, Host, Label};
use squall_session::limiter::StoreError;
use squall_session::machine::{Dial, Revocation};
use squall_session::{AttemptId, Event as Told, LinkId, OrgId};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::engine::conductor::{Owner, Sleep};
use crate::engine::link::exchange::Exchange;
use crate::engine::network::Network;
use crate::engine::process::Process;
use crate::engine::recorder::Recorder;
use crate::engine::translate;
use crate::seed::Seed;
use crate::subject::{Admission, Setup, Subject};
use crate::trace::{Ask, ConnectionId, Event, Message, OrgName, Side, Verdict};

use rest::Rest;

/// How a subject is booted on a store.
pub(crate) type BootFn<S> = Box<dyn Fn(&Setup, Now) -> Result<S, StoreError> + Send + Sync>;

/// What the client's process meets outside of itself.
pub(crate) struct Outside<N> {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) process: Arc<Process>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) network: N,
    pub(crate) seed: Seed,
}

/// The client's process.
pub(crate) struct Client<S: Subject, N> {
    outside: Outside<N>,
    setup: Setup,
    boot: BootFn<S>,
    organizations: Vec<OrgName>,
    inside: Mutex<Inside<S>>,
}

struct Inside<S: Subject> {
    boots: u32,
    subject: Option<S>,
    sessions: BTreeMap<OrgName, Session<S::Start>>,
}

/// What the process knows of one organization's session.
struct Session<Start> {
    commands: UnboundedSender<Command<Start>>,
    attempt: AttemptId,
    qr: Option<String>,
    /// Whose its timers are.
    owner: Owner,
    rest: Rest,
}

impl<S: Subject, N: Network> Client<S, N> {
    /// A process that has not booted yet.
    pub(crate) fn new(
        outside: Outside<N>,
        setup: Setup,
        boot: BootFn<S>,
        organizations: Vec<OrgName>,
    ) -> Arc<Self> {
        let inside = Mutex::new(Inside {
            boots: 0,
            subject: None,
            sessions: BTreeMap::new(),
        });
        Arc::new(Self {
            outside,
            setup,
            boot,
            organizations,
            inside,
        })
    }

    /// Boots the process: a driver task for each organization, none of which dials. Whether it did not refuse to start.
    pub(crate) fn boot(self: &Arc<Self>) -> bool {
        let Outside {
            recorder,
            process,
            network,
            seed,
            ..
        } = &self.outside;
        let now = process.now();
        let mut subject = match (self.boot)(&self.setup, now) {
            Ok(subject) => subject,
            Err(error) => {
                recorder.record(Event::RefusedToStart {
                    why: error.to_string(),
                });
                return false;
            }
        };
        recorder.record(Event::Booted);
        recorder.record(Event::LedgerRead {
            remembered: translate::remembered(&self.setup.store, &self.organizations),
        });
        process.boot();
        if subject.clock_jumped() {
            recorder.record(translate::clock_jump());
        }
        for (org, attempt) in subject.cut_short() {
            recorder.record(translate::process_died(&org, attempt));
        }
        let mut inside = self.lock();
        inside.boots += 1;
        let boots = inside.boots;
        for (place, name) in (0u64..).zip(&self.organizations) {
            let owner = Owner(u64::from(boots) << 32 | place);
            let org = OrgId::new(name.clone());
            let machine = subject.machine(&org, seed.stream(&format!("client/{boots}/{name}")));
            if boots > 1 {
                // Whoever asks after a boot is told the stored end, and no longer what the dead process had said.
                recorder.record(Event::State {
                    org: name.clone(),
                    state: translate::state(subject.stands(&org)),
                });
            }
            let (commands, receiver) = unbounded_channel();
            inside.sessions.insert(
                name.clone(),
                Session {
                    commands,
                    attempt: AttemptId(0),
                    qr: None,
                    owner,
                    rest: Rest::since(now.mono),
                },
            );
            let host = OrgHost {
                client: Arc::clone(self),
                org,
                name: name.clone(),
                owner,
                connections: Mutex::default(),
                qr_shown: 0,
            };
            let config = DriverConfig {
                root: network.root(),
                authority: network.authority(),
                rng: seed.stream(&format!("driver/{boots}/{name}")),
            };
            let task = process.task(async move {
                driver::run(machine, host, receiver, config).await;
            });
            tokio::spawn(task);
        }
        inside.subject = Some(subject);
        let client = Arc::clone(self);
        tokio::spawn(process.task(async move { client.wake_subject().await }));
        true
    }

    /// Wakes the subject at its times, as long as it has any.
    async fn wake_subject(&self) {
        let next = || self.lock().subject.as_ref()?.poll_timeout();
        while let Some(at) = next() {
            self.outside.process.sleep_until(at).await;
            if let Some(subject) = &mut self.lock().subject {
                subject.handle_timeout(self.outside.process.now());
            }
        }
    }

    /// Kills the process. Its links end as the kernel ends them.
    pub(crate) fn kill(&self) {
        let mut inside = self.lock();
        inside.subject = None;
        inside.sessions.clear();
        drop(inside);
        self.outside.process.kill();
    }

    /// The operator asks for a session.
    pub(crate) fn start(&self, org: &OrgName) {
        let verdict = self.ask(org, Ask::Start, |inside, now| {
            let subject = inside.subject.as_mut()?;
            match subject.admit(now, &OrgId::new(org.clone())) {
                Admission::Granted { attempt, start } => {
                    let session = inside.sessions.get_mut(org)?;
                    session.attempt = attempt;
                    // The driver's task ends only with the process.
                    let _ = session.commands.send(Command::Start(start));
                    Some(Verdict::Granted { attempt: attempt.0 })
                }
                Admission::Denied {
                    cause,
                    also,
                    retry_at,
                } => Some(Verdict::Denied {
                    cause,
                    also,
                    retry_at: retry_at.map(jiff::Timestamp::as_millisecond),
                }),
            }
        });
        let verdict = verdict.unwrap_or(Verdict::Unreachable);
        self.outside.recorder.record(Event::Verdict {
            org: org.clone(),
            verdict,
        });
    }

    /// The operator stops or cancels a session.
    pub(crate) fn stop(&self, org: &OrgName) {
        self.ask(org, Ask::Stop, |inside, _| {
            let session = inside.sessions.get(org)?;
            session.commands.send(Command::Stop).ok()
        });
    }

    /// The phone scans the QR code that an organization shows, if it shows one.
    pub(crate) fn scan_qr(&self, org: &OrgName) {
        let qr = self.ask(org, Ask::ScanQr, |inside, _| {
            inside.sessions.get(org)?.qr.clone()
        });
        if let Some(qr) = qr {
            self.outside.network.scan_qr(&qr);
        }
    }

    /// Writes a request down and makes it, if the process answers.
    fn ask<R>(
        &self,
        org: &OrgName,
        ask: Ask,
        work: impl FnOnce(&mut Inside<S>, Now) -> Option<R>,
    ) -> Option<R> {
        self.outside.recorder.record(Event::Request {
            org: org.clone(),
            ask,
        });
        if !self.outside.process.answers() {
            return None;
        }
        work(&mut self.lock(), self.outside.process.now())
    }

    fn lock(&self) -> MutexGuard<'_, Inside<S>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One organization's driver, as its host sees it.
struct OrgHost<S: Subject, N> {
    client: Arc<Client<S, N>>,
    org: OrgId,
    name: OrgName,
    owner: Owner,
    /// The links that this session may still speak of, and what the run calls them.
    connections: Mutex<BTreeMap<LinkId, ConnectionId>>,
    qr_shown: u32,
}

/// A machine has at most two links; a few more are remembered for what it says of the last ones.
const REMEMBERED: usize = 4;

impl<S: Subject, N: Network> OrgHost<S, N> {
    fn connection(&self, link: LinkId) -> Option<ConnectionId> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&link)
            .copied()
    }

    fn record(&self, event: Event) {
        self.client.outside.recorder.record(event);
    }

    /// Asks the subject, which is there as long as its tasks are.
    fn with_subject<R>(&self, work: impl FnOnce(&mut S, &mut Session<S::Start>) -> R) -> Option<R> {
        let mut inside = self.client.lock();
        let Inside {
            subject, sessions, ..
        } = &mut *inside;
        Some(work(subject.as_mut()?, sessions.get_mut(&self.name)?))
    }
}

impl<S: Subject, N: Network> Clock for OrgHost<S, N> {
    fn now(&self) -> Now {
        self.client.outside.process.now()
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static {
        let sleep: Sleep = self.client.outside.process.sleep_until(at);
        sleep.of(self.owner)
    }
}

impl<S: Subject, N: Network> Connector for OrgHost<S, N> {
    type Stream = N::Stream;

    fn connect(&self, dial: &Dial) -> impl Future<Output = io::Result<N::Stream>> + Send + 'static {
        let outside = &self.client.outside;
        outside
            .recorder
            .secrets()
            .keep_device(&self.name, &dial.device);
        let peer = outside
            .exchange
            .number(Some(&self.name), dial.attempt.0, dial.handoff);
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        connections.insert(dial.link, ConnectionId(peer.connection.0));
        while connections.len() > REMEMBERED {
            connections.pop_first();
        }
        drop(connections);
        outside.network.dial(peer)
    }
}

impl<S: Subject, N: Network> Host<S::Machine> for OrgHost<S, N> {
    fn confirm(&mut self, now: Now, start: S::Start) -> Result<S::Go, Revocation> {
        let answer =
            self.with_subject(|subject, session| (subject.confirm(now, start), session.attempt.0));
        let (go, attempt) = answer.unwrap_or((Err(Revocation::Late), 0));
        let org = self.name.clone();
        self.record(match &go {
            Ok(_) => Event::PermitSpent { org, attempt },
            Err(why) => Event::PermitRevoked {
                org,
                attempt,
                blocked: matches!(why, Revocation::Blocked { .. }),
            },
        });
        go
    }

    fn blocked_until(&mut self, now: Now) -> Option<Instant> {
        self.with_subject(|subject, _| subject.blocked_until(now, &self.org))?
    }

    fn withdraw(&mut self, now: Now, attempt: AttemptId) {
        self.with_subject(|subject, _| subject.withdraw(now, attempt));
        self.record(Event::Withdrawn {
            org: self.name.clone(),
            attempt: attempt.0,
        });
    }

    fn event(&mut self, now: Now, event: &Told) {
        self.with_subject(|subject, session| {
            subject.hear(now, &self.org, event);
            match event {
                Told::Qr(text) => session.qr = Some(text.clone()),
                Told::Disconnected(_) => session.qr = None,
                _ => {}
            }
        });
        let org = self.name.clone();
        let event = match event {
            Told::State(state) => {
                self.client.stands(now.mono, &org, state.is_at_rest());
                Event::State {
                    org,
                    state: translate::state(*state),
                }
            }
            Told::Qr(text) => {
                self.qr_shown += 1;
                self.client.outside.network.phone_sees_qr(&self.name, text);
                Event::Qr {
                    org,
                    nth: self.qr_shown,
                }
            }
            Told::Device(device) => {
                let secrets = self.client.outside.recorder.secrets();
                return secrets.keep_device(&self.name, device);
            }
            Told::Disconnected(ended) => {
                self.qr_shown = 0;
                translate::disconnected(
                    org,
                    ended.link.and_then(|link| self.connection(link)),
                    ended,
                )
            }
            Told::KeepAliveOk(after) => Event::KeepAliveOk { org, after: *after },
            Told::KeepAliveLate => Event::KeepAliveLate { org },
            Told::KeepAliveRecovered => Event::KeepAliveRecovered { org },
            Told::Alert(alert) => translate::alert(org, *alert),
        };
        self.record(event);
    }

    /// The harness plays the application. It has no Signal session with anybody, so it can decrypt no message, and says so
    /// of each.
    fn stanza(&mut self, link: LinkId, node: &Node) {
        let exchange = &self.client.outside.exchange;
        if exchange.has_strangers()
            && let Some(conn) = self.connection(link)
        {
            let opened = || Message::Stanza(Arc::new(node.clone()));
            exchange.opened(conn, Side::Server, opened);
            if let Some(told) = foreign::told(conn, &self.name, node) {
                self.record(told);
            }
        }
        if node.tag == "message" && node.find("enc").is_some() {
            self.with_subject(|_, session| {
                // The driver's task ends only with the process.
                let _ = session.commands.send(Command::Undecryptable(1));
            });
        }
    }

    fn sending(&mut self, link: LinkId, label: Label) {
        let Some(conn) = self.connection(link) else {
            return;
        };
        let message = match label {
            Label::Handshake(name) => Message::Handshake(CompactString::const_new(name)),
            Label::Stanza(node) => Message::Stanza(node),
        };
        self.client
            .outside
            .exchange
            .label(conn, Side::Client, message);
    }
}

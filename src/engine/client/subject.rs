//! A subject as the client's process: one driver task for each organization.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_protocol::{Instant, Millis, Node, Now};
use squall_session::driver::{self, Clock, Command, Connector, DriverConfig, Host, Label};
use squall_session::limiter::StoreError;
use squall_session::machine::{Dial, Revocation};
use squall_session::{AttemptId, Event as Told, LinkId, OrgId};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::rest::Rests;
use super::session::Session;
use super::{Client, Outside, Program};
use crate::engine::network::Network;
use crate::engine::translate;
use crate::subject::{Admission, Setup, Subject};
use crate::trace::{Ask, Event, OrgName, Verdict};

/// How long a process that was asked to end waits for its sessions, and how often it looks. As the gateway does.
const LET_GO: Millis = Millis::from_secs(6);
const LOOK_AGAIN: Millis = Millis::new(50);

/// How a subject is booted on a store.
pub(crate) type BootFn<S> = Box<dyn Fn(&Setup, Now) -> Result<S, StoreError> + Send + Sync>;

impl<S: Subject> Program for BootFn<S> {
    const ON_DISK: bool = false;

    fn client<N: Network>(
        self,
        outside: Outside<N>,
        setup: Setup,
        organizations: Vec<OrgName>,
    ) -> Arc<dyn Client> {
        let conductor = outside.exchange.conductor();
        let rests = Rests::new(conductor, &outside.recorder, &outside.process);
        let inside = Mutex::new(Inside {
            subject: None,
            sessions: BTreeMap::new(),
        });
        Arc::new(SubjectClient {
            outside: Arc::new(outside),
            setup,
            boot: self,
            organizations,
            rests,
            inside,
        })
    }
}

/// The process of a subject.
struct SubjectClient<S: Subject, N> {
    outside: Arc<Outside<N>>,
    setup: Setup,
    boot: BootFn<S>,
    organizations: Vec<OrgName>,
    rests: Arc<Rests>,
    inside: Mutex<Inside<S>>,
}

struct Inside<S: Subject> {
    subject: Option<S>,
    sessions: BTreeMap<OrgName, Asked<S::Start>>,
}

/// What the process knows of one organization's session.
struct Asked<Start> {
    commands: UnboundedSender<Command<Start>>,
    attempt: AttemptId,
    qr: Option<String>,
}

impl<S: Subject, N: Network> Client for SubjectClient<S, N> {
    fn boot(self: Arc<Self>) -> bool {
        let Outside {
            recorder, process, ..
        } = &*self.outside;
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
        let boots = self.rests.boot();
        for (place, name) in (0u64..).zip(&self.organizations) {
            self.open(&mut subject, (boots, place), name);
        }
        self.lock().subject = Some(subject);
        let client = Arc::clone(&self);
        tokio::spawn(process.task(async move { client.wake_subject().await }));
        true
    }

    fn boot_another(&self) -> Option<String> {
        let booted = (self.boot)(&self.setup, self.outside.process.now());
        booted.err().map(|error| error.to_string())
    }

    fn end(self: Arc<Self>) {
        for session in self.lock().sessions.values() {
            // The driver's task ends only with the process.
            let _ = session.commands.send(Command::Stop);
        }
        let client = Arc::clone(&self);
        tokio::spawn(self.outside.process.task(async move {
            client.sessions_have_ended().await;
            client.outside.recorder.record(Event::Exited);
            client.kill();
        }));
    }

    fn kill(&self) {
        let mut inside = self.lock();
        inside.subject = None;
        inside.sessions.clear();
        drop(inside);
        self.rests.forget();
        self.setup.store.let_go();
        self.outside.process.kill();
    }

    fn start(&self, org: &OrgName) {
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

    fn stop(&self, org: &OrgName) {
        self.ask(org, Ask::Stop, |inside, _| {
            let session = inside.sessions.get(org)?;
            session.commands.send(Command::Stop).ok()
        });
    }

    fn scan_qr(&self, org: &OrgName) {
        let qr = self.ask(org, Ask::ScanQr, |inside, _| {
            inside.sessions.get(org)?.qr.clone()
        });
        if let Some(qr) = qr {
            self.outside.network.scan_qr(&qr);
        }
    }

    fn look_at_all(&self) {
        self.rests.look_at_all();
    }
}

impl<S: Subject, N: Network> SubjectClient<S, N> {
    /// Ready once every session has ended, or a second after the longest that one waits for its server.
    async fn sessions_have_ended(&self) {
        let process = &self.outside.process;
        let until = process.now().mono + LET_GO;
        loop {
            process.sleep_until(process.now().mono + LOOK_AGAIN).await;
            if self.rests.all_have_ended() || process.now().mono >= until {
                return;
            }
        }
    }

    /// The session of an organization, as it is after a boot, and its driver.
    fn open(self: &Arc<Self>, subject: &mut S, (boots, place): (u32, u64), name: &OrgName) {
        let Outside {
            recorder,
            process,
            network,
            seed,
            ..
        } = &*self.outside;
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
        let asked = Asked {
            commands,
            attempt: AttemptId(0),
            qr: None,
        };
        self.lock().sessions.insert(name.clone(), asked);
        let host = OrgHost {
            client: Arc::clone(self),
            org,
            session: Session::new(&self.outside, &self.rests, name, (boots, place)),
            name: name.clone(),
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

    /// Writes a request down and makes it, if the process answers.
    fn ask<R>(
        &self,
        org: &OrgName,
        ask: Ask,
        work: impl FnOnce(&mut Inside<S>, Now) -> Option<R>,
    ) -> Option<R> {
        let answers = self.outside.asks(org, ask);
        answers.then(|| work(&mut self.lock(), self.outside.process.now()))?
    }

    fn lock(&self) -> MutexGuard<'_, Inside<S>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One organization's driver, as its host sees it.
struct OrgHost<S: Subject, N> {
    client: Arc<SubjectClient<S, N>>,
    org: OrgId,
    name: OrgName,
    session: Session<N>,
}

impl<S: Subject, N: Network> OrgHost<S, N> {
    /// Asks the subject, which is there as long as its tasks are.
    fn with_subject<R>(&self, work: impl FnOnce(&mut S, &mut Asked<S::Start>) -> R) -> Option<R> {
        let mut inside = self.client.lock();
        let Inside { subject, sessions } = &mut *inside;
        Some(work(subject.as_mut()?, sessions.get_mut(&self.name)?))
    }
}

impl<S: Subject, N: Network> Clock for OrgHost<S, N> {
    fn now(&self) -> Now {
        self.session.now()
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static {
        self.session.sleep_until(at)
    }
}

impl<S: Subject, N: Network> Connector for OrgHost<S, N> {
    type Stream = N::Stream;

    fn connect(&self, dial: &Dial) -> impl Future<Output = io::Result<N::Stream>> + Send + 'static {
        self.session.dial(dial)
    }
}

impl<S: Subject, N: Network> Host<S::Machine> for OrgHost<S, N> {
    fn confirm(&mut self, now: Now, start: S::Start) -> Result<S::Go, Revocation> {
        let answer =
            self.with_subject(|subject, asked| (subject.confirm(now, start), asked.attempt));
        let (go, attempt) = answer.unwrap_or((Err(Revocation::Late), AttemptId(0)));
        let told = go.as_ref().map(|_| ()).map_err(|why| *why);
        self.session.confirmed(attempt, told);
        go
    }

    fn blocked_until(&mut self, now: Now) -> Option<Instant> {
        self.with_subject(|subject, _| subject.blocked_until(now, &self.org))?
    }

    fn withdraw(&mut self, now: Now, attempt: AttemptId) {
        self.with_subject(|subject, _| subject.withdraw(now, attempt));
        self.session.withdrawn(attempt);
    }

    fn event(&mut self, now: Now, event: &Told) {
        self.with_subject(|subject, asked| {
            subject.hear(now, &self.org, event);
            match event {
                Told::Qr(text) => asked.qr = Some(text.clone()),
                Told::Disconnected(_) => asked.qr = None,
                _ => {}
            }
        });
        self.session.tells(now, event);
    }

    fn stanza(&mut self, link: LinkId, node: &Node) {
        if self.session.reads(link, node) {
            self.with_subject(|_, asked| {
                // The driver's task ends only with the process.
                let _ = asked.commands.send(Command::Undecryptable(1));
            });
        }
    }

    fn sending(&mut self, link: LinkId, label: Label) {
        self.session.sends(link, label);
    }
}

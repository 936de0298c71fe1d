//! What happens on the client's side: the operator's requests, and what befalls its machine and its process.

use std::convert::Infallible;
use std::sync::Arc;

use rand::rngs::ChaCha8Rng;
use squall_protocol::{Instant, Millis};

use crate::engine::client::Client;
use crate::engine::process::Process;
use crate::engine::recorder::Recorder;
use crate::engine::supervisor::Supervisor;
use crate::plan::{Action, DOWN_FOR};
use crate::scenario::CrashedStore;
use crate::subject::KeptStore;
use crate::trace::Event;

/// Does what a step asks of the client's side.
pub(crate) trait Operator: Send + 'static {
    /// Something that it has to do later.
    type Due: Ord + Send;

    /// Does what a step says; what has to follow at a later time is returned.
    ///
    /// # Errors
    /// There was nothing to act on.
    fn act(
        &mut self,
        now: Instant,
        action: &Action,
    ) -> Result<Option<(Instant, Self::Due)>, InVain>;

    /// Does what had to follow.
    fn follow(&mut self, now: Instant, due: Self::Due) -> Option<(Instant, Self::Due)>;
}

/// A step found nothing to act on.
#[derive(Debug)]
pub(crate) struct InVain;

/// The client's side where it is not ours: nobody is there to be asked anything.
pub(crate) struct Nobody;

impl Operator for Nobody {
    type Due = Infallible;

    fn act(&mut self, _: Instant, _: &Action) -> Result<Option<(Instant, Infallible)>, InVain> {
        Err(InVain)
    }

    fn follow(&mut self, _: Instant, due: Infallible) -> Option<(Instant, Infallible)> {
        match due {}
    }
}

/// The client that runs in this process.
pub(crate) struct OwnClient {
    recorder: Arc<Recorder>,
    process: Arc<Process>,
    store: KeptStore,
    client: Arc<dyn Client>,
    /// What survives when the power is cut.
    power: ChaCha8Rng,
    /// Starts the client's process again when it is gone, where there is one.
    supervisor: Option<Supervisor>,
    /// The client's process is gone, and a time was set for its boot.
    boots: bool,
}

/// What follows later, in this order within one millisecond.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Later {
    /// The machine wakes.
    Resume,
    /// The process of this boot goes on.
    Continue(u32),
    /// The process boots.
    Boot,
}

impl OwnClient {
    /// This client, in this process, on this store.
    pub(crate) fn new(
        recorder: &Arc<Recorder>,
        process: &Arc<Process>,
        store: KeptStore,
        client: &Arc<dyn Client>,
        power: ChaCha8Rng,
    ) -> Self {
        Self {
            recorder: Arc::clone(recorder),
            process: Arc::clone(process),
            store,
            client: Arc::clone(client),
            power,
            supervisor: None,
            boots: false,
        }
    }

    /// Boots the client, or another one beside it where it runs. A process that refuses to start is gone at once, and a
    /// supervisor tries again.
    fn boot(&mut self, now: Instant) -> Option<(Instant, Later)> {
        self.boots = false;
        if let Some(supervisor) = &mut self.supervisor {
            supervisor.starts(now);
        }
        let starts = if self.process.is_up() {
            let refused = self.client.boot_another();
            let starts = refused.is_none();
            self.recorder.record(Event::StartedTwice { refused });
            starts
        } else {
            Arc::clone(&self.client).boot()
        };
        if starts { None } else { self.again(now) }
    }

    /// The process is gone: when a supervisor starts it again.
    fn again(&mut self, now: Instant) -> Option<(Instant, Later)> {
        let waits = self.supervisor.as_mut()?.gone(now)?;
        self.boots = true;
        Some((now + waits, Later::Boot))
    }

    fn crash(
        &mut self,
        now: Instant,
        store: CrashedStore,
        down_for: Option<Millis>,
    ) -> Result<Option<(Instant, Later)>, InVain> {
        if !self.process.is_up() {
            return Err(InVain);
        }
        match store {
            CrashedStore::Kept => {}
            CrashedStore::Torn => self.store.tear(&mut self.power),
            CrashedStore::Lost => self.store.lose(),
        }
        self.recorder.record(Event::Crashed {
            store: store.to_string().into(),
        });
        self.client.kill();
        if down_for.is_none() && self.supervisor.is_some() {
            return Ok(self.again(now));
        }
        self.boots = true;
        Ok(Some((now + down_for.unwrap_or(DOWN_FOR), Later::Boot)))
    }
}

impl Operator for OwnClient {
    type Due = Later;

    fn act(&mut self, now: Instant, action: &Action) -> Result<Option<(Instant, Later)>, InVain> {
        match action {
            Action::StartSession { orgs } => orgs.0.iter().for_each(|org| self.client.start(org)),
            Action::StopSession { orgs } => orgs.0.iter().for_each(|org| self.client.stop(org)),
            Action::ScanQr { orgs } => orgs.0.iter().for_each(|org| self.client.scan_qr(org)),
            Action::ClientCrash { store, down_for } => return self.crash(now, *store, *down_for),
            Action::Suspend { lasts } => {
                if self.process.suspend() {
                    self.recorder.record(Event::Suspended);
                }
                return Ok(Some((now + *lasts, Later::Resume)));
            }
            Action::ClientPause { lasts } => {
                if !self.process.is_up() {
                    return Err(InVain);
                }
                let (first, boot) = self.process.pause();
                if first {
                    self.recorder.record(Event::Paused);
                }
                return Ok(Some((now + *lasts, Later::Continue(boot))));
            }
            Action::ClockStep { by } => {
                self.process.step_clock(*by);
                self.recorder.record(Event::ClockStepped { by: *by });
            }
            Action::ClientStop => {
                if !self.process.ends() {
                    return Err(InVain);
                }
                self.recorder.record(Event::Stopping);
                Arc::clone(&self.client).end();
            }
            Action::ClientStart if self.process.may_boot() => return Ok(self.boot(now)),
            // At the resume.
            Action::ClientStart => {}
            Action::Supervisor { how } => {
                self.supervisor = Some(Supervisor::new(*how));
                if !self.process.is_up() && !self.boots {
                    return Ok(self.again(now));
                }
            }
            // The nemesis does these.
            Action::Inject { .. }
            | Action::Fault { .. }
            | Action::Clear { .. }
            | Action::ServerRestart { .. } => {}
        }
        Ok(None)
    }

    fn follow(&mut self, now: Instant, due: Later) -> Option<(Instant, Later)> {
        match due {
            Later::Resume => {
                if self.process.resume() {
                    self.recorder.record(Event::Resumed);
                    if self.process.boots_now() {
                        return self.boot(now);
                    }
                }
                None
            }
            Later::Continue(boot) => {
                if self.process.unpause(boot) {
                    self.recorder.record(Event::Continued);
                }
                None
            }
            Later::Boot if self.process.may_boot() => self.boot(now),
            // At the resume.
            Later::Boot => None,
        }
    }
}

//! What is left of a session that came to rest: looked up 5 s later, when that must be nothing, and at the end of the run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use squall_protocol::{Instant, Millis};

use crate::engine::conductor::{Class, Conductor, Owner, Wake};
use crate::engine::process::Process;
use crate::engine::recorder::Recorder;
use crate::trace::{Event, OrgName};

/// How long a session may take to let go of everything, by its own clock.
const GRACE: Millis = Millis::from_secs(5);

/// The rests of a process's sessions.
pub(super) struct Rests {
    conductor: Arc<Conductor>,
    recorder: Arc<Recorder>,
    process: Arc<Process>,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    boots: u32,
    sessions: BTreeMap<OrgName, (Owner, Rest)>,
}

/// A session's rest: when it began by the process's own clock, and which it is of that session in this life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rest {
    nth: u32,
    since: Option<Instant>,
}

/// A look that is due.
struct Look {
    rests: Weak<Rests>,
    org: OrgName,
    boots: u32,
    rest: Rest,
}

impl Wake for Look {
    /// Wakes nobody: it only looks, once everything else of its millisecond is done.
    fn wake(self: Arc<Self>) -> bool {
        if let Some(rests) = self.rests.upgrade() {
            rests.look(self);
        }
        false
    }
}

impl Rests {
    /// Of a process that has not booted yet.
    pub(super) fn new(
        conductor: &Arc<Conductor>,
        recorder: &Arc<Recorder>,
        process: &Arc<Process>,
    ) -> Arc<Self> {
        Arc::new(Self {
            conductor: Arc::clone(conductor),
            recorder: Arc::clone(recorder),
            process: Arc::clone(process),
            inside: Mutex::default(),
        })
    }

    /// The process boots. Which boot it is, from 1.
    pub(super) fn boot(&self) -> u32 {
        let mut inside = self.lock();
        inside.boots += 1;
        inside.boots
    }

    /// A session is there, at rest since the boot; whose its timers are.
    pub(super) fn open(&self, org: &OrgName, owner: Owner, booted: Instant) {
        let rest = Rest {
            nth: 0,
            since: Some(booted),
        };
        self.lock().sessions.insert(org.clone(), (owner, rest));
    }

    /// Whether every session is at rest and nothing is armed for it any more: its links have ended too.
    pub(super) fn all_have_ended(&self) -> bool {
        let inside = self.lock();
        let mut sessions = inside.sessions.values();
        sessions
            .all(|(owner, rest)| rest.since.is_some() && self.conductor.armed(*owner).is_empty())
    }

    /// The process is gone, and every session with it.
    pub(super) fn forget(&self) {
        self.lock().sessions.clear();
    }

    /// This session says where it stands now; `at_rest` where that is an end.
    pub(super) fn stands(self: &Arc<Self>, now: Instant, org: &OrgName, at_rest: bool) {
        let mut inside = self.lock();
        let boots = inside.boots;
        let Some((_, rest)) = inside.sessions.get_mut(org) else {
            return;
        };
        *rest = Rest {
            nth: rest.nth + 1,
            since: at_rest.then_some(now),
        };
        let rest = *rest;
        drop(inside);
        if at_rest {
            let look = Look {
                rests: Arc::downgrade(self),
                org: org.clone(),
                boots,
                rest,
            };
            self.look_in(GRACE, Arc::new(look));
        }
    }

    /// The run ends: one last look at every session that has been at rest for long enough.
    pub(super) fn look_at_all(&self) {
        if !self.process.runs() {
            return;
        }
        let now = self.process.now().mono;
        let rested = |(org, (_, rest)): (&OrgName, &(Owner, Rest))| {
            let long = rest.since.is_some_and(|since| since + GRACE <= now);
            long.then(|| org.clone())
        };
        let rested: Vec<_> = self.lock().sessions.iter().filter_map(rested).collect();
        rested.iter().for_each(|org| self.record_left(org));
    }

    fn look(&self, look: Arc<Look>) {
        let inside = self.lock();
        let rests = inside.sessions.get(&look.org).map(|(_, rest)| *rest);
        if inside.boots != look.boots || rests != Some(look.rest) {
            return;
        }
        drop(inside);
        let due = look.rest.since.unwrap_or(Instant::START) + GRACE;
        let now = self.process.now().mono;
        if !self.process.runs() {
            // Nobody is there to let go of anything.
            self.look_in(GRACE, look);
        } else if now < due {
            self.look_in(due - now, look);
        } else {
            self.record_left(&look.org);
        }
    }

    fn look_in(&self, later: Millis, look: Arc<Look>) {
        self.conductor
            .call(self.conductor.now() + later, Class::End, look);
    }

    fn record_left(&self, org: &OrgName) {
        let Some((owner, _)) = self.lock().sessions.get(org).copied() else {
            return;
        };
        let now = self.conductor.now();
        let timers = self.conductor.armed(owner).into_iter().map(|at| at - now);
        self.recorder.record(Event::Left {
            org: org.clone(),
            timers: timers.collect(),
        });
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

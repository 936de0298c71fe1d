//! Everybody who listens to a run: the judge, those that write it down, and the steps that wait for something.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use squall_protocol::{Instant, Millis};

use super::pongs::Pongs;
use crate::oracle::Judge;
use crate::plan::{Plan, Trigger, Watch};
use crate::trace::{ConnectionId, Entry, Event, OrgName};

/// Hears every entry of a trace, in order: prose, full traces, hashes.
pub trait Listener: Send {
    /// The next entry.
    fn hear(&mut self, entry: &Entry);
}

/// All who listen.
pub(crate) struct Ears {
    /// Whoever serves strangers judges nobody.
    pub(crate) judge: Option<Judge>,
    pub(crate) counts: Counts,
    pub(crate) triggers: Triggers,
    pub(crate) writers: Vec<Box<dyn Listener>>,
}

impl Ears {
    /// Tells everybody.
    pub(crate) fn hear(&mut self, entry: &Entry) {
        if let Some(judge) = &mut self.judge {
            judge.observe(entry);
        }
        self.counts.hear(entry);
        self.triggers.hear(entry);
        for writer in &mut self.writers {
            writer.hear(entry);
        }
    }
}

/// What is counted for the summary of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that the subject opened or tried to.
    pub dials: u64,
    /// Sessions that ended, however.
    pub disconnects: u64,
    /// Faults that were put on or injected.
    pub faults: u64,
    /// How soon the subject's WebSocket Pings were answered, as it says itself.
    pub pongs: Pongs,
}

impl Counts {
    pub(crate) fn hear(&mut self, entry: &Entry) {
        match entry.event {
            Event::Dial { .. } => self.dials += 1,
            Event::Disconnected { .. } => self.disconnects += 1,
            Event::KeepAliveOk { after, .. } => self.pongs.hear(after),
            Event::FaultOn { .. }
            | Event::Crashed { .. }
            | Event::Suspended
            | Event::Paused
            | Event::ClockStepped { .. }
            | Event::ServerDown => self.faults += 1,
            _ => {}
        }
    }
}

/// The steps that wait for something to happen.
pub(crate) struct Triggers {
    /// By place in the plan.
    waiting: Vec<Waiting>,
    /// Whose each live connection is.
    whose: BTreeMap<ConnectionId, OrgName>,
    /// Where the run ends.
    until: Instant,
    fired: Arc<Fired>,
}

impl Triggers {
    /// The plan's steps that wait, and where they are told to act.
    pub(crate) fn new(plan: &Plan, until: Instant, fired: &Arc<Fired>) -> Self {
        let waiting =
            plan.steps
                .iter()
                .enumerate()
                .filter_map(|(place, step)| match &step.trigger {
                    Trigger::On { event, after } => Some(Waiting {
                        place,
                        after: *after,
                        watch: Watch::new(event.clone()),
                        acts: false,
                    }),
                    Trigger::At(_) | Trigger::Every { .. } | Trigger::AtRandom { .. } => None,
                });
        Self {
            waiting: waiting.collect(),
            whose: BTreeMap::new(),
            until,
            fired: Arc::clone(fired),
        }
    }

    /// The steps that never came to act, by place in the plan: what they waited for did not happen, or too late; or
    /// there was nothing left to act on.
    pub(crate) fn in_vain(&self) -> impl Iterator<Item = usize> {
        let waited = self.waiting.iter().filter(|waiting| !waiting.acts);
        let waited: Vec<usize> = waited.map(|waiting| waiting.place).collect();
        waited.into_iter().chain(self.fired.idle())
    }

    fn hear(&mut self, entry: &Entry) {
        if self.waiting.is_empty() {
            return;
        }
        let Self {
            waiting,
            whose,
            until,
            fired,
        } = self;
        if let Event::Dial { conn, org, .. } = &entry.event {
            whose.insert(*conn, org.clone());
        }
        for waiting in waiting {
            let observed = waiting
                .watch
                .observe(&entry.event, |conn| whose.get(&conn).cloned());
            if let Some(org) = observed {
                let at = entry.at + waiting.after;
                waiting.acts |= at <= *until;
                let place = waiting.place;
                fired.add(Firing { at, place, org });
            }
        }
        if let Event::Released {
            conn,
            by: crate::trace::Side::Server,
        }
        | Event::ConnectRefused { conn }
        | Event::Unanswered { conn } = &entry.event
        {
            whose.remove(conn);
        }
    }
}

/// A step that waits.
struct Waiting {
    /// Its place in the plan.
    place: usize,
    after: Millis,
    watch: Watch,
    /// Whether it was triggered in time to act before the run ends.
    acts: bool,
}

/// A step that waited and is to act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Firing {
    /// When.
    pub(crate) at: Instant,
    /// Its place in the plan.
    pub(crate) place: usize,
    /// Whose event it was.
    pub(crate) org: OrgName,
}

/// What the triggers have fired and the steps have not taken up yet.
#[derive(Default)]
pub(crate) struct Fired {
    inside: Mutex<(Vec<Firing>, Option<Waker>)>,
    /// Places in the plan of steps that found nothing to act on.
    idle: Mutex<BTreeSet<usize>>,
}

impl Fired {
    fn add(&self, firing: Firing) {
        let mut inside = self.lock();
        inside.0.push(firing);
        if let Some(waker) = inside.1.take() {
            waker.wake();
        }
    }

    /// The step at this place found nothing to act on.
    pub(crate) fn in_vain(&self, place: usize) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(place);
    }

    fn idle(&self) -> BTreeSet<usize> {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Takes all that was fired; pending until there is any.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Vec<Firing>> {
        let mut inside = self.lock();
        if inside.0.is_empty() {
            inside.1 = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(std::mem::take(&mut inside.0))
    }

    fn lock(&self) -> MutexGuard<'_, (Vec<Firing>, Option<Waker>)> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

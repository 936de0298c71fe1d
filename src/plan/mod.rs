//! The plan: a scenario with everything drawn from the seed that it leaves open.
//!
//! What is drawn is drawn once, before anything runs: a step that comes again and again comes by one interval, and a
//! delay after an event is the same at each of them. Only a step that comes at random draws each interval anew, and the
//! delay of a single message is drawn message by message, by the link, within the range given here. Each draw has a stream
//! of its own (`plan/step 3/at`), so that one range more or less in a scenario moves no other draw.

mod draw;
mod interval;
mod show;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::Offset;
use squall_protocol::{Instant, Millis};

use crate::scenario::{
    Between, CrashedStore, EndsOf, EventMatcher, FaultSpec, Guard, Organization, Orgs, ServerPings,
    Supervisor, Target,
};
use crate::seed::Seed;
use crate::trace::{OrgName, Policy};

use interval::Interval;

pub use watch::Watch;

/// A scenario with everything drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// What it was drawn from, and what the run's other chances are to be drawn from.
    pub seed: Seed,
    /// The wall clock at time zero.
    pub starts: Timestamp,
    /// The offset from UTC in which people are told of instants.
    pub offset: Offset,
    /// When the run ends.
    pub ends: Instant,
    /// The organizations, by name.
    pub organizations: BTreeMap<OrgName, Organization>,
    /// The delay of each message on a link: the least and the most, both included.
    pub latency: (Millis, Millis),
    /// The rules of session and limiter.
    pub policy: Policy,
    /// The simulated phone.
    pub phone: Phone,
    /// The mock server's guard.
    pub guard: Guard,
    /// What the mock server asks of its own accord.
    pub server_pings: ServerPings,
    /// Whether it may also run in real time.
    pub live: bool,
    /// What happens, in the order of the scenario.
    pub steps: Vec<PlannedStep>,
}

impl Plan {
    /// Whether it does to the store what only a disk has done to it: it is torn, or two processes want it.
    pub fn needs_a_disk(&self) -> bool {
        let does = |step: &PlannedStep| {
            matches!(
                step.action,
                Action::ClientStart
                    | Action::ClientCrash {
                        store: CrashedStore::Torn,
                        ..
                    }
            )
        };
        self.steps.iter().any(does)
    }
}

/// The simulated phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phone {
    /// It scans each QR code so long after it was shown.
    ScansAfter(Millis),
    /// Only a `scan_qr` step scans.
    Never,
}

/// A step with everything drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedStep {
    /// Its place among the scenario's steps, from 1: what a [`FaultRef`](crate::trace::FaultRef) calls it.
    pub number: u32,
    /// Its name, where it has one.
    pub id: Option<String>,
    /// When it acts.
    pub trigger: Trigger,
    /// What it does.
    pub action: Action,
    /// Its line in the scenario, from 1.
    pub line: usize,
}

/// When a step acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Once, then.
    At(Instant),
    /// First at `from`, then one `every` later each time, last at or before `until` and before the end of the run.
    Every {
        /// From one time to the next: longer than nothing.
        every: Millis,
        /// The first time.
        from: Instant,
        /// No later than this.
        until: Instant,
    },
    /// Again and again, last at or before `until` and before the end of the run: from one time to the next, and from
    /// `from` to the first, an interval that is drawn anew.
    AtRandom {
        /// The least and the most of an interval: longer than nothing.
        gap: Between,
        /// Where the first interval begins.
        from: Instant,
        /// No later than this.
        until: Instant,
        /// What the intervals are drawn from.
        seed: Seed,
    },
    /// So long after an event.
    On {
        /// Which.
        event: EventMatcher,
        /// How long after it.
        after: Millis,
    },
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The operator asks for a session.
    StartSession {
        /// For whom.
        orgs: Orgs,
    },
    /// The operator stops a session, or cancels the wait before it.
    StopSession {
        /// Whose.
        orgs: Orgs,
    },
    /// The phone scans the QR code that is shown.
    ScanQr {
        /// Whose.
        orgs: Orgs,
    },
    /// The fault acts once.
    Inject {
        /// What goes wrong.
        fault: FaultSpec,
        /// On which connections.
        target: Target,
    },
    /// The fault stands.
    Fault {
        /// What goes wrong.
        fault: FaultSpec,
        /// On which connections.
        target: Target,
        /// When it goes off by itself.
        lasts: Lasts,
    },
    /// What the step of this number put on goes off.
    Clear {
        /// The number of the step with the fault, from 1.
        step: u32,
    },
    /// The client's process dies and boots again later.
    ClientCrash {
        /// What becomes of its store.
        store: CrashedStore,
        /// For how long there is no process; where nothing is said, until a supervisor starts it again, or for
        /// [`DOWN_FOR`].
        down_for: Option<Millis>,
    },
    /// The client's process is asked to end, and ends once each of its sessions has.
    ClientStop,
    /// The client's process is started, whether or not another one runs.
    ClientStart,
    /// The client's machine sleeps.
    Suspend {
        /// For how long.
        lasts: Millis,
    },
    /// The client's process is stopped.
    ClientPause {
        /// For how long.
        lasts: Millis,
    },
    /// The wall clock of the client's machine is set.
    ClockStep {
        /// Ahead by so many milliseconds, or back where that is below zero.
        by: i64,
    },
    /// From now on the client's process is started again whenever it is gone.
    Supervisor {
        /// How it goes about that.
        how: Supervisor<Millis>,
    },
    /// The server's process dies and comes back.
    ServerRestart {
        /// For how long there is no server.
        down_for: Millis,
        /// How its connections end.
        connections: EndsOf,
    },
}

/// How long a crashed client is down if nobody says.
pub const DOWN_FOR: Millis = Millis::from_secs(5);

/// When a fault goes off by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// So long after it went on.
    For(Millis),
    /// Then. A fault that an event puts on later than this never stands.
    Until(Instant),
    /// Not before the run ends.
    ToTheEnd,
}

impl Lasts {
    /// When a fault that goes on now goes off by itself; never, where it stands to the end of the run.
    pub fn ends(self, now: Instant) -> Option<Instant> {
        match self {
            Self::For(length) => Some(now + length),
            Self::Until(at) => Some(at),
            Self::ToTheEnd => None,
        }
    }
}

impl Action {
    /// Whether it is the server's side that it concerns: the others ask something of the client or of what it runs on.
    pub fn is_servers(&self) -> bool {
        match self {
            Self::Inject { .. }
            | Self::Fault { .. }
            | Self::Clear { .. }
            | Self::ServerRestart { .. } => true,
            Self::StartSession { .. }
            | Self::StopSession { .. }
            | Self::ScanQr { .. }
            | Self::ClientCrash { .. }
            | Self::ClientStop
            | Self::ClientStart
            | Self::Suspend { .. }
            | Self::ClientPause { .. }
            | Self::ClockStep { .. }
            | Self::Supervisor { .. } => false,
        }
    }
}

impl PlannedStep {
    /// Every time at which it acts, where time alone decides: none where it waits for an event.
    pub fn times(&self, ends: Instant) -> impl Iterator<Item = Instant> {
        let (mut next, mut interval, until) = match self.trigger {
            Trigger::At(at) => (Some(at), None, at),
            Trigger::Every { every, from, until } => {
                (Some(from), Some(Interval::Fixed(every)), until)
            }
            Trigger::AtRandom {
                gap,
                from,
                until,
                seed,
            } => {
                let mut gaps = Interval::random(gap, seed, self.number);
                (Some(from + gaps.draw()), Some(gaps), until)
            }
            Trigger::On { .. } => (None, None, ends),
        };
        std::iter::from_fn(move || {
            let now = next.filter(|at| *at <= until && *at < ends)?;
            next = interval.as_mut().map(|interval| now + interval.draw());
            Some(now)
        })
    }

    /// Whether it acts at random: then nobody need meet it.
    pub fn is_at_random(&self) -> bool {
        matches!(self.trigger, Trigger::AtRandom { .. })
    }
}

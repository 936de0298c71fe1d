//! What the author of a scenario meant: plain data, in which an illegal value has no spelling.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::Offset;
use squall_protocol::{Instant, Millis};

use super::faults::FaultSpec;
use super::range::{Between, Count, Length, Window};
use crate::seed::Seed;
use crate::trace::{OrgName, Policy, Side};
use crate::words::{Alert, Cause, Denial, OracleName, State};

/// One story, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name, unique among the scenarios of a run.
    pub name: String,
    /// Where it comes from: a public issue, a paragraph.
    pub source: Option<String>,
    /// Words to select it by.
    pub tags: Vec<String>,
    /// The seed that it runs with if the command line names none.
    pub seed: Seed,
    /// The wall clock at time zero.
    pub starts: Timestamp,
    /// The offset from UTC in which `starts` was written, for what is shown to people.
    pub offset: Offset,
    /// How long the run lasts.
    pub runs_for: Millis,
    /// The organizations, by name.
    pub organizations: BTreeMap<OrgName, Organization>,
    /// The delay of each message on a link: drawn anew for each one where it is a range.
    pub latency: Between,
    /// The rules of session and limiter, with what the scenario leaves out at its default.
    pub policy: Policy,
    /// The simulated phone.
    pub phone: Phone,
    /// The mock server's imitation of WhatsApp's abuse detection.
    pub guard: Guard,
    /// Whether it also runs against real time and real sockets.
    pub live: bool,
    /// What the gateway as it was before does here.
    pub before: Option<Before>,
    /// What happens, in the order of writing. The step numbered 1 comes first.
    pub steps: Vec<Step>,
    /// What must come of it.
    pub expect: Vec<Expectation>,
    /// The file's text, whole.
    pub text: Arc<str>,
    /// Where it was read from.
    pub path: PathBuf,
}

impl Scenario {
    /// The step of this number, counted from 1.
    pub fn step(&self, number: u32) -> Option<&Step> {
        self.steps.iter().find(|step| step.number == number)
    }

    /// The instant at which the run ends.
    pub fn ends(&self) -> Instant {
        Instant::START + self.runs_for
    }
}

/// An organization at time zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Whether its device is paired with an account of the mock server.
    pub paired: bool,
}

/// The simulated phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phone {
    /// It scans each QR code so long after it was shown.
    ScansAfter(Between),
    /// Only a `scan_qr` step scans.
    Never,
}

/// The mock server's imitation of WhatsApp's abuse detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Whether the author knows that it will punish.
    pub expected: bool,
    /// More dials than this within `per` are punished.
    pub max: u32,
    /// The rolling window.
    pub per: Millis,
    /// For how long. Each dial inside it begins it anew.
    pub penalty: Millis,
    /// How it answers.
    pub answer: GuardAnswer,
    /// Whether it counts the dials of all accounts together, as by their address.
    pub in_all: bool,
}

/// How the guard answers a dial that it punishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardAnswer {
    /// Stream error 515 after the login.
    #[default]
    #[serde(rename = "stream_515")]
    Stream515,
    /// Failure 403 instead of the login.
    #[serde(rename = "failure_403")]
    Failure403,
    /// Nothing at all.
    Silence,
}

/// What the gateway as it was before does in a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Before {
    /// No oracle finds anything.
    Passes,
    /// Exactly these oracles find something.
    Fails(BTreeSet<OracleName>),
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its place among the steps, from 1.
    pub number: u32,
    /// The name by which other steps and expectations speak of it.
    pub id: Option<String>,
    /// When.
    pub trigger: Trigger,
    /// What.
    pub action: Action,
    /// The line of the file on which it begins, from 1.
    pub line: usize,
}

/// When a step acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Once, so long after the run began.
    At(Between),
    /// Again and again: first at `from`, then one `every` later each time, last at or before `until`.
    Every {
        /// From one time to the next.
        every: Between,
        /// The first time.
        from: Between,
        /// No later than this.
        until: Instant,
    },
    /// So long after something happened.
    On {
        /// What.
        event: EventMatcher,
        /// How long after it.
        after: Between,
    },
}

/// Something that happens in a run and that a step waits for. `org` and `nth` narrow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventMatcher {
    /// What happens.
    pub kind: EventKind,
    /// To whom; to anybody where there is none.
    pub org: Option<OrgName>,
    /// Which one, counted from 1 over the matching events of the run; each of them where there is none.
    pub nth: Option<u32>,
}

/// What a step may wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A start-session was admitted.
    Attempt,
    /// The subject dialed.
    Dial,
    /// The server sent a valid 101.
    Upgrade,
    /// The server sent `<success>`.
    Login,
    /// The server sent pair-success.
    PairSuccess,
    /// The subject said that a session ended.
    Disconnected,
    /// A start-session was denied.
    Denied,
    /// A stanza was sent: its last byte was handed to the link.
    Stanza {
        /// Of this tag; of any where there is none.
        tag: Option<String>,
        /// By this side; by either where there is none.
        from: Option<Side>,
    },
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The operator asks for a session.
    StartSession {
        /// For whom.
        org: OrgName,
    },
    /// The operator stops a session, or cancels the wait before it.
    StopSession {
        /// Whose.
        org: OrgName,
    },
    /// The phone scans the QR code that is shown.
    ScanQr {
        /// Whose.
        org: OrgName,
    },
    /// The fault acts once.
    Inject {
        /// What goes wrong.
        fault: FaultSpec,
        /// On which connections.
        target: Target,
    },
    /// The fault stands until it is taken off.
    Fault {
        /// What goes wrong.
        fault: FaultSpec,
        /// On which connections.
        target: Target,
        /// When it goes off by itself.
        lasts: Lasts,
    },
    /// Takes off what the step of this number put on, wherever it stands.
    Clear {
        /// The number of the step with the fault, from 1.
        step: u32,
    },
    /// The client's process dies and boots again later.
    ClientCrash {
        /// What becomes of its store.
        store: CrashedStore,
        /// For how long there is no process.
        down_for: Between,
    },
    /// The client's machine sleeps: its tasks are not polled and its monotonic clock stands, the wall clock runs.
    Suspend {
        /// For how long.
        lasts: Between,
    },
}

impl Action {
    /// The key that spells it in a scenario.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::StartSession { .. } => "start_session",
            Self::StopSession { .. } => "stop_session",
            Self::ScanQr { .. } => "scan_qr",
            Self::Inject { .. } => "inject",
            Self::Fault { .. } => "fault",
            Self::Clear { .. } => "clear",
            Self::ClientCrash { .. } => "client_crash",
            Self::Suspend { .. } => "suspend",
        }
    }
}

/// When a fault goes off by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// So long after it went on.
    For(Between),
    /// At this point of the run.
    Until(Between),
    /// Never: it stands to the end of the run unless a step clears it.
    ToTheEnd,
}

/// On which connections a fault acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Whose. Where there is none: those of the organization whose event triggered the step, or else everybody's.
    pub org: Option<OrgName>,
    /// Which of them.
    pub connection: Which,
}

/// Which of an organization's connections; of all the run's connections where no organization is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Which {
    /// Each one.
    #[default]
    All,
    /// The nth that was dialed, from 1.
    Nth(u32),
    /// Those that are still open after a newer one of the same organization was dialed.
    Old,
}

/// What becomes of the client's store when its process dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrashedStore {
    /// It is as it was.
    #[default]
    Kept,
    /// It is gone.
    Lost,
}

/// What must come of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// What.
    pub expected: Expected,
    /// The line of the file on which it begins, from 1.
    pub line: usize,
}

/// One kind of expectation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// So many dials.
    Dials {
        /// Of whom; of all together where there is none.
        org: Option<OrgName>,
        /// How many.
        count: Count,
        /// In which part of the run.
        within: Window,
    },
    /// So many admitted start-sessions.
    Attempts {
        /// Of whom; of all together where there is none.
        org: Option<OrgName>,
        /// How many.
        count: Count,
        /// In which part of the run.
        within: Window,
    },
    /// So many denied start-sessions.
    Denied {
        /// Of whom; of all together where there is none.
        org: Option<OrgName>,
        /// For this reason, as the rule that frees last; for any where there is none.
        cause: Option<Denial>,
        /// How many.
        count: Count,
        /// In which part of the run.
        within: Window,
    },
    /// Where the session says that it stands at an instant, once all that happens in that millisecond has happened.
    Status {
        /// Whose.
        org: OrgName,
        /// Where.
        is: State,
        /// When.
        at: Instant,
    },
    /// Why the nth disconnect came.
    Cause {
        /// Whose.
        org: OrgName,
        /// Which, from 1.
        nth: u32,
        /// Why.
        is: Cause,
    },
    /// Connected (or degraded) for so long without a break: the longest unbroken stretch in the window counts.
    ConnectedFor {
        /// Whose.
        org: OrgName,
        /// How long.
        at_least: Millis,
        /// In which part of the run.
        within: Window,
    },
    /// From the first time that a step's fault touches one of the organization's connections to its next disconnect.
    DetectedWithin {
        /// Whose.
        org: OrgName,
        /// The number of the step with the fault, from 1.
        step: u32,
        /// How long.
        is: Length,
    },
    /// So many alerts in the whole run.
    Alert {
        /// About whom.
        org: OrgName,
        /// Of which kind.
        kind: Alert,
        /// How many.
        count: Count,
    },
    /// How the client's process ends the run.
    Outcome {
        /// How.
        is: Outcome,
    },
}

impl Expected {
    /// The key that spells it in a scenario.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Dials { .. } => "dials",
            Self::Attempts { .. } => "attempts",
            Self::Denied { .. } => "denied",
            Self::Status { .. } => "status",
            Self::Cause { .. } => "cause",
            Self::ConnectedFor { .. } => "connected_for",
            Self::DetectedWithin { .. } => "detected_within",
            Self::Alert { .. } => "alert",
            Self::Outcome { .. } => "outcome",
        }
    }
}

/// How the client's process stands at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is up.
    Running,
    /// It is down.
    Stopped,
    /// It would not start.
    RefusedToStart,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::RefusedToStart => "refused_to_start",
        })
    }
}

impl std::fmt::Display for CrashedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept",
            Self::Lost => "lost",
        })
    }
}

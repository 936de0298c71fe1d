//! Steps: what happens, and when.

use std::fmt;
use std::sync::Arc;

use squall_protocol::Instant;

use crate::scenario::faults::FaultSpec;
use crate::scenario::range::{Between, Shift};
use crate::trace::{OrgName, Side};

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
    /// Again and again, each time so long after the one before, the first so long after `from`. Each interval is a draw
    /// of its own. Nobody is promised to meet what comes at random.
    AtRandom {
        /// From one time to the next.
        gap: Between,
        /// Where the first interval begins.
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

/// Whom a step is about: one organization, or each of those that the scenario has under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orgs(pub Arc<[OrgName]>);

impl fmt::Display for Orgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            [] => f.write_str("nobody"),
            [org] => write!(f, "org {org}"),
            [first, .., last] => write!(f, "org {first} to {last}"),
        }
    }
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
        /// For how long there is no process: where nothing is said, until a supervisor starts it again, or for 5 s.
        down_for: Option<Between>,
    },
    /// The client's process is asked to end, and ends once each of its sessions has.
    ClientStop,
    /// The client's process is started, whether or not another one runs.
    ClientStart,
    /// The client's machine sleeps: its tasks are not polled and its monotonic clock stands, the wall clock runs.
    Suspend {
        /// For how long.
        lasts: Between,
    },
    /// The client's process is stopped: its tasks are not polled, and both its clocks run.
    ClientPause {
        /// For how long.
        lasts: Between,
    },
    /// The wall clock of the client's machine is set. The server's stays right.
    ClockStep {
        /// Which way, and by how much.
        by: Shift,
    },
    /// From now on the client's process is started again whenever it is gone.
    Supervisor {
        /// How it goes about that.
        how: Supervisor<Between>,
    },
    /// The server's process dies and comes back with all that it remembers.
    ServerRestart {
        /// For how long there is no server.
        down_for: Between,
        /// How its connections end.
        connections: EndsOf,
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
            Self::ClientStop => "client_stop",
            Self::ClientStart => "client_start",
            Self::Suspend { .. } => "suspend",
            Self::ClientPause { .. } => "client_pause",
            Self::ClockStep { .. } => "clock_step",
            Self::Supervisor { .. } => "supervisor",
            Self::ServerRestart { .. } => "server_restart",
        }
    }
}

/// When a supervisor starts a process again that is gone; its times are drawn in a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisor<T> {
    /// So long after it is gone, always.
    Fixed(T),
    /// As systemd does with `Restart=always`.
    Systemd(Systemd<T>),
    /// As docker does with `--restart always`.
    Docker,
}

/// The settings of a unit that is always restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Systemd<T> {
    /// `RestartSec=`.
    pub restart_sec: T,
    /// `StartLimitIntervalSec=`.
    pub start_limit_interval: T,
    /// `StartLimitBurst=`.
    pub start_limit_burst: u32,
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

/// How the connections of a server end when it goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndsOf {
    /// Each stream ends (TCP FIN) once what the server had said has arrived.
    #[default]
    Eof,
    /// Each is reset (TCP RST): what is under way is lost.
    Reset,
}

impl fmt::Display for EndsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eof => "eof",
            Self::Reset => "reset",
        })
    }
}

/// What becomes of the client's store when its process dies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrashedStore {
    /// It is as it was.
    #[default]
    Kept,
    /// What was not synced is damaged.
    Torn,
    /// It is gone.
    Lost,
}

impl fmt::Display for CrashedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept",
            Self::Torn => "torn",
            Self::Lost => "lost",
        })
    }
}

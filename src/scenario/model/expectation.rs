//! Expectations: what must come of a run.

use squall_protocol::{Instant, Millis};

use crate::scenario::range::{Count, Length, Window};
use crate::trace::OrgName;
use crate::words::{Alert, Cause, Denial, State};

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
    /// How often the session says that it now stands there: the only word about a state that it passes through and
    /// leaves, or never enters.
    States {
        /// Whose.
        org: OrgName,
        /// Where.
        is: State,
        /// How often.
        count: Count,
        /// In which part of the run.
        within: Window,
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
        /// About whom; about anybody and the whole process where there is none.
        org: Option<OrgName>,
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
            Self::States { .. } => "states",
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

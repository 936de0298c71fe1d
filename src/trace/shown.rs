//! What the HTTP API of a gateway shows of an organization at one instant, page by page.

use serde::{Deserialize, Serialize};

use crate::words::{Cause, Denial, State};

/// What the pages show, each asked for at the same instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shown {
    /// The organization's own page; none where the API does not know it.
    pub one: Option<Page>,
    /// Its place on the page of all.
    pub all: Option<Page>,
    /// What the limiter would say to a start; none where the store cannot be asked.
    pub limits: Option<Limits>,
    /// How the start that was just asked for was answered.
    pub answered: Option<Answered>,
}

/// Where an organization is said to stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Page {
    /// The state.
    pub state: State,
    /// Whether it claims a usable connection.
    pub connected: bool,
    /// When the block ends in which it stands: milliseconds of the Unix epoch, by the wall clock that people see.
    pub blocked_until: Option<i64>,
    /// Why it last ended in this life of the process.
    pub reason: Option<Cause>,
    /// When that was: as all instants here, in milliseconds of the Unix epoch by the wall clock that people see.
    pub ended: Option<i64>,
    /// When it was last said to be connected in this life of the process.
    pub last_connected: Option<i64>,
    /// When a frame was last received in this life of the process.
    pub last_activity: Option<i64>,
    /// Whether the next start pairs by QR.
    pub needs_pairing: bool,
}

/// What the limiter is said to say to a start that nobody asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Whether a start would be granted.
    pub can_connect: bool,
    /// What would refuse it, the cause first.
    pub refused_by: Vec<Denial>,
    /// When it would be granted: milliseconds of the Unix epoch, by the wall clock that people see.
    pub retry_at: Option<i64>,
}

/// How a start was answered over HTTP; what it said is the verdict.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The header Retry-After, in seconds.
    pub retry_after: Option<u64>,
}

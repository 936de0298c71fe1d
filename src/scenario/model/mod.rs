//! What the author of a scenario meant: plain data, in which an illegal value has no spelling.

mod expectation;
mod step;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::Offset;
use squall_protocol::{Instant, Millis};

use super::range::Between;
use crate::seed::Seed;
use crate::trace::{OrgName, Policy};
use crate::words::{Incident, OracleName};

pub use expectation::{Expectation, Expected, Outcome};
pub use step::{
    Action, CrashedStore, EndsOf, EventKind, EventMatcher, Lasts, Orgs, Step, Supervisor, Systemd,
    Target, Trigger, Which,
};

/// One story, as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Its name, unique among the scenarios of a run.
    pub name: String,
    /// Where it comes from: a public issue, a paragraph.
    pub source: Option<String>,
    /// Which incident it plays, or a part of it.
    pub incident: Option<Incident>,
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
    /// What the mock server asks of its own accord.
    pub server_pings: ServerPings,
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

/// What the mock server asks of its own accord, while a client is logged in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerPings {
    /// How often it sends `<iq xmlns="urn:xmpp:ping">`, if it does.
    pub iq: Option<Millis>,
    /// How often it sends a WebSocket Ping, if it does.
    pub websocket: Option<Millis>,
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

//! What a trace begins with: all that a judge must know besides the entries.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use squall_protocol::{Millis, Zone};

use crate::trace::OrgName;
use crate::words::OracleName;

/// What a trace begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub version: u32,
    /// The scenario's name.
    pub name: String,
    /// The scenario's text, whole.
    pub scenario: String,
    /// The seed that drew everything.
    pub seed: u64,
    /// The engine that ran it.
    pub engine: String,
    /// The subject under test.
    pub subject: String,
    /// The wall clock at time zero.
    pub starts: Timestamp,
    /// The offset that the scenario writes its start with, in seconds east of UTC: people are told instants in it.
    #[serde(default)]
    pub utc_offset: i32,
    /// How long the run lasts.
    pub runs_for: Millis,
    /// The organizations, and whether each is paired at the start.
    pub organizations: BTreeMap<OrgName, bool>,
    /// The rules in force.
    pub policy: Policy,
    /// Whether the scenario says that the guard will punish.
    pub guard_expected: bool,
    /// What the subject claims to do.
    pub claims: Claims,
}

/// The rules in force, as the judges know them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Between two IQ pings.
    pub keep_alive: Millis,
    /// Between two WebSocket Pings while connected.
    pub active_ping: Millis,
    /// An unsettled ping so old is late.
    pub late_after: Millis,
    /// The rule of silence.
    pub dead_after: Millis,
    /// The zombie rule.
    pub zombie_after: Millis,
    /// From the dial to the upgrade.
    pub connect_timeout: Millis,
    /// From there to the Noise transport.
    pub handshake_timeout: Millis,
    /// From there to `<success>` or the first pair-device.
    pub login_timeout: Millis,
    /// From pair-success to the 515.
    pub pairing_timeout: Millis,
    /// Whether the session re-dials by handoff after the 515 of pairing; else the operator does.
    pub handoff: bool,
    /// Attempts of all organizations in a rolling window.
    pub global: (u32, Millis),
    /// Attempts of one organization in its window.
    pub per_org: (u32, Per),
    /// After an organization's last failure.
    pub cooldown: Millis,
    /// After a `rate_limited`.
    pub block: Millis,
    /// Whether a block keeps every organization out.
    pub block_all: bool,
    /// Between admission and dial.
    pub delay: Millis,
}

/// The window of an organization's quota.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// So long, rolling.
    Rolling(Millis),
    /// The civil day of a zone.
    Calendar(Zone),
}

/// What the subject claims to do. What it never claimed is listed as not judged, never as passed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Oracles that do not judge it.
    pub not_judged: BTreeSet<OracleName>,
    /// Whether it claims the mandatory wait before a dial.
    pub waits: bool,
    /// The silence after which it declares its connection dead, counted from the last thing received, where it has a
    /// rule of its own.
    pub own_silence: Option<Millis>,
    /// How long it waits for a login or a QR code, counted from the dial, where it has a rule of its own for all stages.
    #[serde(default)]
    pub own_patience: Option<Millis>,
    /// How long it may take to come back after the 515 of a pairing, where it never claimed to do so at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_handoff: Option<Millis>,
}

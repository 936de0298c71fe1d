//! The shape of a scenario file, as the parser reads it and as editors see it. What it means is checked afterwards.
//!
//! A step mixes its name, its trigger, its action and its target in one map, as people write it. So each key is a field
//! that may be missing, and the checks that follow see to it that there is one trigger and one action.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use squall_protocol::Millis;

use super::faults::FaultSpec;
use super::model::{GuardAnswer, Outcome};
use super::range::{Between, Count, Length, Within};
use super::yaml::At;
use crate::trace::Side;
use crate::words::{Alert, Cause, Denial, OracleName, State};

/// The name of an organization or a tag: a text, or a number that is read as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("type" = ["string", "integer"]))]
pub(super) struct Name(pub(super) String);

/// A chaos scenario: what goes wrong, when, and what must come of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Scenario")]
pub(super) struct RawScenario {
    /// What happens, in a few words. Unique among the scenarios of a run.
    pub(super) name: At<String>,
    /// Where it comes from, such as a public issue: `WhiskeySockets/Baileys#107`.
    pub(super) source: Option<String>,
    /// Words to select it by.
    #[serde(default)]
    pub(super) tags: Vec<At<Name>>,
    /// The seed that draws whatever is left to chance. 1 if it is not given.
    pub(super) seed: Option<u64>,
    /// The wall clock when the run begins, in RFC 3339. 2026-01-05T08:00:00Z (a Monday) if it is not given.
    pub(super) starts: Option<At<String>>,
    /// How long the run lasts.
    pub(super) runs_for: At<Millis>,
    /// The organizations, by name.
    pub(super) organizations: At<BTreeMap<At<Name>, RawOrganization>>,
    /// The network between client and server.
    #[serde(default)]
    pub(super) link: RawLink,
    /// The rules of session and limiter, where they are not the defaults.
    #[serde(default)]
    pub(super) policy: RawPolicy,
    /// The simulated phone.
    #[serde(default)]
    pub(super) phone: RawPhone,
    /// The mock server's imitation of WhatsApp's abuse detection.
    #[serde(default)]
    pub(super) guard: RawGuard,
    /// Whether it also runs against real sockets in real time. Then it may last at most 10 minutes.
    #[serde(default)]
    pub(super) live: bool,
    /// What the gateway that reconnected by itself does here: `passes`, or which oracles find something.
    pub(super) before: Option<At<RawBefore>>,
    /// What happens.
    #[serde(default)]
    pub(super) steps: Vec<At<RawStep>>,
    /// What must come of it.
    #[serde(default)]
    pub(super) expect: Vec<At<RawExpected>>,
}

/// An organization when the run begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Organization")]
pub(super) struct RawOrganization {
    /// Whether its device is paired already. If not, it is paired by QR code.
    #[serde(default = "yes")]
    pub(super) paired: bool,
}

fn yes() -> bool {
    true
}

/// The network between client and server.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Link")]
pub(super) struct RawLink {
    /// The delay of each message; of a range, each message draws its own. 40ms if it is not given.
    pub(super) latency: Option<At<Between>>,
}

/// The rules of session and limiter. What is left out keeps its default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Policy")]
pub(super) struct RawPolicy {
    /// The IQ ping and what follows from its answers.
    #[serde(default)]
    pub(super) keep_alive: RawKeepAlive,
    /// The WebSocket Ping.
    #[serde(default)]
    pub(super) active_ping: RawActivePing,
    /// From the dial to the upgrade. 20s if it is not given.
    pub(super) connect_timeout: Option<At<Millis>>,
    /// From the upgrade to the Noise transport. 20s if it is not given.
    pub(super) handshake_timeout: Option<At<Millis>>,
    /// From the Noise transport to the login or the first QR code. 1m if it is not given.
    pub(super) login_timeout: Option<At<Millis>>,
    /// From pair-success to the 515 that follows it. 1m if it is not given.
    pub(super) pairing_timeout: Option<At<Millis>>,
    /// Who dials again after the 515 that ends a pairing. `handoff` if it is not given.
    pub(super) pairing_restart: Option<PairingRestart>,
    /// The rules that stand before every dial.
    #[serde(default)]
    pub(super) limiter: RawLimiter,
}

/// The IQ ping and what follows from its answers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KeepAlive")]
pub(super) struct RawKeepAlive {
    /// From one IQ ping to the next. 25s if it is not given.
    pub(super) interval: Option<At<Millis>>,
    /// A ping unanswered for so long makes the session `degraded`. 10s if it is not given.
    pub(super) late_after: Option<At<Millis>>,
    /// Nothing received for so long since the first unanswered ping: the connection is lost. 1m if it is not given.
    pub(super) dead_after: Option<At<Millis>>,
    /// No IQ ping answered for so long, whatever else arrives: the connection is lost. 5m if it is not given.
    pub(super) zombie_after: Option<At<Millis>>,
}

/// The WebSocket Ping.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ActivePing")]
pub(super) struct RawActivePing {
    /// From one WebSocket Ping to the next while connected. 2m if it is not given.
    pub(super) interval: Option<At<Millis>>,
}

/// Who dials again after the 515 that ends a pairing.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PairingRestart {
    /// The session, once, at once.
    Handoff,
    /// The operator.
    Manual,
}

/// The rules that stand before every dial.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limiter")]
pub(super) struct RawLimiter {
    /// Attempts of all organizations together. 3 per 1h if it is not given.
    #[serde(default)]
    pub(super) global: RawQuota,
    /// Attempts of each organization. 2 per 24h if it is not given.
    #[serde(default)]
    pub(super) per_org: RawQuota,
    /// How long an organization waits after its last failure. 2h if it is not given.
    pub(super) cooldown: Option<Millis>,
    /// How long a block lasts. 24h if it is not given.
    pub(super) block: Option<Millis>,
    /// Whom a block keeps out. `org` if it is not given.
    pub(super) block_scope: Option<BlockScope>,
    /// Between admission and dial. 30s if it is not given.
    pub(super) delay: Option<Millis>,
}

/// So many in a rolling window.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Quota")]
pub(super) struct RawQuota {
    /// How many.
    pub(super) max: Option<At<u32>>,
    /// The rolling window.
    pub(super) per: Option<At<RawPer>>,
}

/// The window of a quota.
#[derive(Debug, JsonSchema)]
#[schemars(with = "Millis")]
pub(super) enum RawPer {
    Rolling(Millis),
    Calendar,
}

impl<'de> Deserialize<'de> for RawPer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = RawPer;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a length of time such as 24h")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RawPer, E> {
                text.parse().map(RawPer::Rolling).map_err(E::custom)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<RawPer, A::Error> {
                while let Some(key) = map.next_key::<String>()? {
                    if key != "calendar" {
                        return Err(serde::de::Error::unknown_field(&key, &["calendar"]));
                    }
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(RawPer::Calendar)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// Whom a block keeps out.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum BlockScope {
    /// The organization that was rate limited.
    Org,
    /// Every organization. Those connected stay so.
    All,
}

/// The simulated phone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Phone")]
pub(super) struct RawPhone {
    /// How long after a QR code was shown the phone scans it, or `never`. 5s if it is not given.
    pub(super) scans_after: Option<RawScansAfter>,
}

/// A length of time, a range of them, or `never`.
#[derive(Debug, JsonSchema)]
#[schemars(with = "String", extend("examples" = ["5s", "1s..10s", "never"]))]
pub(super) enum RawScansAfter {
    Never,
    After(Between),
}

impl<'de> Deserialize<'de> for RawScansAfter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "never" {
            return Ok(Self::Never);
        }
        text.parse()
            .map(Self::After)
            .map_err(|error| serde::de::Error::custom(format!("{error}; or \"never\"")))
    }
}

/// The mock server's imitation of WhatsApp's abuse detection.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Guard")]
pub(super) struct RawGuard {
    /// Whether it is meant to punish. If not, each penalty is a finding.
    #[serde(default)]
    pub(super) expected: bool,
    /// More dials than this within `per` are punished. 3 if it is not given.
    pub(super) max: Option<At<u32>>,
    /// The rolling window. 58m if it is not given: a lawful client can look a little faster from the server's side.
    pub(super) per: Option<At<Millis>>,
    /// How long a penalty lasts; each dial inside it begins it anew. 24h if it is not given.
    pub(super) penalty: Option<At<Millis>>,
    /// How it answers. `stream_515` if it is not given.
    #[serde(default)]
    pub(super) answer: GuardAnswer,
    /// Whether it counts the dials of all accounts together, as by their address.
    #[serde(default)]
    pub(super) in_all: bool,
}

/// What the gateway that reconnected by itself does here.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Before")]
pub(super) enum RawBefore {
    /// No oracle finds anything.
    Passes,
    /// Exactly these oracles find something.
    Fails(Vec<At<OracleName>>),
}

/// One thing that happens: an optional `id`, one trigger (`at`, `every` or `on`) and exactly one action.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Step", extend("allOf" = [
    { "oneOf": [ { "required": ["at"] }, { "required": ["every"] }, { "required": ["on"] } ] },
    { "oneOf": [
        { "required": ["start_session"] }, { "required": ["stop_session"] }, { "required": ["scan_qr"] },
        { "required": ["inject"] }, { "required": ["fault"] }, { "required": ["clear"] },
        { "required": ["client_crash"] }, { "required": ["suspend"] },
    ] },
]))]
pub(super) struct RawStep {
    /// The name by which other steps and expectations speak of this one.
    pub(super) id: Option<At<String>>,
    /// Trigger: once, so long after the run began.
    pub(super) at: Option<At<Between>>,
    /// Trigger: again and again, so long from one time to the next.
    pub(super) every: Option<At<Between>>,
    /// With `every`: the first time. One interval after the run began if it is not given.
    pub(super) from: Option<At<Between>>,
    /// With `every`: no time comes later. With `fault` and another trigger: the fault goes off at this point.
    pub(super) until: Option<At<Between>>,
    /// Trigger: when this happens.
    pub(super) on: Option<At<RawEvent>>,
    /// With `on`: so long after it. 0s if it is not given.
    pub(super) after: Option<At<Between>>,

    /// Action: the operator asks for a session.
    pub(super) start_session: Option<At<RawOf>>,
    /// Action: the operator stops a session, or cancels the wait before it.
    pub(super) stop_session: Option<At<RawOf>>,
    /// Action: the phone scans the QR code that is shown.
    pub(super) scan_qr: Option<At<RawOf>>,
    /// Action: the fault acts once.
    pub(super) inject: Option<At<FaultSpec>>,
    /// Action: the fault stands, for so long (`for`), to a point of the run (`until`), to a `clear` or to the end.
    pub(super) fault: Option<At<FaultSpec>>,
    /// Action: takes off what another step's `fault` put on.
    pub(super) clear: Option<At<RawClear>>,
    /// Action: the client's process dies and boots again.
    pub(super) client_crash: Option<At<RawCrash>>,
    /// Action: the client's machine sleeps.
    pub(super) suspend: Option<At<RawSuspend>>,

    /// With `inject` or `fault`: whose connections. Everybody's if it is not given; with `on`, those of its event.
    pub(super) org: Option<At<Name>>,
    /// With `inject` or `fault`: which connections. `all` if it is not given.
    pub(super) connection: Option<At<RawWhich>>,
    /// With `fault`: how long it stands.
    #[serde(rename = "for")]
    pub(super) lasts: Option<At<Between>>,

    #[schemars(skip)]
    pub(super) server_restart: Option<At<IgnoredAny>>,
    #[schemars(skip)]
    pub(super) client_pause: Option<At<IgnoredAny>>,
    #[schemars(skip)]
    pub(super) clock_step: Option<At<IgnoredAny>>,
    #[schemars(skip)]
    pub(super) supervisor: Option<At<IgnoredAny>>,
}

/// Something that happens and that a step waits for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Event")]
pub(super) enum RawEvent {
    /// A start-session was admitted.
    Attempt(RawNarrow),
    /// The subject dialed.
    Dial(RawNarrow),
    /// The server sent a valid 101.
    Upgrade(RawNarrow),
    /// The server sent `<success>`.
    Login(RawNarrow),
    /// The server sent pair-success.
    PairSuccess(RawNarrow),
    /// The subject said that a session ended.
    Disconnected(RawNarrow),
    /// A start-session was denied.
    Denied(RawNarrow),
    /// A stanza was sent.
    Stanza(RawStanza),
}

/// Which of these events. All of them if nothing is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Narrow")]
pub(super) struct RawNarrow {
    /// Of this organization.
    pub(super) org: Option<At<Name>>,
    /// The nth of the run, from 1. Each one if it is not given.
    pub(super) nth: Option<At<u32>>,
}

/// Which stanzas. All of them if nothing is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StanzaEvent")]
pub(super) struct RawStanza {
    /// On a connection of this organization.
    pub(super) org: Option<At<Name>>,
    /// The nth of the run, from 1. Each one if it is not given.
    pub(super) nth: Option<At<u32>>,
    /// Of this tag, such as `iq`.
    pub(super) tag: Option<String>,
    /// Sent by this side.
    #[schemars(with = "Option<SideWord>")]
    pub(super) from: Option<Side>,
}

/// One of the two ends of a connection.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", rename = "Side")]
#[expect(
    dead_code,
    reason = "describes `trace::Side` to editors; the trace itself has no schema"
)]
enum SideWord {
    /// The subject.
    Client,
    /// The mock server.
    Server,
}

/// For one organization.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Of")]
pub(super) struct RawOf {
    /// Its name.
    pub(super) org: At<Name>,
}

/// Takes a fault off.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Clear")]
pub(super) struct RawClear {
    /// The `id` of the step with the `fault`.
    pub(super) id: At<String>,
}

/// The client's process dies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClientCrash")]
pub(super) struct RawCrash {
    /// What becomes of its store. `kept` if it is not given.
    #[serde(default)]
    pub(super) store: Option<At<RawStore>>,
    /// For how long there is no process. 5s if it is not given.
    pub(super) down_for: Option<At<Between>>,
}

/// What becomes of the client's store.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CrashedStore")]
pub(super) enum RawStore {
    /// It is as it was.
    Kept,
    #[schemars(skip)]
    Torn,
    /// It is gone. The client must refuse to start.
    Lost,
}

/// The client's machine sleeps.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Suspend")]
pub(super) struct RawSuspend {
    /// For how long.
    #[serde(rename = "for")]
    pub(super) lasts: At<Between>,
}

/// Which connections: a number, counted from 1 in the order of the dials, `old` or `all`.
#[derive(Debug)]
pub(super) enum RawWhich {
    Nth(u32),
    Old,
    All,
}

impl<'de> Deserialize<'de> for RawWhich {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "old" => Ok(Self::Old),
            "all" => Ok(Self::All),
            number => number.parse().map(Self::Nth).map_err(|_| {
                serde::de::Error::custom(format!(
                    "{number:?} is no connection; write its number, old or all"
                ))
            }),
        }
    }
}

impl JsonSchema for RawWhich {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Connection".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Which connections: a number, counted from 1 in the order of the dials; those that a newer \
                            dial left behind; or all.",
            "oneOf": [ { "type": "integer", "minimum": 1 }, { "enum": ["old", "all"] } ],
        })
    }
}

/// Something that must come of the run. Where it does not, that is a finding.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Expectation")]
pub(super) enum RawExpected {
    /// So many dials.
    Dials(RawCounted),
    /// So many admitted start-sessions.
    Attempts(RawCounted),
    /// So many denied start-sessions.
    Denied(RawDenied),
    /// Where the session says that it stands at an instant.
    Status(RawStatus),
    /// Why the nth disconnect came.
    Cause(RawCause),
    /// Connected (or degraded) for so long without a break.
    ConnectedFor(RawConnectedFor),
    /// From the first time that a step's fault touches a connection to the next disconnect.
    DetectedWithin(RawDetectedWithin),
    /// So many alerts in the whole run.
    Alert(RawAlert),
    /// How the client's process ends the run.
    Outcome(RawOutcome),
}

/// How many, of whom, and when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Counted")]
pub(super) struct RawCounted {
    /// Of whom. Of all organizations together if it is not given.
    pub(super) org: Option<At<Name>>,
    /// How many.
    pub(super) count: Count,
    /// In which part of the run. In all of it if it is not given.
    pub(super) within: Option<At<Within>>,
}

/// How many denied start-sessions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeniedCount")]
pub(super) struct RawDenied {
    /// Of whom. Of all organizations together if it is not given.
    pub(super) org: Option<At<Name>>,
    /// For this reason: the rule that frees last. For any if it is not given.
    pub(super) cause: Option<Denial>,
    /// How many.
    pub(super) count: Count,
    /// In which part of the run. In all of it if it is not given.
    pub(super) within: Option<At<Within>>,
}

/// Where the session says that it stands at an instant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Status")]
pub(super) struct RawStatus {
    /// Whose.
    pub(super) org: At<Name>,
    /// Where.
    pub(super) is: State,
    /// When: so long after the run began, once all that happens in that millisecond has happened.
    pub(super) at: At<Millis>,
}

/// Why the nth disconnect came.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NthCause")]
pub(super) struct RawCause {
    /// Whose.
    pub(super) org: At<Name>,
    /// Which, from 1. The first if it is not given.
    pub(super) nth: Option<At<u32>>,
    /// Why.
    pub(super) is: Cause,
}

/// Connected for so long without a break.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConnectedFor")]
pub(super) struct RawConnectedFor {
    /// Whose.
    pub(super) org: At<Name>,
    /// How long, without a break.
    pub(super) at_least: At<Millis>,
    /// In which part of the run. In all of it if it is not given.
    pub(super) within: Option<At<Within>>,
}

/// From the first time that a step's fault touches a connection to the next disconnect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DetectedWithin")]
pub(super) struct RawDetectedWithin {
    /// Whose.
    pub(super) org: At<Name>,
    /// The `id` of the step with the `inject` or `fault`.
    pub(super) step: At<String>,
    /// How long.
    pub(super) is: Length,
}

/// How many alerts in the whole run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AlertCount")]
pub(super) struct RawAlert {
    /// About whom.
    pub(super) org: At<Name>,
    /// Of which kind.
    pub(super) kind: Alert,
    /// How many.
    pub(super) count: Count,
}

/// How the client's process ends the run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OutcomeIs")]
pub(super) struct RawOutcome {
    /// How.
    pub(super) is: Outcome,
}

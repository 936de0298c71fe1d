//! The shape of a step.
//!
//! A step mixes its name, its trigger, its action and its target in one map, as people write it. So each key is a field
//! that may be missing, and the checks that follow see to it that there is one trigger and one action.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use super::Name;
use crate::scenario::faults::FaultSpec;
use crate::scenario::model::EndsOf;
use crate::scenario::range::{Between, Shift};
use crate::scenario::yaml::At;
use crate::trace::Side;

/// One thing that happens: an optional `id`, one trigger (`at`, `every`, `at_random` or `on`) and exactly one action.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Step", extend("allOf" = [
    { "oneOf": [ { "required": ["at"] }, { "required": ["every"] }, { "required": ["at_random"] }, { "required": ["on"] } ] },
    { "oneOf": [
        { "required": ["start_session"] }, { "required": ["stop_session"] }, { "required": ["scan_qr"] },
        { "required": ["inject"] }, { "required": ["fault"] }, { "required": ["clear"] },
        { "required": ["client_crash"] }, { "required": ["client_stop"] }, { "required": ["client_start"] },
        { "required": ["suspend"] }, { "required": ["client_pause"] },
        { "required": ["clock_step"] }, { "required": ["supervisor"] }, { "required": ["server_restart"] },
    ] },
]))]
pub(in crate::scenario) struct RawStep {
    /// The name by which other steps and expectations speak of this one.
    pub(in crate::scenario) id: Option<At<String>>,
    /// Trigger: once, so long after the run began.
    pub(in crate::scenario) at: Option<At<Between>>,
    /// Trigger: again and again, so long from one time to the next.
    pub(in crate::scenario) every: Option<At<Between>>,
    /// Trigger: again and again, at random: so long from one time to the next, drawn anew each time. What acts at random
    /// need not meet anybody.
    pub(in crate::scenario) at_random: Option<At<Between>>,
    /// With `every`: the first time. One interval after the run began if it is not given. With `at_random`: where the
    /// first interval begins. The beginning of the run if it is not given.
    pub(in crate::scenario) from: Option<At<Between>>,
    /// With `every` or `at_random`: no time comes later. With `fault` and another trigger: the fault goes off at this
    /// point.
    pub(in crate::scenario) until: Option<At<Between>>,
    /// Trigger: when this happens.
    pub(in crate::scenario) on: Option<At<RawEvent>>,
    /// With `on`: so long after it. 0s if it is not given.
    pub(in crate::scenario) after: Option<At<Between>>,

    /// Action: the operator asks for a session.
    pub(in crate::scenario) start_session: Option<At<RawOf>>,
    /// Action: the operator stops a session, or cancels the wait before it.
    pub(in crate::scenario) stop_session: Option<At<RawOf>>,
    /// Action: the phone scans the QR code that is shown.
    pub(in crate::scenario) scan_qr: Option<At<RawOf>>,
    /// Action: the fault acts once.
    pub(in crate::scenario) inject: Option<At<FaultSpec>>,
    /// Action: the fault stands, for so long (`for`), to a point of the run (`until`), to a `clear` or to the end.
    pub(in crate::scenario) fault: Option<At<FaultSpec>>,
    /// Action: takes off what another step's `fault` put on.
    pub(in crate::scenario) clear: Option<At<RawClear>>,
    /// Action: the client's process dies and boots again.
    pub(in crate::scenario) client_crash: Option<At<RawCrash>>,
    /// Action: the client's process is asked to end, as by SIGTERM: it stops every session and is gone once each has
    /// ended. No supervisor starts it again, since whoever asks is the supervisor.
    pub(in crate::scenario) client_stop: Option<At<RawNothing>>,
    /// Action: the client's process is started, on its store. Where another one runs, as in a rolling deploy, this one must
    /// refuse to start; a supervisor then tries again.
    pub(in crate::scenario) client_start: Option<At<RawNothing>>,
    /// Action: the client's machine sleeps.
    pub(in crate::scenario) suspend: Option<At<RawSuspend>>,
    /// Action: the client's process is stopped and goes on later, as by SIGSTOP and SIGCONT. Both its clocks run.
    pub(in crate::scenario) client_pause: Option<At<RawPause>>,
    /// Action: the wall clock of the client's machine is set. The server's stays right.
    pub(in crate::scenario) clock_step: Option<At<RawClockStep>>,
    /// Action: from now on the client's process is started again whenever it is gone: crashed, or refused to start.
    pub(in crate::scenario) supervisor: Option<At<RawSupervisor>>,
    /// Action: the server's process dies and comes back. It remembers accounts and dials.
    pub(in crate::scenario) server_restart: Option<At<RawServerRestart>>,

    /// With `inject` or `fault`: whose connections. Everybody's if it is not given; with `on`, those of its event.
    pub(in crate::scenario) org: Option<At<Name>>,
    /// With `inject` or `fault`: which connections. `all` if it is not given.
    pub(in crate::scenario) connection: Option<At<RawWhich>>,
    /// With `fault`: how long it stands.
    #[serde(rename = "for")]
    pub(in crate::scenario) lasts: Option<At<Between>>,
}

impl RawStep {
    /// Whether it acts again and again by the clock.
    pub(in crate::scenario) fn repeats(&self) -> bool {
        self.every.is_some() || self.at_random.is_some()
    }
}

/// Something that happens and that a step waits for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Event")]
pub(in crate::scenario) enum RawEvent {
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
pub(in crate::scenario) struct RawNarrow {
    /// Of this organization.
    pub(in crate::scenario) org: Option<At<Name>>,
    /// The nth of the run, from 1. Each one if it is not given.
    pub(in crate::scenario) nth: Option<At<u32>>,
}

/// Which stanzas. All of them if nothing is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StanzaEvent")]
pub(in crate::scenario) struct RawStanza {
    /// On a connection of this organization.
    pub(in crate::scenario) org: Option<At<Name>>,
    /// The nth of the run, from 1. Each one if it is not given.
    pub(in crate::scenario) nth: Option<At<u32>>,
    /// Of this tag, such as `iq`.
    pub(in crate::scenario) tag: Option<String>,
    /// Sent by this side.
    #[schemars(with = "Option<SideWord>")]
    pub(in crate::scenario) from: Option<Side>,
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
pub(in crate::scenario) struct RawOf {
    /// Its name.
    pub(in crate::scenario) org: At<Name>,
}

/// Takes a fault off.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Clear")]
pub(in crate::scenario) struct RawClear {
    /// The `id` of the step with the `fault`.
    pub(in crate::scenario) id: At<String>,
}

/// The client's process dies.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClientCrash")]
pub(in crate::scenario) struct RawCrash {
    /// What becomes of its store. `kept` if it is not given.
    #[serde(default)]
    pub(in crate::scenario) store: Option<At<RawStore>>,
    /// For how long there is no process. If it is not given: until a `supervisor` starts it again, or 5s without one.
    pub(in crate::scenario) down_for: Option<At<Between>>,
}

/// What becomes of the client's store.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CrashedStore")]
pub(in crate::scenario) enum RawStore {
    /// It is as it was.
    Kept,
    /// The power is cut with it: what was written and not synced is there in part, or not. The client boots on a whole
    /// store, or refuses to start; what it had answered it remembers.
    Torn,
    /// It is gone. The client must refuse to start.
    Lost,
}

/// Nothing more is to be said of it: `{}`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Nothing")]
pub(in crate::scenario) struct RawNothing {}

/// The client's machine sleeps.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Suspend")]
pub(in crate::scenario) struct RawSuspend {
    /// For how long.
    #[serde(rename = "for")]
    pub(in crate::scenario) lasts: At<Between>,
}

/// The client's process is stopped.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClientPause")]
pub(in crate::scenario) struct RawPause {
    /// For how long.
    #[serde(rename = "for")]
    pub(in crate::scenario) lasts: At<Between>,
}

/// The wall clock of the client's machine is set.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ClockStep")]
pub(in crate::scenario) struct RawClockStep {
    /// By how much: ahead, or back with a minus.
    pub(in crate::scenario) by: At<Shift>,
}

/// Starts the client's process again: after a fixed time, or as systemd or docker does.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Supervisor")]
pub(in crate::scenario) enum RawSupervisor {
    /// So long after it is gone, always.
    Restart(At<Between>),
    /// As a unit of systemd with `Restart=always`.
    Systemd(RawSystemd),
    /// As docker with `--restart always`: after 100 ms, then after twice as long each time, up to a minute; after 100 ms again
    /// once it has run for ten seconds.
    Docker(RawNothing),
}

/// The settings of a unit, by the names of systemd.service(5) and systemd.unit(5).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Systemd")]
pub(in crate::scenario) struct RawSystemd {
    /// `RestartSec=`: so long after it is gone. 100ms if it is not given.
    pub(in crate::scenario) restart_sec: Option<At<Between>>,
    /// `StartLimitIntervalSec=`: in such a time the unit is started no oftener than `start_limit_burst` says, and then left
    /// as it is. 10s if it is not given.
    pub(in crate::scenario) start_limit_interval: Option<At<Between>>,
    /// `StartLimitBurst=`. 5 if it is not given; 0 for no limit.
    pub(in crate::scenario) start_limit_burst: Option<u32>,
}

/// The server's process dies and comes back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ServerRestart")]
pub(in crate::scenario) struct RawServerRestart {
    /// For how long there is no server. 5s if it is not given.
    pub(in crate::scenario) down_for: Option<At<Between>>,
    /// How its connections end. `eof` if it is not given.
    #[serde(default)]
    pub(in crate::scenario) connections: EndsOf,
}

/// Which connections: a number, counted from 1 in the order of the dials, `old` or `all`.
#[derive(Debug)]
pub(in crate::scenario) enum RawWhich {
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

//! The shape of an expectation.

use schemars::JsonSchema;
use serde::Deserialize;
use squall_protocol::Millis;

use super::Name;
use crate::scenario::model::Outcome;
use crate::scenario::range::{Count, Length, Within};
use crate::scenario::yaml::At;
use crate::words::{Alert, Cause, Denial, State};

/// Something that must come of the run. Where it does not, that is a finding.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(rename = "Expectation")]
pub(in crate::scenario) enum RawExpected {
    /// So many dials.
    Dials(RawCounted),
    /// So many admitted start-sessions.
    Attempts(RawCounted),
    /// So many denied start-sessions.
    Denied(RawDenied),
    /// Where the session says that it stands at an instant.
    Status(RawStatus),
    /// How often the session says that it now stands there.
    States(RawStates),
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
pub(in crate::scenario) struct RawCounted {
    /// Of whom. Of all organizations together if it is not given.
    pub(in crate::scenario) org: Option<At<Name>>,
    /// How many.
    pub(in crate::scenario) count: Count,
    /// In which part of the run. In all of it if it is not given.
    pub(in crate::scenario) within: Option<At<Within>>,
}

/// How many denied start-sessions.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DeniedCount")]
pub(in crate::scenario) struct RawDenied {
    /// Of whom. Of all organizations together if it is not given.
    pub(in crate::scenario) org: Option<At<Name>>,
    /// For this reason: the rule that frees last. For any if it is not given.
    pub(in crate::scenario) cause: Option<Denial>,
    /// How many.
    pub(in crate::scenario) count: Count,
    /// In which part of the run. In all of it if it is not given.
    pub(in crate::scenario) within: Option<At<Within>>,
}

/// Where the session says that it stands at an instant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Status")]
pub(in crate::scenario) struct RawStatus {
    /// Whose.
    pub(in crate::scenario) org: At<Name>,
    /// Where.
    pub(in crate::scenario) is: State,
    /// When: so long after the run began, once all that happens in that millisecond has happened.
    pub(in crate::scenario) at: At<Millis>,
}

/// How often the session says that it now stands there. A count of 0 says that it never did, not even in passing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "States")]
pub(in crate::scenario) struct RawStates {
    /// Whose.
    pub(in crate::scenario) org: At<Name>,
    /// Where.
    pub(in crate::scenario) is: State,
    /// How often.
    pub(in crate::scenario) count: Count,
    /// In which part of the run. In all of it if it is not given.
    pub(in crate::scenario) within: Option<At<Within>>,
}

/// Why the nth disconnect came.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NthCause")]
pub(in crate::scenario) struct RawCause {
    /// Whose.
    pub(in crate::scenario) org: At<Name>,
    /// Which, from 1. The first if it is not given.
    pub(in crate::scenario) nth: Option<At<u32>>,
    /// Why.
    pub(in crate::scenario) is: Cause,
}

/// Connected for so long without a break.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ConnectedFor")]
pub(in crate::scenario) struct RawConnectedFor {
    /// Whose.
    pub(in crate::scenario) org: At<Name>,
    /// How long, without a break.
    pub(in crate::scenario) at_least: At<Millis>,
    /// In which part of the run. In all of it if it is not given.
    pub(in crate::scenario) within: Option<At<Within>>,
}

/// From the first time that a step's fault touches a connection to the next disconnect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "DetectedWithin")]
pub(in crate::scenario) struct RawDetectedWithin {
    /// Whose.
    pub(in crate::scenario) org: At<Name>,
    /// The `id` of the step with the `inject` or `fault`.
    pub(in crate::scenario) step: At<String>,
    /// How long.
    pub(in crate::scenario) is: Length,
}

/// How many alerts in the whole run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "AlertCount")]
pub(in crate::scenario) struct RawAlert {
    /// About whom; about anybody and the whole process if it is not given.
    pub(in crate::scenario) org: Option<At<Name>>,
    /// Of which kind.
    pub(in crate::scenario) kind: Alert,
    /// How many.
    pub(in crate::scenario) count: Count,
}

/// How the client's process ends the run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OutcomeIs")]
pub(in crate::scenario) struct RawOutcome {
    /// How.
    pub(in crate::scenario) is: Outcome,
}

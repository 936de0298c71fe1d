//! The shape of a scenario file, as the parser reads it and as editors see it. What it means is checked afterwards.

mod expect;
mod rules;
mod step;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use squall_protocol::Millis;

use super::range::Between;
use super::yaml::At;
use crate::words::{Incident, OracleName};

pub(super) use expect::{RawConnectedFor, RawDetectedWithin, RawExpected, RawStatus};
pub(super) use rules::{
    BlockScope, PairingRestart, RawGuard, RawPer, RawPhone, RawPolicy, RawScansAfter,
    RawServerPings,
};
pub(super) use step::{RawEvent, RawStep, RawStore, RawSupervisor, RawWhich};

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
    /// Which incident of docs/incidents.md it plays, or a part of it.
    pub(super) incident: Option<Incident>,
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
    pub(super) organizations: At<RawOrganizations>,
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
    /// What the mock server asks of its own accord.
    #[serde(default)]
    pub(super) server_pings: RawServerPings,
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

/// The organizations, by name.
//
// A list inside, not a map: `1` and `"1"` are two keys to the parser and one name to us, and neither may get lost.
#[derive(Debug, JsonSchema)]
#[schemars(transparent, rename = "Organizations")]
pub(super) struct RawOrganizations(
    #[schemars(with = "BTreeMap<String, RawOrganization>")]
    pub(super)  Vec<(At<Name>, RawOrganization)>,
);

impl<'de> Deserialize<'de> for RawOrganizations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = RawOrganizations;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of organizations")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<RawOrganizations, A::Error> {
                let mut organizations = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    organizations.push(entry);
                }
                Ok(RawOrganizations(organizations))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

/// An organization when the run begins.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Organization")]
pub(super) struct RawOrganization {
    /// Whether its device is paired already. If not, it is paired by QR code.
    #[serde(default = "yes")]
    pub(super) paired: bool,
    /// So many of the same kind, at most 10000, called `NAME-1`, `NAME-2` and so on. A step that starts or stops `NAME`,
    /// or scans for it, does so with each of them, in this order.
    pub(super) count: Option<At<u32>>,
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

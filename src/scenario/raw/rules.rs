//! The shape of `policy`, `phone` and `guard`: the rules on both sides.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use squall_protocol::Millis;

use crate::scenario::model::GuardAnswer;
use crate::scenario::range::Between;
use crate::scenario::yaml::At;

/// The rules of session and limiter. What is left out keeps its default.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Policy")]
pub(in crate::scenario) struct RawPolicy {
    /// The IQ ping and what follows from its answers.
    #[serde(default)]
    pub(in crate::scenario) keep_alive: RawKeepAlive,
    /// The WebSocket Ping.
    #[serde(default)]
    pub(in crate::scenario) active_ping: RawActivePing,
    /// From the dial to the upgrade. 20s if it is not given.
    pub(in crate::scenario) connect_timeout: Option<At<Millis>>,
    /// From the upgrade to the Noise transport. 20s if it is not given.
    pub(in crate::scenario) handshake_timeout: Option<At<Millis>>,
    /// From the Noise transport to the login or the first QR code. 1m if it is not given.
    pub(in crate::scenario) login_timeout: Option<At<Millis>>,
    /// From pair-success to the 515 that follows it. 1m if it is not given.
    pub(in crate::scenario) pairing_timeout: Option<At<Millis>>,
    /// Who dials again after the 515 that ends a pairing. `handoff` if it is not given.
    pub(in crate::scenario) pairing_restart: Option<PairingRestart>,
    /// The rules that stand before every dial.
    #[serde(default)]
    pub(in crate::scenario) limiter: RawLimiter,
}

/// The IQ ping and what follows from its answers.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "KeepAlive")]
pub(in crate::scenario) struct RawKeepAlive {
    /// From one IQ ping to the next. 25s if it is not given.
    pub(in crate::scenario) interval: Option<At<Millis>>,
    /// A ping unanswered for so long makes the session `degraded`. 10s if it is not given.
    pub(in crate::scenario) late_after: Option<At<Millis>>,
    /// Nothing received for so long since the first unanswered ping: the connection is lost. 1m if it is not given.
    pub(in crate::scenario) dead_after: Option<At<Millis>>,
    /// No IQ ping answered for so long, whatever else arrives: the connection is lost. 5m if it is not given.
    pub(in crate::scenario) zombie_after: Option<At<Millis>>,
}

/// The WebSocket Ping.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ActivePing")]
pub(in crate::scenario) struct RawActivePing {
    /// From one WebSocket Ping to the next while connected. 2m if it is not given.
    pub(in crate::scenario) interval: Option<At<Millis>>,
}

/// Who dials again after the 515 that ends a pairing.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum PairingRestart {
    /// The session, once, at once.
    Handoff,
    /// The operator.
    Manual,
}

/// The rules that stand before every dial.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limiter")]
pub(in crate::scenario) struct RawLimiter {
    /// Attempts of all organizations together. 3 per 1h if it is not given.
    #[serde(default)]
    pub(in crate::scenario) global: RawQuota,
    /// Attempts of each organization. 2 per 24h if it is not given.
    #[serde(default)]
    pub(in crate::scenario) per_org: RawQuotaOfOne,
    /// How long an organization waits after its last failure. 2h if it is not given.
    pub(in crate::scenario) cooldown: Option<Millis>,
    /// How long a block lasts. 24h if it is not given.
    pub(in crate::scenario) block: Option<Millis>,
    /// Whom a block keeps out. `org` if it is not given.
    pub(in crate::scenario) block_scope: Option<BlockScope>,
    /// Between admission and dial. 30s if it is not given.
    pub(in crate::scenario) delay: Option<Millis>,
}

/// So many in a rolling window.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Quota")]
pub(in crate::scenario) struct RawQuota {
    /// How many.
    pub(in crate::scenario) max: Option<At<u32>>,
    /// The rolling window.
    pub(in crate::scenario) per: Option<At<Millis>>,
}

/// So many in a rolling window, or in a civil day.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "QuotaOfOne")]
pub(in crate::scenario) struct RawQuotaOfOne {
    /// How many.
    pub(in crate::scenario) max: Option<At<u32>>,
    /// The rolling window, or the civil day of a time zone: `{ calendar: America/New_York }`.
    pub(in crate::scenario) per: Option<At<RawPer>>,
}

/// The window of an organization's quota.
#[derive(Debug)]
pub(in crate::scenario) enum RawPer {
    Rolling(Millis),
    Calendar(At<String>),
}

impl<'de> Deserialize<'de> for RawPer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = RawPer;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a length of time such as 24h, or { calendar: ZONE }")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RawPer, E> {
                text.parse().map(RawPer::Rolling).map_err(E::custom)
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<RawPer, A::Error> {
                let mut zone = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key != "calendar" {
                        return Err(serde::de::Error::unknown_field(&key, &["calendar"]));
                    }
                    zone = Some(map.next_value()?);
                }
                zone.map(RawPer::Calendar)
                    .ok_or_else(|| serde::de::Error::missing_field("calendar"))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for RawPer {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Per".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let length = generator.subschema_for::<Millis>();
        let mut zone = generator.subschema_for::<squall_protocol::Zone>();
        zone.insert(
            "description".to_owned(),
            "The civil day of this time zone.".into(),
        );
        schemars::json_schema!({
            "description": "A rolling window, or the civil day of a time zone.",
            "oneOf": [
                length,
                {
                    "type": "object",
                    "properties": { "calendar": zone },
                    "required": ["calendar"],
                    "additionalProperties": false,
                },
            ],
        })
    }
}

/// Whom a block keeps out.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum BlockScope {
    /// The organization that was rate limited.
    Org,
    /// Every organization. Those connected stay so.
    All,
}

/// The simulated phone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Phone")]
pub(in crate::scenario) struct RawPhone {
    /// How long after a QR code was shown the phone scans it, or `never`. 5s if it is not given.
    pub(in crate::scenario) scans_after: Option<RawScansAfter>,
}

/// A length of time, a range of them, or `never`.
#[derive(Debug, JsonSchema)]
#[schemars(with = "String", rename = "ScansAfter", extend("examples" = ["5s", "1s..10s", "never"]))]
pub(in crate::scenario) enum RawScansAfter {
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
pub(in crate::scenario) struct RawGuard {
    /// Whether it is meant to punish. If not, each penalty is a finding.
    #[serde(default)]
    pub(in crate::scenario) expected: bool,
    /// More dials than this within `per` are punished. 3 if it is not given.
    pub(in crate::scenario) max: Option<At<u32>>,
    /// The rolling window. 58m if it is not given: a lawful client can look a little faster from the server's side.
    pub(in crate::scenario) per: Option<At<Millis>>,
    /// How long a penalty lasts; each dial inside it begins it anew. 24h if it is not given.
    pub(in crate::scenario) penalty: Option<At<Millis>>,
    /// How it answers. `stream_515` if it is not given.
    #[serde(default)]
    pub(in crate::scenario) answer: GuardAnswer,
    /// Whether it counts the dials of all accounts together, as by their address.
    #[serde(default)]
    pub(in crate::scenario) in_all: bool,
}

/// What the mock server asks of its own accord, while a client is logged in. The service is not known to ping on a beat;
/// clients have to answer all the same.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ServerPings")]
pub(in crate::scenario) struct RawServerPings {
    /// How often it sends `<iq xmlns="urn:xmpp:ping">`. Never if it is not given.
    pub(in crate::scenario) iq: Option<At<Millis>>,
    /// How often it sends a WebSocket Ping. Never if it is not given.
    pub(in crate::scenario) websocket: Option<At<Millis>>,
}

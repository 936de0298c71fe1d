//! The phone's habits.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use squall_protocol::Millis;

/// What the simulated phones do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Phone {
    /// How long after a QR code is shown first it is scanned; the one shown then is.
    pub scans_after: ScansAfter,
}

/// How long a phone takes to scan: a length of time, or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScansAfter {
    /// So long after the first code is shown.
    Time(Millis),
    /// It does not.
    Never,
}

impl Default for ScansAfter {
    /// 5 s: time to unlock a phone and hold it to a screen.
    fn default() -> Self {
        Self::Time(Millis::from_secs(5))
    }
}

impl Serialize for ScansAfter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Time(time) => time.serialize(serializer),
            Self::Never => serializer.serialize_str("never"),
        }
    }
}

impl<'de> Deserialize<'de> for ScansAfter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "never" => Ok(Self::Never),
            time => time.parse().map(Self::Time).map_err(de::Error::custom),
        }
    }
}

impl JsonSchema for ScansAfter {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ScansAfter".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time, or never.",
            "examples": ["5s", "never"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_scans_after_a_time_or_never() {
        for (written, meant) in [
            (r#"{}"#, ScansAfter::Time(Millis::from_secs(5))),
            (
                r#"{"scans_after":"2m"}"#,
                ScansAfter::Time(Millis::from_mins(2)),
            ),
            (r#"{"scans_after":"never"}"#, ScansAfter::Never),
        ] {
            let phone: Phone = serde_json::from_str(written).unwrap();
            assert_eq!(phone.scans_after, meant);
        }
        assert!(serde_json::from_str::<Phone>(r#"{"scans_after":"soon"}"#).is_err());
    }
}

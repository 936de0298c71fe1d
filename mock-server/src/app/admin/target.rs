//! Whom a fault concerns, as JSON says it.

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::fault;

/// Whom a fault concerns; everybody where it says nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Target {
    /// The account, which a scenario calls `org`; every one where there is none.
    #[serde(default, alias = "org", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    account: Option<CompactString>,
    /// Which of its connections, or of all where there is no account.
    #[serde(default)]
    connection: Which,
}

/// Which connections.
#[derive(Clone, Copy, Debug, Default)]
struct Which(fault::Which);

impl From<Target> for fault::Target {
    fn from(target: Target) -> Self {
        Self {
            account: target.account,
            connection: target.connection.0,
        }
    }
}

impl From<fault::Target> for Target {
    fn from(target: fault::Target) -> Self {
        Self {
            account: target.account,
            connection: Which(target.connection),
        }
    }
}

impl Serialize for Which {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            fault::Which::All => serializer.serialize_str("all"),
            fault::Which::Old => serializer.serialize_str("old"),
            fault::Which::Nth(nth) => serializer.serialize_u32(nth),
        }
    }
}

impl<'de> Deserialize<'de> for Which {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrNumber;
        impl de::Visitor<'_> for WordOrNumber {
            type Value = Which;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\", \"old\" or a number from 1")
            }
            fn visit_str<E: de::Error>(self, word: &str) -> Result<Which, E> {
                match word {
                    "all" => Ok(Which(fault::Which::All)),
                    "old" => Ok(Which(fault::Which::Old)),
                    word => Err(E::unknown_variant(word, &["all", "old"])),
                }
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Which, E> {
                match u32::try_from(number) {
                    Ok(nth @ 1..) => Ok(Which(fault::Which::Nth(nth))),
                    _ => Err(E::invalid_value(de::Unexpected::Unsigned(number), &self)),
                }
            }
        }
        deserializer.deserialize_any(WordOrNumber)
    }
}

impl PartialSchema for Which {
    fn schema() -> RefOr<Schema> {
        let types = SchemaType::from_iter([Type::String, Type::Integer]);
        ObjectBuilder::new()
            .schema_type(types)
            .description(Some(
                "`all`; `old`, every one without the newest; or the so-manieth since the server began, from 1.",
            ))
            .examples(["all".into(), "old".into(), serde_json::json!(2)])
            .build()
            .into()
    }
}

impl ToSchema for Which {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_written_as_it_is_read() {
        for written in [
            r#"{"connection":"all"}"#,
            r#"{"account":"2","connection":"old"}"#,
            r#"{"account":"2","connection":3}"#,
        ] {
            let target: Target = serde_json::from_str(written).unwrap();
            assert_eq!(serde_json::to_string(&target).unwrap(), written);
        }
        let org: Target = serde_json::from_str(r#"{"org":"2"}"#).unwrap();
        assert_eq!(org.account.as_deref(), Some("2"));
    }

    #[test]
    fn no_connection_is_the_noughtieth() {
        for written in [
            r#"{"connection":0}"#,
            r#"{"connection":"new"}"#,
            r#"{"connection":-1}"#,
            r#"{"who":"2"}"#,
        ] {
            assert!(
                serde_json::from_str::<Target>(written).is_err(),
                "{written}"
            );
        }
    }
}

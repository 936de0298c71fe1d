//! Time zones of the IANA database, from a copy that is built in: a civil day is the same on every machine.

use std::fmt;
use std::str::FromStr;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time zone of the IANA database, written and read as its name: `America/New_York`.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// There is no time zone of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone {0:?}; write a name of the IANA database, like America/New_York")]
pub struct UnknownZone(pub String);

impl Zone {
    /// Its rules.
    pub fn rules(&self) -> &TimeZone {
        &self.0
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// Every name there is.
    pub fn names() -> Vec<String> {
        let names = TimeZoneDatabase::bundled();
        names.available().map(|name| name.to_string()).collect()
    }
}

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(name: &str) -> Result<Self, UnknownZone> {
        TimeZoneDatabase::bundled()
            .get(name)
            .map(Self)
            .map_err(|_| UnknownZone(name.to_owned()))
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Zone").field(&self.name()).finish()
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zone".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A time zone of the IANA database.",
            "examples": ["America/New_York", "Europe/Berlin"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_name_and_nothing_else_is_one() {
        let zone: Zone = "America/New_York".parse().unwrap();
        assert_eq!(zone.to_string(), "America/New_York");
        assert_eq!(
            "Mars/Olympus".parse::<Zone>(),
            Err(UnknownZone("Mars/Olympus".to_owned()))
        );
        let names = Zone::names();
        assert!(names.iter().any(|name| name == "Europe/Berlin"));
    }

    #[test]
    fn the_days_of_the_change_are_23_and_25_hours_long() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        for (date, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-10-26", 24)] {
            let date: jiff::civil::Date = date.parse().unwrap();
            let begins =
                |date: jiff::civil::Date| date.to_zoned_datetime(zone.rules().clone()).unwrap();
            let long = begins(date).duration_until(&begins(date.tomorrow().unwrap()));
            assert_eq!(long.as_hours(), hours, "{date}");
        }
    }
}

//! Time as the machines take it: an argument, in whole milliseconds.
//!
//! [`Millis`] is a length of time, [`Instant`] a point on a process's monotonic clock, [`Now`] that point together with
//! the wall clock. Nothing here asks the world what time it is.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;
use std::time::Duration;

use jiff::{SpanRelativeTo, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time in whole milliseconds. Written and read as people write it: `25s`, `1h 30m`, `2d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(u64);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// Longer than any run.
    pub const MAX: Self = Self(u64::MAX);

    /// So many milliseconds.
    pub const fn new(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// So many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1_000)
    }

    /// So many minutes.
    pub const fn from_mins(minutes: u64) -> Self {
        Self::from_secs(minutes * 60)
    }

    /// So many hours.
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_mins(hours * 60)
    }

    /// So many days of 24 hours.
    pub const fn from_days(days: u64) -> Self {
        Self::from_hours(days * 24)
    }

    /// The number of milliseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The same length for `std` and tokio.
    pub const fn to_duration(self) -> Duration {
        Duration::from_millis(self.0)
    }

    /// `self - other`, or zero where `other` is longer.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self + other`, or [`Millis::MAX`] where the sum has no room.
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl From<Duration> for Millis {
    /// Rounds down to the millisecond.
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }
}

impl Add for Millis {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl fmt::Display for Millis {
    /// The way people say it, largest unit first, nothing that is zero: `25s`, `1h 30m`, `2d 40ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1_000, "s"),
            (1, "ms"),
        ];
        let mut rest = self.0;
        if rest == 0 {
            return f.pad("0s");
        }
        let mut words = String::new();
        for (size, name) in UNITS {
            if rest >= size {
                if !words.is_empty() {
                    words.push(' ');
                }
                words.push_str(&format!("{}{name}", rest / size));
                rest %= size;
            }
        }
        f.pad(&words)
    }
}

/// Why a text is no length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMillis {
    /// Not a duration at all.
    #[error("{0:?} is no length of time; write it like 25s, 1h 30m or 2d")]
    Unreadable(String),
    /// A duration below zero.
    #[error("{0:?} is below zero; a length of time is not")]
    Negative(String),
    /// Finer than the clock of every engine.
    #[error("{0:?} is finer than a millisecond, which is the smallest step of the clock")]
    TooFine(String),
}

impl FromStr for Millis {
    type Err = InvalidMillis;

    fn from_str(text: &str) -> Result<Self, InvalidMillis> {
        let unreadable = || InvalidMillis::Unreadable(text.to_owned());
        let span: jiff::Span = text.parse().map_err(|_| unreadable())?;
        let duration = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| unreadable())?;
        if duration.is_negative() {
            return Err(InvalidMillis::Negative(text.to_owned()));
        }
        if duration.subsec_nanos() % 1_000_000 != 0 {
            return Err(InvalidMillis::TooFine(text.to_owned()));
        }
        u64::try_from(duration.as_millis())
            .map(Self)
            .map_err(|_| unreadable())
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Millis {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A length of time in whole milliseconds: 25s, 1h 30m, 2d, 40ms.",
            "examples": ["25s", "1h 30m", "2d", "40ms"],
        })
    }
}

/// A point on a monotonic clock: milliseconds since that clock began.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Instant(u64);

impl Instant {
    /// Where the clock begins.
    pub const START: Self = Self(0);
    /// Later than anything that happens.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point so many milliseconds after the clock began.
    pub const fn at(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Time since the clock began.
    pub const fn since_start(self) -> Millis {
        Millis(self.0)
    }

    /// Time since `earlier`, or zero where that is later than `self`.
    pub const fn since(self, earlier: Self) -> Millis {
        Millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Millis> for Instant {
    type Output = Self;
    fn add(self, length: Millis) -> Self {
        Self(self.0.saturating_add(length.0))
    }
}

impl AddAssign<Millis> for Instant {
    fn add_assign(&mut self, length: Millis) {
        *self = *self + length;
    }
}

impl Sub for Instant {
    type Output = Millis;
    fn sub(self, earlier: Self) -> Millis {
        self.since(earlier)
    }
}

impl Sub<Millis> for Instant {
    type Output = Self;
    fn sub(self, length: Millis) -> Self {
        Self(self.0.saturating_sub(length.0))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.since_start().fmt(f)
    }
}

/// What a process knows of time: its monotonic clock, which a suspend stops, and the wall clock, which anybody may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock, for every length of time.
    pub mono: Instant,
    /// The wall clock, for what is told to people and for what a protocol stamps.
    pub wall: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_displayed_reads_back(ms in 0u64..=400 * 86_400_000) {
            let millis = Millis::new(ms);
            prop_assert_eq!(millis.to_string().parse::<Millis>(), Ok(millis));
        }
    }

    #[test]
    fn lengths_read_as_people_write_them() {
        for (text, ms) in [
            ("25s", 25_000),
            ("1h 30m", 5_400_000),
            ("2d", 172_800_000),
            ("40ms", 40),
            ("0s", 0),
        ] {
            assert_eq!(text.parse::<Millis>(), Ok(Millis::new(ms)), "{text}");
        }
    }

    #[test]
    fn a_bad_length_says_what_is_wrong() {
        assert!(matches!(
            "-5s".parse::<Millis>(),
            Err(InvalidMillis::Negative(_))
        ));
        assert!(matches!(
            "1us".parse::<Millis>(),
            Err(InvalidMillis::TooFine(_))
        ));
        assert!(matches!(
            "25".parse::<Millis>(),
            Err(InvalidMillis::Unreadable(_))
        ));
        assert!(matches!(
            "soon".parse::<Millis>(),
            Err(InvalidMillis::Unreadable(_))
        ));
    }
}

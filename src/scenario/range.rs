//! Ranges as scenarios write them: `40ms..90ms`, `23..`, `..85s`. Both ends belong to them.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use squall_protocol::{Instant, Millis};

/// A length of time, or two between which the seed draws one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The shortest.
    pub min: Millis,
    /// The longest, itself included.
    pub max: Millis,
}

impl Between {
    /// This length, and no draw.
    pub const fn exactly(length: Millis) -> Self {
        Self {
            min: length,
            max: length,
        }
    }
}

/// A way that a clock is set: ahead, or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// Whether it goes back.
    pub back: bool,
    /// By how much.
    pub length: Between,
}

/// How many: at least `min` and, where there is a `max`, at most that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// The fewest.
    pub min: u64,
    /// The most, itself included.
    pub max: Option<u64>,
}

impl Count {
    /// Whether `n` is meant.
    pub fn contains(self, n: u64) -> bool {
        self.min <= n && self.max.is_none_or(|max| n <= max)
    }
}

/// How long: at least `min` and, where there is a `max`, at most that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Length {
    /// The shortest.
    pub min: Millis,
    /// The longest, itself included.
    pub max: Option<Millis>,
}

impl Length {
    /// Whether `length` is meant.
    pub fn contains(self, length: Millis) -> bool {
        self.min <= length && self.max.is_none_or(|max| length <= max)
    }
}

/// A part of the run, as it is written: an open end means the run's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Within {
    /// Where it begins.
    pub from: Option<Millis>,
    /// Where it ends.
    pub to: Option<Millis>,
}

/// A part of the run. Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Where it begins.
    pub from: Instant,
    /// Where it ends.
    pub to: Instant,
}

impl Window {
    /// Whether `at` lies in it.
    pub fn contains(self, at: Instant) -> bool {
        self.from <= at && at <= self.to
    }
}

impl fmt::Display for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            self.min.fmt(f)
        } else {
            write!(f, "{}..{}", self.min, self.max)
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (0, Some(0)) => f.write_str("none"),
            (min, Some(max)) if min == max => write!(f, "exactly {min}"),
            (0, Some(max)) => write!(f, "at most {max}"),
            (min, Some(max)) => write!(f, "{min} to {max}"),
            (min, None) => write!(f, "at least {min}"),
        }
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.min, self.max) {
            (min, Some(max)) if min == max => write!(f, "exactly {min}"),
            (Millis::ZERO, Some(max)) => write!(f, "at most {max}"),
            (min, Some(max)) => write!(f, "{min} to {max}"),
            (min, None) => write!(f, "at least {min}"),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.to)
    }
}

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRange {
    /// An end is no length of time.
    #[error(transparent)]
    Length(#[from] squall_protocol::time::InvalidMillis),
    /// An end is no number.
    #[error("{0:?} is no count; write it like 3, 2..4, 23.. or ..5")]
    Count(String),
    /// It ends before it begins.
    #[error("the range {0:?} ends before it begins")]
    Backwards(String),
    /// It has no end at all.
    #[error("{0:?} has no end on either side; leave the key out instead")]
    Endless(String),
    /// One point where a part of the run is needed.
    #[error(
        "{0:?} is one point; a part of the run has two ends, as in 6h..30h, or an open one, as in 6h.."
    )]
    NoWindow(String),
    /// An end is missing where both are needed.
    #[error("{0:?} has one end; a value is drawn between two, as in 40ms..90ms")]
    OneEnd(String),
}

/// The two ends of a text: for a single value both are that value.
fn ends<T: FromStr + PartialOrd + Copy>(
    text: &str,
    bad: impl Fn(T::Err, &str) -> InvalidRange,
) -> Result<(Option<T>, Option<T>), InvalidRange> {
    let end = |part: &str| -> Result<Option<T>, InvalidRange> {
        let part = part.trim();
        if part.is_empty() {
            return Ok(None);
        }
        part.parse().map(Some).map_err(|error| bad(error, part))
    };
    let Some((from, to)) = text.split_once("..") else {
        let value: T = text.trim().parse().map_err(|error| bad(error, text))?;
        return Ok((Some(value), Some(value)));
    };
    let (from, to) = (end(from)?, end(to)?);
    match (from, to) {
        (None, None) => Err(InvalidRange::Endless(text.to_owned())),
        (Some(from), Some(to)) if to < from => Err(InvalidRange::Backwards(text.to_owned())),
        ends => Ok(ends),
    }
}

fn lengths(text: &str) -> Result<(Option<Millis>, Option<Millis>), InvalidRange> {
    ends(text, |error, _| InvalidRange::Length(error))
}

impl FromStr for Between {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        match lengths(text)? {
            (Some(min), Some(max)) => Ok(Self { min, max }),
            _ => Err(InvalidRange::OneEnd(text.to_owned())),
        }
    }
}

impl FromStr for Shift {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let text = text.trim();
        let back = text.strip_prefix('-');
        Ok(Self {
            back: back.is_some(),
            length: back.unwrap_or(text).parse()?,
        })
    }
}

impl FromStr for Count {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (min, max) = ends::<u64>(text, |_, part| InvalidRange::Count(part.to_owned()))?;
        Ok(Self {
            min: min.unwrap_or(0),
            max,
        })
    }
}

impl FromStr for Length {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        let (min, max) = lengths(text)?;
        Ok(Self {
            min: min.unwrap_or(Millis::ZERO),
            max,
        })
    }
}

impl FromStr for Within {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        if !text.contains("..") {
            return Err(InvalidRange::NoWindow(text.to_owned()));
        }
        let (from, to) = lengths(text)?;
        Ok(Self { from, to })
    }
}

/// Reads from a scalar by `FromStr`, and describes itself to editors.
macro_rules! from_text {
    ($name:ident, $title:literal, $types:tt, $description:literal, $examples:tt) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $title.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": $types, "description": $description, "examples": $examples })
            }
        }
    };
}

from_text!(
    Between,
    "DurationOrRange",
    "string",
    "A length of time, or two between which the seed draws one, both ends included: 40ms, 40ms..90ms.",
    ["6h", "40ms..90ms"]
);
from_text!(
    Shift,
    "Shift",
    "string",
    "How far ahead, or with a minus how far back; of a range the seed draws one: 1h, -1h, -10m..1h.",
    ["1h", "-1h", "-10m..1h"]
);
from_text!(
    Count,
    "Count",
    ["string", "integer"],
    "How many, both ends included: 0, 2..4, 23.., ..5.",
    [0, "2..4", "23..", "..5"]
);
from_text!(
    Length,
    "Length",
    "string",
    "How long, both ends included: ..85s, 10s..1m, 30s...",
    ["..85s", "10s..1m"]
);
from_text!(
    Within,
    "Window",
    "string",
    "A part of the run, both ends included; an open end is the run's own: 6h..30h, 6h.., ..30h.",
    ["6h..30h", "6h..", "..30h"]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_a_range() {
        let count: Count = "2..4".parse().unwrap();
        assert_eq!(
            [1, 2, 4, 5].map(|n| count.contains(n)),
            [false, true, true, false]
        );
        let length: Length = "..85s".parse().unwrap();
        assert!(length.contains(Millis::from_secs(85)));
        assert!(!length.contains(Millis::new(85_001)));
    }

    #[test]
    fn an_open_end_is_as_open_as_it_looks() {
        let many: Count = "23..".parse().unwrap();
        assert!(many.contains(u64::MAX) && !many.contains(22));
        let few: Count = "..5".parse().unwrap();
        assert!(few.contains(0) && !few.contains(6));
    }

    #[test]
    fn a_shift_goes_ahead_or_back_as_a_whole() {
        let shift = |text: &str| {
            text.parse::<Shift>()
                .map(|it| (it.back, it.length.to_string()))
        };
        assert_eq!(shift("1h"), Ok((false, "1h".to_owned())));
        assert_eq!(shift("-10m..1h"), Ok((true, "10m..1h".to_owned())));
        assert!(shift("--1h").is_err() && shift("-10m..-1h").is_err());
    }

    #[test]
    fn a_bad_range_says_what_is_wrong() {
        let text = |error: Result<Between, InvalidRange>| error.unwrap_err().to_string();
        assert_eq!(
            text("90ms..40ms".parse()),
            "the range \"90ms..40ms\" ends before it begins"
        );
        assert!(text("40ms..".parse()).contains("has one end"));
        assert!(text("..".parse()).contains("has no end"));
        assert!(text("4x..5s".parse()).contains("\"4x\" is no length of time"));
        assert!(
            "many"
                .parse::<Count>()
                .unwrap_err()
                .to_string()
                .contains("is no count")
        );
    }
}

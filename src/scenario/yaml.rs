//! The one module that knows the YAML parser: values with their places, and its errors in our words.

use std::cmp::Ordering;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_yaml::{
    DuplicateKeyPolicy, Error, Location, MergeKeyPolicy, MessageFormatter, Options, Spanned,
    UserMessageFormatter,
};
use squall_mock_server::fault::nearest;

use super::problem::Problem;

/// A place in a text: line and column from 1, the column in characters, and the bytes that it covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The bytes of the text that are meant, on that line.
    pub bytes: Range<usize>,
}

impl Place {
    /// The place of these bytes in `text`.
    pub(super) fn of_bytes(text: &str, bytes: Range<usize>) -> Self {
        let before = &text[..bytes.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: text[line_start..bytes.start].chars().count() + 1,
            bytes,
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct At<T> {
    pub(super) value: T,
    /// Line and column, from 1.
    pub(super) at: (usize, usize),
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for At<T> {}

impl<T: PartialOrd> PartialOrd for At<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for At<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.value.cmp(&other.value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value,
            at: line_and_column(spanned.referenced),
        })
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Reads one document.
pub(super) fn parse<T: DeserializeOwned>(
    text: &str,
) -> Result<T, (Option<(usize, usize)>, Problem)> {
    serde_yaml::from_str_with_options(text, options()).map_err(|error| {
        let error = error.without_snippet();
        (error.location().map(line_and_column), problem(error))
    })
}

/// What a scenario never needs more of. A file that does is a bomb, or a mistake.
fn options() -> Options {
    serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_events: 100_000,
            max_nodes: 50_000,
            max_depth: 24,
            // One more than there may be: what follows is then told as a second scenario, not as a bomb.
            max_documents: 2,
            max_anchors: 100,
            max_aliases: 500,
            max_recorded_anchor_events: 10_000,
            max_recorded_anchor_bytes: 256 * 1024,
            max_total_scalar_bytes: 1024 * 1024,
            max_merge_keys: 500,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: 20_000,
            max_replay_stack_depth: 16,
            max_alias_expansions_per_anchor: 500,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        merge_keys: MergeKeyPolicy::Merge,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    }
}

fn line_and_column(location: Location) -> (usize, usize) {
    let whole = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    (whole(location.line()), whole(location.column()))
}

fn problem(error: &Error) -> Problem {
    match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => Problem::UnknownKey {
            key: field.clone(),
            nearest: nearest(field, expected.iter().copied()),
            known: expected.iter().map(ToString::to_string).collect(),
        },
        Error::SerdeUnknownVariant {
            variant, expected, ..
        } => Problem::UnknownWord {
            what: what_is_one_of(expected),
            word: variant.clone(),
            nearest: nearest(variant, expected.iter().copied()),
            known: expected.iter().map(ToString::to_string).collect(),
        },
        Error::SerdeMissingField { field, .. } => Problem::MissingKey { key: field },
        Error::DuplicateMappingKey { key, .. } => Problem::DuplicateKey {
            key: key.clone().unwrap_or_default(),
        },
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => Problem::TooMuch,
        Error::MultipleDocuments { .. } => Problem::TwoDocuments,
        Error::AliasError { error, .. } => problem(error.without_snippet()),
        Error::Message { msg, .. } if msg.contains("expected a nonzero") => {
            Problem::Value("a whole number above zero is wanted here".to_owned())
        }
        Error::Message { msg, .. } => Problem::Value(msg.clone()),
        Error::Unexpected { expected, .. } => Problem::Value(match *expected {
            "mapping start" => {
                "a map of keys is wanted here, like { key: value }, or {}".to_owned()
            }
            "sequence start" => "a list is wanted here, like [ one, another ]".to_owned(),
            "string scalar" => "a text is wanted here".to_owned(),
            "string key for externally tagged enum" => {
                "one name is wanted here, with its value, like { name: value }".to_owned()
            }
            other => format!("expected {other} here"),
        }),
        Error::InvalidScalar { ty, .. } => Problem::Value(match *ty {
            "u8" | "u16" | "u32" | "u64" => {
                "a whole number, not below zero, is wanted here".to_owned()
            }
            other => format!("this is no {other}"),
        }),
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            Problem::Value("a second name where there is room for one".to_owned())
        }
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => Problem::Value(
            "one word is wanted here, or one name with its value, like { name: value }".to_owned(),
        ),
        Error::UnknownAnchor { .. } => {
            Problem::Value("this alias has no anchor above it".to_owned())
        }
        Error::InvalidBooleanStrict { .. } => {
            Problem::Value("true or false is wanted here".to_owned())
        }
        other => Problem::Yaml(UserMessageFormatter.format_message(other).into_owned()),
    }
}

/// What the words of a closed list are called: known by a word that only that list has.
fn what_is_one_of(expected: &[&str]) -> &'static str {
    const LISTS: [(&str, &str); 13] = [
        ("withhold_pong", "fault"),
        ("detected_within", "expectation"),
        ("pair_success", "event"),
        ("awaiting_qr_scan", "state"),
        ("connection_closed", "cause"),
        ("store_unavailable", "denial"),
        ("two_disconnects_in_a_day", "alert"),
        ("limiter_shadow", "oracle"),
        ("refused_to_start", "outcome"),
        ("torn", "store"),
        ("old", "connection"),
        ("stream_515", "answer"),
        ("pair-515-handoff", "incident"),
    ];
    LISTS
        .iter()
        .find(|(word, _)| expected.contains(word))
        .map_or("word", |(_, what)| what)
}

//! The values of faults' parameters, parsed at the edge.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};
use squall_protocol::Millis;

use super::Outgoing;

/// Why a parameter is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidValue {
    /// RFC 6455, 7.4.1: 1005, 1006 and 1015 are never sent; 7.4.2: the others are nobody's or not yet anybody's, and every
    /// receiver calls them a violation.
    #[error(
        "close code {0} cannot be sent; use 1000 to 1003, 1007 to 1014, or 3000 to 4999, or `eof` for an end without a \
         close frame"
    )]
    CloseCode(u16),
    /// RFC 6455, 5.5: a control frame holds 125 bytes, two of them the code.
    #[error("a close reason of {0} bytes does not fit its frame; the room is 123 bytes")]
    CloseReason(usize),
    /// The statuses that refuse an upgrade.
    #[error("HTTP status {0} refuses nothing; use 200 to 599")]
    HttpStatus(u16),
    /// A time that has to pass.
    #[error("a length of time above zero is needed here")]
    NoTime,
    /// What a pairing is handed when all is well.
    #[error("{0} refs are no fewer than the 6 that a pairing has; use 0 to 5")]
    Refs(u8),
}

/// A close code that may be on the wire.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u16", into = "u16")]
pub struct CloseCode(u16);

impl CloseCode {
    /// Normal closure.
    pub const NORMAL: Self = Self(1000);
    /// The server goes away.
    pub const GOING_AWAY: Self = Self(1001);

    /// The code, if it may be sent.
    ///
    /// # Errors
    /// [`InvalidValue::CloseCode`] for one that is reserved.
    pub const fn on_wire(code: u16) -> Result<Self, InvalidValue> {
        match code {
            1000..=1003 | 1007..=1014 | 3000..=4999 => Ok(Self(code)),
            _ => Err(InvalidValue::CloseCode(code)),
        }
    }

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for CloseCode {
    type Error = InvalidValue;
    fn try_from(code: u16) -> Result<Self, InvalidValue> {
        Self::on_wire(code)
    }
}

impl From<CloseCode> for u16 {
    fn from(code: CloseCode) -> Self {
        code.0
    }
}

/// A close reason that fits its frame.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct CloseReason(String);

impl CloseReason {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for CloseReason {
    type Error = InvalidValue;
    fn try_from(reason: String) -> Result<Self, InvalidValue> {
        if reason.len() > 123 {
            return Err(InvalidValue::CloseReason(reason.len()));
        }
        Ok(Self(reason))
    }
}

impl From<CloseReason> for String {
    fn from(reason: CloseReason) -> Self {
        reason.0
    }
}

/// An HTTP status that refuses an upgrade: 200 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u16", into = "u16")]
pub struct HttpStatus(u16);

impl HttpStatus {
    /// 429.
    pub const TOO_MANY_REQUESTS: Self = Self(429);

    /// The number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for HttpStatus {
    type Error = InvalidValue;
    fn try_from(status: u16) -> Result<Self, InvalidValue> {
        if !(200..=599).contains(&status) {
            return Err(InvalidValue::HttpStatus(status));
        }
        Ok(Self(status))
    }
}

impl From<HttpStatus> for u16 {
    fn from(status: HttpStatus) -> Self {
        status.0
    }
}

/// A length of time above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Millis", into = "Millis")]
pub struct SomeTime(Millis);

impl SomeTime {
    /// The length.
    pub const fn get(self) -> Millis {
        self.0
    }
}

impl TryFrom<Millis> for SomeTime {
    type Error = InvalidValue;
    fn try_from(time: Millis) -> Result<Self, InvalidValue> {
        match time {
            Millis::ZERO => Err(InvalidValue::NoTime),
            time => Ok(Self(time)),
        }
    }
}

impl From<SomeTime> for Millis {
    fn from(time: SomeTime) -> Self {
        time.0
    }
}

/// A text that is sent as it is written, so that a scenario can send what no honest server would. A number may be written
/// without quotes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AsSent(String);

impl AsSent {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: ToString> From<T> for AsSent {
    fn from(value: T) -> Self {
        Self(value.to_string())
    }
}

impl<'de> Deserialize<'de> for AsSent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrNumber;
        impl de::Visitor<'_> for TextOrNumber {
            type Value = AsSent;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<AsSent, E> {
                Ok(AsSent(text.to_owned()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<AsSent, E> {
                Ok(number.into())
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<AsSent, E> {
                Ok(number.into())
            }
        }
        deserializer.deserialize_any(TextOrNumber)
    }
}

impl JsonSchema for AsSent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AsSent".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "description": "A text that is sent as it is written; a number may be written without quotes.",
        })
    }
}

/// The kinds of stanza that a client expects an answer to after its login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IqKind {
    /// `<iq xmlns="w:p">`.
    Ping,
    /// `<iq xmlns="passive">`.
    Passive,
    /// `<iq xmlns="encrypt" type="get"><count/>`.
    Count,
    /// Any other `<iq>`.
    Other,
    /// A `<message>`, which is answered with an `<ack>`.
    Message,
    /// A `<receipt>`, which is answered with an `<ack>`.
    Receipt,
}

/// The replies that a fault concerns.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Replies {
    /// To every request, message and receipt.
    #[default]
    All,
    /// To pings.
    Ping,
    /// To `passive`.
    Passive,
    /// To `encrypt count`.
    Count,
    /// To messages: their acknowledgements.
    Message,
    /// To receipts: their acknowledgements.
    Receipt,
}

impl Replies {
    /// Whether a reply to a request of this kind is among them.
    pub fn include(self, answered: IqKind) -> bool {
        match self {
            Self::All => true,
            Self::Ping => answered == IqKind::Ping,
            Self::Passive => answered == IqKind::Passive,
            Self::Count => answered == IqKind::Count,
            Self::Message => answered == IqKind::Message,
            Self::Receipt => answered == IqKind::Receipt,
        }
    }

    /// Whether this stanza is among them, being the `nth` such since the fault began, which `count` counts.
    pub(super) fn concern(
        self,
        stanza: Outgoing<'_>,
        nth: Option<std::num::NonZeroU32>,
        count: &mut u64,
    ) -> bool {
        if !stanza
            .answers
            .is_some_and(|answered| self.include(answered))
        {
            return false;
        }
        *count += 1;
        nth.is_none_or(|nth| u64::from(nth.get()) == *count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_never_sent_is_refused() {
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
            assert_eq!(CloseCode::on_wire(code), Err(InvalidValue::CloseCode(code)));
        }
        for code in [1000, 1001, 1008, 1011, 1012, 4000] {
            assert_eq!(CloseCode::on_wire(code).map(CloseCode::get), Ok(code));
        }
    }

    #[test]
    fn a_reason_longer_than_its_frame_is_refused() {
        assert!(CloseReason::try_from("x".repeat(123)).is_ok());
        assert_eq!(
            CloseReason::try_from("x".repeat(124)),
            Err(InvalidValue::CloseReason(124))
        );
    }

    #[test]
    fn a_number_needs_no_quotes_where_a_text_is_sent() {
        for written in ["\"-5\"", "-5"] {
            assert_eq!(
                serde_json::from_str::<AsSent>(written).unwrap().as_str(),
                "-5"
            );
        }
    }
}

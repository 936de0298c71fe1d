//! The judges' own table: what a delivery that ends a connection implies.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use squall_protocol::{Instant, Millis, Node};

use crate::trace::Message;
use crate::words::{Cause, Stage};

/// The first thing that ended a connection, as it was delivered to the client.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// When, in the engine's time.
    pub(super) at: Instant,
    /// What it implies.
    pub(super) cause: Cause,
    /// How far the connection had come.
    pub(super) stage: Stage,
    /// The stanza, where it was one.
    pub(super) raw: Option<Arc<Node>>,
    /// How long the server told to stay away: Retry-After with 429, `expire` with 402.
    pub(super) stay_away: Millis,
    /// It, in words.
    pub(super) what: &'static str,
}

/// Above this the server's word counts as this: 366 days.
const LONGEST_STAY_AWAY: Millis = Millis::from_days(366);

impl Ending {
    /// What `message` implies when it is delivered at `at` of a run that starts at `starts`, if it ends a connection at
    /// all.
    pub(super) fn of(
        message: &Message,
        at: Instant,
        starts: Timestamp,
        stage: Stage,
        pair_success: bool,
    ) -> Option<Self> {
        let mut raw = None;
        let mut stay_away = Millis::ZERO;
        let (cause, what) = match message {
            Message::Stanza(node) => {
                let cause = of_stanza(node, pair_success)?;
                if cause == Cause::TemporaryBan {
                    stay_away = node.get("expire").map_or(Millis::ZERO, seconds);
                }
                raw = Some(Arc::clone(node));
                let what = match node.tag.as_str() {
                    "failure" => "a failure",
                    "xmlstreamend" => "the end of the stream",
                    _ => "a stream error",
                };
                (cause, what)
            }
            Message::UpgradeResponse {
                status,
                retry_after,
                valid,
            } => {
                let cause = of_upgrade(*status, *valid)?;
                if cause == Cause::RateLimited {
                    let wall = wall_at(starts, at);
                    stay_away = retry_after
                        .as_deref()
                        .map_or(Millis::ZERO, |text| seconds_or_date(text, wall));
                }
                (cause, "a refused upgrade")
            }
            Message::Handshake(name) if name == "garbage_hello" || name == "bad_certificate" => {
                (Cause::HandshakeFailed, "a handshake that does not verify")
            }
            Message::Corrupt(_) => (Cause::BadMac, "a frame that does not authenticate"),
            Message::Malformed(_) => (Cause::ProtocolError, "an invalid WebSocket frame"),
            Message::Close { .. } => (Cause::ConnectionClosed, "a close frame"),
            Message::Eof => (Cause::ConnectionClosed, "the end of the transport"),
            Message::Reset => (Cause::ConnectionClosed, "a reset"),
            _ => return None,
        };
        Some(Self {
            at,
            cause,
            stage,
            raw,
            stay_away,
            what,
        })
    }

    /// Whether `message` ends a connection.
    pub(super) fn is(message: &Message) -> bool {
        Self::of(
            message,
            Instant::START,
            Timestamp::UNIX_EPOCH,
            Stage::Open,
            false,
        )
        .is_some()
    }

    /// A handshake whose certificate does not verify.
    pub(super) fn bad_certificate(at: Instant, stage: Stage) -> Self {
        Self {
            at,
            cause: Cause::HandshakeFailed,
            stage,
            raw: None,
            stay_away: Millis::ZERO,
            what: "a handshake that does not verify",
        }
    }

    /// A connection refused before a byte went over it.
    pub(super) fn refused(at: Instant) -> Self {
        Self {
            at,
            cause: Cause::Refused,
            stage: Stage::Connect,
            raw: None,
            stay_away: Millis::ZERO,
            what: "a refused connection",
        }
    }
}

fn of_stanza(node: &Node, pair_success: bool) -> Option<Cause> {
    let failure = match node.tag.as_str() {
        "stream:error" => false,
        "failure" => true,
        "xmlstreamend" => return Some(Cause::ConnectionClosed),
        _ => return None,
    };
    match node.find("conflict").and_then(|child| child.get("type")) {
        Some("device_removed") => return Some(Cause::LoggedOut),
        Some("replaced") => return Some(Cause::Replaced),
        _ => {}
    }
    let code = node.get(if failure { "reason" } else { "code" });
    Some(match code {
        Some("515") if pair_success => Cause::RestartRequired,
        Some("515" | "429") => Cause::RateLimited,
        Some("401" | "516") => Cause::LoggedOut,
        Some("440") => Cause::Replaced,
        Some("403") => Cause::Forbidden,
        Some("405") => Cause::ClientOutdated,
        Some("402") => Cause::TemporaryBan,
        Some("500" | "501" | "503") => Cause::ServiceUnavailable,
        _ if failure => Cause::LoginRefused,
        _ => Cause::StreamError,
    })
}

fn of_upgrade(status: u16, valid: bool) -> Option<Cause> {
    match status {
        101 if valid => None,
        429 => Some(Cause::RateLimited),
        500 | 501 | 503 => Some(Cause::ServiceUnavailable),
        _ => Some(Cause::Refused),
    }
}

/// The wall clock, in milliseconds of the Unix epoch, so long after a run began.
fn wall_at(starts: Timestamp, at: Instant) -> i64 {
    starts
        .as_millisecond()
        .saturating_add_unsigned(at.since_start().get())
}

/// So many seconds as a server writes them: none where they are below zero or unreadable, 366 days where they are more.
fn seconds(text: &str) -> Millis {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Millis::ZERO;
    }
    match text.parse::<u64>() {
        Ok(seconds) if seconds <= LONGEST_STAY_AWAY.get() / 1_000 => Millis::from_secs(seconds),
        _ => LONGEST_STAY_AWAY,
    }
}

/// A Retry-After: seconds, or the date to wait for (RFC 9110, 10.2.3).
fn seconds_or_date(text: &str, wall: i64) -> Millis {
    match rfc2822::DateTimeParser::new().parse_timestamp(text.trim()) {
        Ok(date) => {
            let length = date.as_millisecond().saturating_sub(wall);
            Millis::new(u64::try_from(length).unwrap_or(0)).min(LONGEST_STAY_AWAY)
        }
        Err(_) => seconds(text),
    }
}

/// Whether this cause starts the cooldown.
pub(super) const fn fails(cause: Cause) -> bool {
    !matches!(
        cause,
        Cause::RateLimited | Cause::RestartRequired | Cause::PermitRevoked | Cause::Stopped
    )
}

/// Whether this cause moves the stored device aside.
pub(super) const fn clears(cause: Cause) -> bool {
    matches!(cause, Cause::LoggedOut | Cause::BadMac | Cause::StreamError)
}

/// How long this cause blocks, where the policy blocks for `block` and the server said to stay away for `stay_away`.
pub(super) fn blocks(cause: Cause, block: Millis, stay_away: Millis) -> Millis {
    match cause {
        Cause::RateLimited => block.max(stay_away),
        Cause::TemporaryBan => stay_away,
        _ => Millis::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(node: Node) -> Option<Cause> {
        let message = Message::Stanza(Arc::new(node));
        let (at, starts) = (Instant::START, Timestamp::UNIX_EPOCH);
        Ending::of(&message, at, starts, Stage::Open, false).map(|ending| ending.cause)
    }

    #[test]
    fn every_code_and_reason_implies_a_cause() {
        for code in 0..600 {
            assert!(cause(Node::new("stream:error").attr("code", code)).is_some());
            assert!(cause(Node::new("failure").attr("reason", code)).is_some());
        }
        assert_eq!(cause(Node::new("stream:error")), Some(Cause::StreamError));
        assert_eq!(cause(Node::new("failure")), Some(Cause::LoginRefused));
        assert_eq!(
            cause(Node::new("xmlstreamend")),
            Some(Cause::ConnectionClosed)
        );
        assert_eq!(cause(Node::new("message")), None);
    }

    #[test]
    fn a_server_may_not_keep_a_client_away_for_ever_nor_for_less_than_nothing() {
        for (text, millis) in [
            ("60", Millis::from_secs(60)),
            ("-60", Millis::ZERO),
            ("soon", Millis::ZERO),
            ("", Millis::ZERO),
            ("31622400", Millis::from_days(366)),
            ("31622401", Millis::from_days(366)),
            ("99999999999999999999999", Millis::from_days(366)),
        ] {
            assert_eq!(seconds(text), millis, "{text:?}");
        }
    }

    #[test]
    fn a_retry_after_may_be_a_date() {
        let wall = 1_768_831_200_000; // 2026-01-19T14:00:00Z
        for (text, millis) in [
            ("Mon, 19 Jan 2026 15:00:00 GMT", Millis::from_hours(1)),
            ("Mon, 19 Jan 2026 13:00:00 GMT", Millis::ZERO),
            ("Tue, 19 Jan 2038 03:14:07 GMT", Millis::from_days(366)),
            ("90", Millis::from_secs(90)),
        ] {
            assert_eq!(seconds_or_date(text, wall), millis, "{text:?}");
        }
    }
}

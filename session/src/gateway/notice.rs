//! What happens to an organization, as operators are told it: in the log and over HTTP alike. Nothing of it is a secret.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use squall_protocol::Now;

use super::operator::{Denied, Granted, told};
use crate::cause::Cause;
use crate::id::AttemptId;
use crate::limiter::Denial;
use crate::machine::{Alert, Disconnected, Event};
use crate::state::State;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Notice {
    /// A start was admitted.
    Admitted {
        /// The attempt, which counts from now on.
        #[cfg_attr(feature = "http", schema(value_type = u64))]
        attempt: AttemptId,
        /// When it dials.
        #[cfg_attr(feature = "http", schema(value_type = String, format = DateTime))]
        dial_at: Timestamp,
    },
    /// A start was refused.
    Denied {
        /// The rule that refuses it, or `closing` where the gateway is about to end.
        cause: &'static str,
        /// The other rules that stand in its way.
        also: Vec<Denial>,
        /// When it would be granted if nothing else happened.
        #[cfg_attr(feature = "http", schema(value_type = Option<String>, format = DateTime))]
        retry_at: Option<Timestamp>,
    },
    /// An operator stops the session, or cancels its start.
    StopAsked,
    /// The session stands elsewhere.
    State {
        /// Where.
        state: State,
    },
    /// There is another QR code to show; `GET /api/qr` shows it.
    Qr,
    /// The device has new keys or a number.
    Device {
        /// Whether it is paired.
        paired: bool,
    },
    /// The connection, or the attempt before it, ended.
    Disconnected(Ended),
    /// A WebSocket Ping was answered.
    KeepAliveOk {
        /// After so many milliseconds.
        after_ms: u64,
    },
    /// A ping is answered late.
    KeepAliveLate,
    /// No ping is late any more.
    KeepAliveRecovered,
    /// The store cannot be used. Nothing is admitted, and what happens is kept in memory and tried again every second: only
    /// the death of the process would lose it.
    StoreFails {
        /// Why.
        why: String,
    },
    /// The store works again, and has everything that was kept.
    StoreWorks,
    /// Something that an operator should look at.
    Alert {
        /// What.
        alert: &'static str,
        /// How many messages could not be decrypted so far.
        #[serde(skip_serializing_if = "Option::is_none")]
        messages: Option<u64>,
    },
}

/// How it ended, and what follows.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Ended {
    /// The attempt that had opened it.
    #[cfg_attr(feature = "http", schema(value_type = u64))]
    pub attempt: AttemptId,
    /// Why.
    pub cause: &'static str,
    /// What that leaves out.
    #[serde(flatten)]
    pub more: More,
    /// The code of the stanza that ended it, as it came.
    pub code: Option<String>,
    /// Close code and reason, HTTP status, values that were out of range.
    pub detail: String,
    /// The stanza that ended it, as XML; cut where it is long.
    pub raw: Option<String>,
    /// Whether the one re-dial that a pairing demands follows.
    pub handoff: bool,
    /// Whether it counts as a failure, after which the organization cools down.
    pub failure: bool,
    /// Whether its device was moved aside, so that the next start pairs by QR.
    pub cleared: bool,
    /// Until when it is blocked.
    #[cfg_attr(feature = "http", schema(value_type = Option<String>, format = DateTime))]
    pub blocked_until: Option<Timestamp>,
}

/// What the name of a cause leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct More {
    /// Of `connect_timed_out` and `connection_closed`: how far the connection had come. `connect`, `handshake`, `login`,
    /// `pairing` or `open`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<&'static str>,
    /// Of `connection_lost`: `silence` where nothing came any more, `zombie` where no IQ ping was answered any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<&'static str>,
    /// Of `permit_revoked`: `blocked` where a block had begun meanwhile, `late` where the dial came too late,
    /// `unasked` where the store could not say whether a block stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked: Option<&'static str>,
}

impl More {
    /// Of this cause.
    pub fn of(cause: &Cause) -> Self {
        let mut more = Self::default();
        match cause {
            Cause::ConnectTimedOut { stage } | Cause::ConnectionClosed { stage } => {
                more.stage = Some(stage.name());
            }
            Cause::ConnectionLost(lost) => more.lost = Some(lost.name()),
            Cause::PermitRevoked(why) => more.revoked = Some(why.name()),
            _ => {}
        }
        more
    }
}

impl fmt::Display for More {
    /// As it follows the cause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stage) = self.stage {
            write!(f, " in the stage {stage}")?;
        }
        [self.lost, self.revoked]
            .into_iter()
            .flatten()
            .try_for_each(|what| write!(f, ": {what}"))
    }
}

impl Notice {
    /// What a session tells.
    pub fn of(now: Now, event: &Event) -> Self {
        match event {
            Event::State(state) => Self::State { state: *state },
            Event::Qr(_) => Self::Qr,
            Event::Device(device) => Self::Device {
                paired: device.is_paired(),
            },
            Event::Disconnected(ended) => Self::Disconnected(Ended::new(now, ended)),
            Event::KeepAliveOk(after) => Self::KeepAliveOk {
                after_ms: after.get(),
            },
            Event::KeepAliveLate => Self::KeepAliveLate,
            Event::KeepAliveRecovered => Self::KeepAliveRecovered,
            Event::Alert(alert) => Self::Alert {
                alert: alert.name(),
                messages: match alert {
                    Alert::Undecryptable(messages) => Some(*messages),
                    _ => None,
                },
            },
        }
    }

    /// What a start was answered.
    pub fn answered(answer: &Result<Granted, Denied>) -> Self {
        match answer {
            Ok(granted) => Self::Admitted {
                attempt: granted.attempt,
                dial_at: granted.dial_at,
            },
            Err(Denied::Limiter {
                cause,
                also,
                retry_at,
            }) => Self::Denied {
                cause: cause.name(),
                also: also.clone(),
                retry_at: *retry_at,
            },
            Err(Denied::Closing) => Self::Denied {
                cause: "closing",
                also: Vec::new(),
                retry_at: None,
            },
        }
    }
}

impl Ended {
    fn new(now: Now, ended: &Disconnected) -> Self {
        let code = |name| ended.raw.as_ref().and_then(|raw| raw.get(name));
        Self {
            attempt: ended.attempt,
            cause: ended.cause.name(),
            more: More::of(&ended.cause),
            code: code("code").or(code("reason")).map(short),
            detail: short(&ended.detail),
            raw: ended.raw.as_ref().map(|raw| short(&raw.to_string())),
            handoff: ended.handoff,
            failure: ended.then.failure,
            cleared: ended.then.clear,
            blocked_until: ended.then.block.map(|length| told(now, length)),
        }
    }
}

/// What a server wrote, as much of it as is worth keeping.
fn short(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(LONGEST)])
}

/// Bytes of one text of a server's. What real ones write has some hundred; a frame may have 16 MiB.
const LONGEST: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_whole() {
        use crate::cause::{Lost, Revoked, Stage};
        for (cause, told) in [
            (
                Cause::ConnectionClosed { stage: Stage::Open },
                " in the stage open",
            ),
            (
                Cause::ConnectTimedOut {
                    stage: Stage::Pairing,
                },
                " in the stage pairing",
            ),
            (Cause::ConnectionLost(Lost::Zombie), ": zombie"),
            (Cause::PermitRevoked(Revoked::Blocked), ": blocked"),
            (Cause::PermitRevoked(Revoked::Late), ": late"),
            (Cause::PermitRevoked(Revoked::Unasked), ": unasked"),
            (Cause::Stopped, ""),
        ] {
            assert_eq!(More::of(&cause).to_string(), told);
        }
    }

    #[test]
    fn what_a_server_writes_is_cut_between_two_characters() {
        assert_eq!(short("ü"), "ü");
        let long = "ü".repeat(LONGEST);
        let cut = short(&format!("a{long}"));
        assert_eq!(cut.len(), LONGEST - 1 + "…".len());
        assert!(cut.ends_with("ü…"));
    }
}

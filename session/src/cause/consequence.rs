//! From a cause to what follows: failure, cleared device, block, and the state that the session ends in.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use squall_protocol::Millis;

use super::{Cause, Consequence, Revoked};
use crate::policy::LimiterPolicy;
use crate::state::State;

/// The longest time that a server may ask for; what it asks beyond that is cut to it, so that one bad value cannot lock
/// an account out for ever (a 40-day ban overflowed a 32-bit timer in baileyrs, pull request 20).
pub const LONGEST_ASKED: Millis = Millis::from_days(366);

impl Cause {
    /// What follows. `asked` is what the server asked for: Retry-After at the upgrade, `expire` of a ban.
    pub fn consequence(&self, policy: &LimiterPolicy, asked: Option<Millis>) -> Consequence {
        let failure = Consequence {
            failure: true,
            ..Consequence::default()
        };
        match self {
            Self::RateLimited => Consequence {
                block: Some(policy.block.max(asked.unwrap_or(Millis::ZERO))),
                ..Consequence::default()
            },
            Self::TemporaryBan => Consequence {
                block: asked.filter(|length| *length > Millis::ZERO),
                ban: true,
                ..failure
            },
            Self::LoggedOut | Self::BadMac | Self::StreamError => Consequence {
                clear: true,
                ..failure
            },
            Self::Replaced
            | Self::Forbidden
            | Self::ClientOutdated
            | Self::LoginRefused { .. }
            | Self::ServiceUnavailable
            | Self::ProtocolError
            | Self::ConnectionLost(_)
            | Self::ConnectionClosed { .. }
            | Self::Refused
            | Self::HandshakeFailed
            | Self::ConnectTimedOut { .. }
            | Self::QrExpired
            | Self::ProcessDied => failure,
            Self::RestartRequired | Self::PermitRevoked(_) | Self::Stopped => {
                Consequence::default()
            }
        }
    }

    /// Where the session stands after it, unless a handoff goes on.
    pub fn end_state(&self, then: Consequence) -> State {
        match self {
            _ if then.block.is_some() => State::Blocked,
            Self::PermitRevoked(Revoked::Blocked) => State::Blocked,
            Self::LoggedOut => State::LoggedOut,
            Self::Stopped => State::Idle,
            _ => State::DisconnectedManualReconnectRequired,
        }
    }
}

/// A number of seconds as a stanza carries it: below zero or unreadable is 0, above 366 days is 366 days.
pub fn asked_seconds(raw: &str) -> Millis {
    let raw = raw.trim();
    if raw.is_empty() || !raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Millis::ZERO;
    }
    // All digits: what does not fit in 64 bits is far above the longest.
    raw.parse::<u64>()
        .ok()
        .and_then(|seconds| seconds.checked_mul(1_000))
        .map_or(LONGEST_ASKED, |length| {
            Millis::new(length).min(LONGEST_ASKED)
        })
}

/// A Retry-After header: seconds, or a date (RFC 9110, 10.2.3), which is counted from `wall` and rounded up to the
/// millisecond. Below zero or unreadable is 0, above 366 days is 366 days.
pub fn retry_after(raw: &str, wall: Timestamp) -> Millis {
    static DATES: rfc2822::DateTimeParser = rfc2822::DateTimeParser::new();
    let raw = raw.trim();
    let Ok(date) = DATES.parse_timestamp(raw) else {
        return asked_seconds(raw);
    };
    let nanoseconds = date
        .as_nanosecond()
        .saturating_sub(wall.as_nanosecond())
        .max(0);
    let milliseconds = nanoseconds.unsigned_abs().div_ceil(1_000_000);
    u64::try_from(milliseconds).map_or(LONGEST_ASKED, |length| {
        Millis::new(length).min(LONGEST_ASKED)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::{Lost, Stage};

    /// Every cause once.
    fn every_cause() -> Vec<Cause> {
        vec![
            Cause::RateLimited,
            Cause::RestartRequired,
            Cause::LoggedOut,
            Cause::Replaced,
            Cause::Forbidden,
            Cause::ClientOutdated,
            Cause::TemporaryBan,
            Cause::LoginRefused { reason: None },
            Cause::ServiceUnavailable,
            Cause::BadMac,
            Cause::ProtocolError,
            Cause::StreamError,
            Cause::ConnectionLost(Lost::Silence),
            Cause::ConnectionLost(Lost::Zombie),
            Cause::ConnectionClosed { stage: Stage::Open },
            Cause::Refused,
            Cause::HandshakeFailed,
            Cause::ConnectTimedOut {
                stage: Stage::Login,
            },
            Cause::QrExpired,
            Cause::PermitRevoked(Revoked::Blocked),
            Cause::PermitRevoked(Revoked::Late),
            Cause::PermitRevoked(Revoked::Unasked),
            Cause::ProcessDied,
            Cause::Stopped,
        ]
    }

    #[test]
    fn nothing_follows_from_what_the_protocol_or_the_operator_asked_for() {
        for cause in every_cause() {
            let harmless = matches!(
                cause,
                Cause::RateLimited
                    | Cause::RestartRequired
                    | Cause::PermitRevoked(_)
                    | Cause::Stopped
            );
            let then = cause.consequence(&LimiterPolicy::default(), None);
            assert_eq!(then.failure, !harmless, "{cause}");
        }
    }

    #[test]
    fn only_a_corrupt_or_dead_device_is_cleared() {
        for cause in every_cause() {
            let clears = matches!(cause, Cause::LoggedOut | Cause::BadMac | Cause::StreamError);
            assert_eq!(
                cause.consequence(&LimiterPolicy::default(), None).clear,
                clears,
                "{cause}"
            );
        }
    }

    #[test]
    fn a_rate_limit_blocks_for_the_policy_or_for_longer_if_asked() {
        let policy = LimiterPolicy::default();
        let block = |asked| Cause::RateLimited.consequence(&policy, asked).block;
        assert_eq!(block(None), Some(Millis::from_hours(24)));
        assert_eq!(
            block(Some(Millis::from_hours(23))),
            Some(Millis::from_hours(24))
        );
        assert_eq!(
            block(Some(Millis::from_hours(25))),
            Some(Millis::from_hours(25))
        );
    }

    #[test]
    fn a_ban_blocks_until_it_expires_if_it_says_when() {
        let policy = LimiterPolicy::default();
        let ban = |asked| {
            let then = Cause::TemporaryBan.consequence(&policy, asked);
            (then.block, Cause::TemporaryBan.end_state(then))
        };
        let end = State::DisconnectedManualReconnectRequired;
        assert_eq!(ban(None), (None, end));
        assert_eq!(ban(Some(Millis::ZERO)), (None, end));
        assert_eq!(
            ban(Some(Millis::from_secs(1))),
            (Some(Millis::from_secs(1)), State::Blocked)
        );
    }

    #[test]
    fn what_a_server_asks_for_is_kept_between_nothing_and_366_days() {
        let longest = 366 * 86_400;
        for (raw, seconds) in [
            ("0", 0),
            ("1", 1),
            ("86400", 86_400),
            ("3456000", 3_456_000), // 40 days
            ("31622400", longest),
            ("31622401", longest),
            ("18446744073709551615", longest),
            ("99999999999999999999999", longest),
            ("-1", 0),
            ("", 0),
            ("soon", 0),
            ("1.5", 0),
        ] {
            assert_eq!(asked_seconds(raw), Millis::from_secs(seconds), "{raw:?}");
        }
    }

    #[test]
    fn a_retry_after_is_seconds_or_a_date() {
        let wall: Timestamp = "2026-01-19T14:00:00.250Z".parse().expect("a timestamp");
        for (raw, milliseconds) in [
            ("120", 120_000),
            (" 120 ", 120_000),
            ("Mon, 19 Jan 2026 14:00:01 GMT", 750),
            ("Mon, 19 Jan 2026 13:00:00 GMT", 0),
            ("Tue, 19 Jan 2038 14:00:00 GMT", 366 * 86_400_000),
            ("-3", 0),
            ("later", 0),
        ] {
            assert_eq!(retry_after(raw, wall), Millis::new(milliseconds), "{raw:?}");
        }
    }
}

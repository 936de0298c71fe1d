//! The closed lists of words, as the document tells them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::limiter::Denial;
use crate::state::State;

/// A rule that refuses a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Rule {
    /// The store could not be asked.
    StoreUnavailable,
    /// The organization has an attempt or a session under way.
    AlreadyActive,
    /// Attempts of all organizations together.
    Global,
    /// Attempts of this organization.
    PerOrg,
    /// After this organization's last failure.
    Cooldown,
    /// After a 515 or a 429.
    Block,
}

impl From<Denial> for Rule {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::StoreUnavailable => Self::StoreUnavailable,
            Denial::AlreadyActive => Self::AlreadyActive,
            Denial::Global => Self::Global,
            Denial::PerOrg => Self::PerOrg,
            Denial::Cooldown => Self::Cooldown,
            Denial::Block => Self::Block,
        }
    }
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stands {
    /// Nothing asked for, or stopped by the operator.
    Idle,
    /// Admitted; the mandatory wait before the dial.
    Waiting,
    /// Dialing, logging in, or waiting for the first answers.
    Connecting,
    /// The QR code is shown.
    AwaitingQrScan,
    /// Scanned; waiting for the second login.
    Pairing,
    /// Logged in, and the server has answered.
    Connected,
    /// Connected, but a ping is answered late.
    Degraded,
    /// No start before the block expires.
    Blocked,
    /// The server logged this device out.
    LoggedOut,
    /// An operator must start it again.
    DisconnectedManualReconnectRequired,
}

impl From<State> for Stands {
    fn from(state: State) -> Self {
        match state {
            State::Idle => Self::Idle,
            State::Waiting => Self::Waiting,
            State::Connecting => Self::Connecting,
            State::AwaitingQrScan => Self::AwaitingQrScan,
            State::Pairing => Self::Pairing,
            State::Connected => Self::Connected,
            State::Degraded => Self::Degraded,
            State::Blocked => Self::Blocked,
            State::LoggedOut => Self::LoggedOut,
            State::DisconnectedManualReconnectRequired => Self::DisconnectedManualReconnectRequired,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_the_session_and_the_limiter_say() {
        let written = |value| serde_json::to_value(value).expect("a word");
        for state in [
            State::Idle,
            State::Waiting,
            State::Connecting,
            State::AwaitingQrScan,
            State::Pairing,
            State::Connected,
            State::Degraded,
            State::Blocked,
            State::LoggedOut,
            State::DisconnectedManualReconnectRequired,
        ] {
            assert_eq!(
                written(serde_json::json!(Stands::from(state))),
                state.name()
            );
        }
        for denial in [
            Denial::StoreUnavailable,
            Denial::AlreadyActive,
            Denial::Global,
            Denial::PerOrg,
            Denial::Cooldown,
            Denial::Block,
        ] {
            assert_eq!(
                written(serde_json::json!(Rule::from(denial))),
                denial.name()
            );
        }
    }
}

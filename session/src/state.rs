//! The states of a session, as the API names them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a session stands.
///
/// Unpaired: `idle` → `waiting` → `connecting` → `awaiting_qr_scan` → `pairing` → `connecting` → `connected` ⇄ `degraded`.
/// Paired: `idle` → `waiting` → `connecting` → `connected`. The ends are `blocked`, which becomes the third when it
/// expires, `logged_out` and `disconnected_manual_reconnect_required`: nothing dials from them until an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema), schema(as = Stands))]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing asked for, or stopped by the operator.
    Idle,
    /// Admitted; the mandatory wait before the dial.
    Waiting,
    /// Dialing, upgrading, securing, logging in, or waiting for the first answers.
    Connecting,
    /// The QR code is shown.
    AwaitingQrScan,
    /// Scanned; waiting for the server to ask for the second login.
    Pairing,
    /// Logged in, and the server has answered.
    Connected,
    /// Connected, but a ping is answered late.
    Degraded,
    /// An end: no start before the block expires.
    Blocked,
    /// An end: the server logged this device out.
    LoggedOut,
    /// An end: an operator must start it again.
    DisconnectedManualReconnectRequired,
}

impl State {
    /// Every one, in the order of a life.
    pub const ALL: [Self; 10] = [
        Self::Idle,
        Self::Waiting,
        Self::Connecting,
        Self::AwaitingQrScan,
        Self::Pairing,
        Self::Connected,
        Self::Degraded,
        Self::Blocked,
        Self::LoggedOut,
        Self::DisconnectedManualReconnectRequired,
    ];

    /// The name in the API, in logs and in scenarios.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Waiting => "waiting",
            Self::Connecting => "connecting",
            Self::AwaitingQrScan => "awaiting_qr_scan",
            Self::Pairing => "pairing",
            Self::Connected => "connected",
            Self::Degraded => "degraded",
            Self::Blocked => "blocked",
            Self::LoggedOut => "logged_out",
            Self::DisconnectedManualReconnectRequired => "disconnected_manual_reconnect_required",
        }
    }

    /// Whether a start-session is possible from here: `idle` and the ends.
    pub const fn is_at_rest(self) -> bool {
        matches!(
            self,
            Self::Idle
                | Self::Blocked
                | Self::LoggedOut
                | Self::DisconnectedManualReconnectRequired
        )
    }

    /// What the API's `connected` says.
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Connected | Self::Degraded)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_its_name() {
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
            let written = serde_json::to_value(state).expect("a word");
            assert_eq!(written, state.name());
        }
    }
}

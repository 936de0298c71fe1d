//! What happened, as one cause, and what follows from it.

mod consequence;
mod map;

pub use consequence::{LONGEST_ASKED, asked_seconds, retry_after};
pub use map::{closed, failure, http_status, refusal, stream_error};

use std::fmt;

use serde::{Deserialize, Serialize};
use squall_protocol::Millis;

/// Why a session ended. No cause dials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// 515 in mid-session, or 429 by stream, failure or upgrade.
    RateLimited,
    /// 515 right after pair-success on that connection.
    RestartRequired,
    /// 401, device_removed, 516.
    LoggedOut,
    /// Another connection took over.
    Replaced,
    /// 403.
    Forbidden,
    /// 405.
    ClientOutdated,
    /// 402.
    TemporaryBan,
    /// Any other failure.
    LoginRefused {
        /// The reason as it came, if it did.
        reason: Option<String>,
    },
    /// 500, 501, 503.
    ServiceUnavailable,
    /// A frame that does not authenticate.
    BadMac,
    /// An invalid WebSocket frame or an undecodable node.
    ProtocolError,
    /// Any other stream:error.
    StreamError,
    /// Nothing, or nothing that counts, came any more.
    ConnectionLost(Lost),
    /// Close frame, EOF, reset or xmlstreamend.
    ConnectionClosed {
        /// How far the link had come.
        stage: Stage,
    },
    /// TCP or HTTP refused.
    Refused,
    /// Noise or certificate.
    HandshakeFailed,
    /// A stage took too long.
    ConnectTimedOut {
        /// Which.
        stage: Stage,
    },
    /// No scan within the refs.
    QrExpired,
    /// The limiter took the permit back at dial time.
    PermitRevoked(Revoked),
    /// Found at boot: the process had died.
    ProcessDied,
    /// The operator, or an orderly shutdown.
    Stopped,
}

/// Two ways for a connection to be lost without a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// Nothing was received at all.
    Silence,
    /// Things were received, but no IQ ping was answered.
    Zombie,
}

/// Three reasons to take a permit back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revoked {
    /// A block began meanwhile.
    Blocked,
    /// The dial came too late.
    Late,
    /// The store could not be asked.
    Unasked,
}

/// How far a link had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// From the dial to the upgrade.
    Connect,
    /// From the upgrade to the Noise transport.
    Handshake,
    /// From the Noise transport to `<success>` or the first pair-device.
    Login,
    /// From the first pair-device to the 515; its time-out counts from pair-success.
    Pairing,
    /// After `<success>`.
    Open,
}

impl Lost {
    /// The name in the API and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Zombie => "zombie",
        }
    }
}

impl Revoked {
    /// The name in the API and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Late => "late",
            Self::Unasked => "unasked",
        }
    }
}

impl Stage {
    /// The name in the API and in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Handshake => "handshake",
            Self::Login => "login",
            Self::Pairing => "pairing",
            Self::Open => "open",
        }
    }
}

/// What follows from a cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consequence {
    /// It starts the cooldown.
    pub failure: bool,
    /// The stored device is moved aside; the next start pairs by QR.
    pub clear: bool,
    /// No start for so long.
    pub block: Option<Millis>,
    /// The block is a ban of this account: it keeps nobody else out, whatever the limiter's `block_scope`.
    pub ban: bool,
}

impl Cause {
    /// The name in the API, in logs and in scenarios.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::RestartRequired => "restart_required",
            Self::LoggedOut => "logged_out",
            Self::Replaced => "replaced",
            Self::Forbidden => "forbidden",
            Self::ClientOutdated => "client_outdated",
            Self::TemporaryBan => "temporary_ban",
            Self::LoginRefused { .. } => "login_refused",
            Self::ServiceUnavailable => "service_unavailable",
            Self::BadMac => "bad_mac",
            Self::ProtocolError => "protocol_error",
            Self::StreamError => "stream_error",
            Self::ConnectionLost(_) => "connection_lost",
            Self::ConnectionClosed { .. } => "connection_closed",
            Self::Refused => "refused",
            Self::HandshakeFailed => "handshake_failed",
            Self::ConnectTimedOut { .. } => "connect_timed_out",
            Self::QrExpired => "qr_expired",
            Self::PermitRevoked(_) => "permit_revoked",
            Self::ProcessDied => "process_died",
            Self::Stopped => "stopped",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

//! What people ask a session: where it stands, and what it has seen.

use jiff::Timestamp;
use squall_protocol::{Instant, Millis, Now};

use super::{Pings, Session};
use crate::cause::Cause;
use crate::id::OrgId;
use crate::state::State;

/// The end that a store kept while no process ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredEnd {
    /// `idle` or one of the ends.
    pub state: State,
    /// When a block ends, on the process's monotonic clock; for [`State::Blocked`] alone.
    pub blocked_until: Option<Instant>,
}

impl StoredEnd {
    /// An attempt that was cut short, or a block without an end, needs the operator.
    pub(super) fn at_rest(self) -> Self {
        match self.state {
            State::Blocked if self.blocked_until.is_some() => self,
            State::Idle | State::LoggedOut => Self {
                blocked_until: None,
                ..self
            },
            _ => Self {
                state: State::DisconnectedManualReconnectRequired,
                blocked_until: None,
            },
        }
    }
}

impl Default for StoredEnd {
    fn default() -> Self {
        Self {
            state: State::Idle,
            blocked_until: None,
        }
    }
}

/// A session's answer to "how is it?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whose session it is.
    pub org: OrgId,
    /// Where it stands.
    pub state: State,
    /// What the API's `connected` says: also true while `degraded`.
    pub connected: bool,
    /// `PHONE:DEVICE@s.whatsapp.net`, once paired.
    pub jid: Option<String>,
    /// Whether the next start pairs by QR.
    pub needs_pairing: bool,
    /// When it was last said to be connected.
    pub last_connected: Option<Timestamp>,
    /// When any frame was last received.
    pub last_activity: Option<Timestamp>,
    /// When it last ended.
    pub disconnected_at: Option<Timestamp>,
    /// Why it last ended.
    pub disconnect_reason: Option<Cause>,
    /// When the block ends that it stands in, on the process's monotonic clock.
    pub blocked_until: Option<Instant>,
    /// How often a ping became late.
    pub late: u64,
    /// How many messages the application could not decrypt.
    pub undecryptable: u64,
    /// The pings since the process began.
    pub pings: Pings,
}

impl Session {
    /// Whether a link that has had its end still waits for the server's close.
    pub fn is_draining(&self) -> bool {
        self.draining.is_some()
    }

    /// How it is, as of the last input.
    pub fn status(&self) -> Status {
        Status {
            org: self.org.clone(),
            state: self.state,
            connected: self.state.is_connected(),
            jid: self.device.jid.clone(),
            needs_pairing: self.device.jid.is_none(),
            last_connected: self.seen.last_connected,
            last_activity: self.seen.last_activity,
            disconnected_at: self.seen.disconnected_at,
            disconnect_reason: self.seen.disconnect_reason.clone(),
            blocked_until: self.blocked_until,
            late: self.seen.late,
            undecryptable: self.seen.undecryptable,
            pings: self.seen.pings.clone(),
        }
    }
}

/// What a session has seen since its process began.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) last_connected: Option<Timestamp>,
    pub(super) last_activity: Option<Timestamp>,
    disconnected_at: Option<Timestamp>,
    disconnect_reason: Option<Cause>,
    pub(super) late: u64,
    pub(super) pings: Pings,
    undecryptable: u64,
    undecryptable_told: Option<Instant>,
    last_loss: Option<Instant>,
}

impl Seen {
    pub(super) fn disconnected(&mut self, now: Now, cause: &Cause) {
        self.disconnected_at = Some(now.wall);
        self.disconnect_reason = Some(cause.clone());
    }

    /// A disconnect that nobody asked for. Whether it is the second within a day.
    pub(super) fn loss(&mut self, now: Instant) -> bool {
        self.last_loss
            .replace(now)
            .is_some_and(|last| now - last < A_DAY)
    }

    /// So many undecryptable messages more. How many there were, if that is to be told.
    pub(super) fn undecryptable(&mut self, now: Instant, messages: u64) -> Option<u64> {
        self.undecryptable = self.undecryptable.saturating_add(messages);
        let told = self
            .undecryptable_told
            .is_some_and(|told| now - told < UNDECRYPTABLE_PAUSE);
        if messages == 0 || told {
            return None;
        }
        self.undecryptable_told = Some(now);
        Some(self.undecryptable)
    }
}

/// Two losses nearer to each other than this deserve a look: the founding story's "several disconnects".
const A_DAY: Millis = Millis::from_hours(24);

/// A flood of undecryptable messages (168,000 in two hours in `WhiskeySockets/Baileys#2234`) is one alert an hour, not one
/// a message.
const UNDECRYPTABLE_PAUSE: Millis = Millis::from_hours(1);

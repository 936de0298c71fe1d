//! The contract of a machine: inputs in, outputs out, time as an argument.
//!
//! `handle_input(now, input)`, then drain `poll_output()`, then ask `poll_timeout()` when to come back and why. A driver
//! only moves bytes between a machine and the world, so the same machine runs live and in virtual time.

use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Millis, Node, Now};

use crate::cause::{Cause, Consequence};
use crate::id::{AttemptId, LinkId};
use crate::state::State;

/// A session, or something that claims to be one.
pub trait Machine: Send + 'static {
    /// What an admitted start carries; for the real session a [`Permit`](crate::limiter::Permit).
    type Start: Send;
    /// A start confirmed at its time; for the real session a [`Go`](crate::limiter::Go).
    type Go: Send;

    /// Takes one input. The outputs of the input before must have been drained.
    fn handle_input(&mut self, now: Now, input: Input<Self::Start, Self::Go>);
    /// The next thing to do, until `None`.
    fn poll_output(&mut self) -> Option<Output<Self::Start>>;
    /// When the machine wants [`Input::Timeout`], and why.
    fn poll_timeout(&self) -> Option<(Instant, Timer)>;
    /// Where it stands.
    fn state(&self) -> State;
}

/// What happens to a machine.
#[derive(Debug)]
pub enum Input<S, G> {
    /// The operator's start was admitted.
    Start(S),
    /// The limiter confirmed the start at its time.
    Go(G),
    /// The limiter revoked the start of this attempt at its time.
    Revoked(AttemptId, Revocation),
    /// The limiter says until when its block stands, on the process's monotonic clock: no longer, if `None`.
    Block(Option<Instant>),
    /// The operator stops the session, or cancels the start before its dial.
    Stop,
    /// Something happened on a link.
    Link(LinkId, LinkInput),
    /// The application could not decrypt this many messages more.
    Undecryptable(u64),
    /// The time of `poll_timeout` has come. Early or doubled ones are harmless.
    Timeout,
}

/// Why a confirmed dial did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Revocation {
    /// A block began during the wait.
    #[error("a block began during the wait")]
    Blocked {
        /// When it ends, on the process's monotonic clock.
        until: Instant,
    },
    /// The dial would be too late by one of the clocks.
    #[error("it would be too late by one of the clocks")]
    Late,
    /// The limiter's store could not be asked, and may hold a block.
    #[error("the store could not be asked, and may hold a block")]
    Unasked,
}

/// What happens on a link.
#[derive(Debug)]
pub enum LinkInput {
    /// The transport is open; the upgrade request is sent.
    Connected,
    /// There will be no WebSocket.
    Refused(Refusal),
    /// The WebSocket is open.
    Upgraded,
    /// The Noise transport is up.
    Secured,
    /// The Noise handshake or the certificate was wrong.
    HandshakeFailed(String),
    /// A stanza came.
    Stanza(Node),
    /// A WebSocket Ping came; the driver has answered it.
    Ping,
    /// A WebSocket Pong came, with this payload.
    Pong(Vec<u8>),
    /// Nothing more will come.
    Closed(Closed),
}

/// Why there is no WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The transport could not be opened.
    Connect(String),
    /// The upgrade was answered with another status than 101.
    Http {
        /// The status.
        status: u16,
        /// The Retry-After header, as it came.
        retry_after: Option<String>,
    },
    /// The answer to the upgrade was no valid one.
    Upgrade(String),
}

/// How a link ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closed {
    /// By a close frame.
    Frame {
        /// The close code, if it carried one.
        code: Option<u16>,
        /// The reason, often empty.
        reason: String,
    },
    /// The stream ended without one.
    Eof,
    /// The transport was reset.
    Reset,
    /// An invalid WebSocket frame.
    InvalidFrame(String),
    /// A frame that does not authenticate.
    BadMac,
    /// A frame that authenticates and holds no node.
    BadNode(String),
}

/// What a machine wants done.
#[derive(Debug)]
pub enum Output<S> {
    /// Ask the limiter whether the start of this attempt may dial now; the answer is [`Input::Go`] or
    /// [`Input::Revoked`].
    Confirm(AttemptId, S),
    /// Ask the limiter until when the block of this organization stands; the answer is [`Input::Block`].
    AskBlock,
    /// Open a link.
    Dial(Dial),
    /// Send a stanza.
    Send(LinkId, Node),
    /// Send a WebSocket Ping with this payload.
    Ping(LinkId, Vec<u8>),
    /// Send a close frame with this code and go on reading until the server closes.
    Close(LinkId, u16),
    /// Let go of the link at once.
    Drop(LinkId),
    /// Give the attempt's slot back: it was cancelled before its dial.
    Withdraw(AttemptId),
    /// Something to tell.
    Event(Event),
}

/// A link to open, and whom to log in as.
#[derive(Clone, Debug)]
pub struct Dial {
    /// The link's number.
    pub link: LinkId,
    /// The attempt that pays for it.
    pub attempt: AttemptId,
    /// Whether it is the one re-dial that pairing demands.
    pub handoff: bool,
    /// The device's keys; with its JID it logs in, without it registers.
    pub device: Device,
}

/// What a machine tells its host.
#[derive(Clone, Debug)]
pub enum Event {
    /// It stands elsewhere now.
    State(State),
    /// Show this QR code.
    Qr(String),
    /// The device has new keys or a JID: store it.
    Device(Device),
    /// The connection, or the attempt before it, ended.
    Disconnected(Disconnected),
    /// The WebSocket Ping was answered after so long.
    KeepAliveOk(Millis),
    /// A ping is older than `late_after`.
    KeepAliveLate,
    /// No ping is late any more.
    KeepAliveRecovered,
    /// Something that an operator should look at.
    Alert(Alert),
}

/// How a session ended, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disconnected {
    /// The attempt that had opened it.
    pub attempt: AttemptId,
    /// The link, if one was dialed.
    pub link: Option<LinkId>,
    /// Why.
    pub cause: Cause,
    /// Whether the session dials again, by the handoff alone: the attempt goes on, and ends with a later one of these.
    pub handoff: bool,
    /// What follows for the limiter and the stored device.
    pub then: Consequence,
    /// The stanza that ended it, as it came.
    pub raw: Option<Node>,
    /// What people read: close code and reason, status, raw values that were out of range.
    pub detail: String,
}

impl Disconnected {
    /// Where the session stands after it; nowhere, where its handoff goes on.
    pub fn rests_at(&self) -> Option<State> {
        (!self.handoff).then(|| self.cause.end_state(self.then))
    }
}

/// Something that an operator should look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alert {
    /// The server said 515 in mid-session, or 429.
    RateLimited,
    /// The second disconnect within 24 hours.
    TwoDisconnectsInADay,
    /// A frame did not authenticate.
    BadMac,
    /// The application could not decrypt messages: so many since the process began.
    Undecryptable(u64),
    /// Logged in for 60 s, and the first answers have not come.
    NotReady,
}

impl Alert {
    /// The name in logs and scenarios.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::TwoDisconnectsInADay => "two_disconnects_in_a_day",
            Self::BadMac => "bad_mac",
            Self::Undecryptable(_) => "undecryptable",
            Self::NotReady => "not_ready",
        }
    }
}

/// Why a machine wants to wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// The mandatory wait is over.
    Dial,
    /// A stage took too long.
    Stage,
    /// The next IQ ping is due.
    KeepAlive,
    /// The next WebSocket Ping is due.
    ActivePing,
    /// A ping becomes late.
    Late,
    /// Silence becomes death.
    Dead,
    /// Unanswered IQ pings become death.
    Zombie,
    /// The next QR code.
    Qr,
    /// The first answers are overdue.
    NotReady,
    /// The server has not closed after our close frame.
    Drain,
    /// The block may be over.
    Unblock,
}

//! The machine's contract: how it is set up, what it is told, what it wants done, why it wants to be woken.

use std::sync::Arc;

use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::pairing::Login;
use squall_protocol::{Millis, Node};

use super::{Closed, Guard, Phone, RefsOver, ServerEvent, UnknownIq};
use crate::fault::{CloseCode, CloseReason, FaultId, FaultSpec, Malformation, Target};
use crate::id::ConnectionId;

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From the client's last handshake message to the server's first stanza.
    pub login_delay: Millis,
    /// From the server's last stanza to its close frame.
    pub close_delay: Millis,
    /// The abuse detection; `None` tolerates everything.
    pub guard: Option<Guard>,
    /// The phones' habit.
    pub phone: Phone,
    /// What an `iq` of an unknown kind gets.
    pub unknown_iq: UnknownIq,
    /// The server's own pings.
    pub pings: Pings,
    /// What it does for clients that exchange messages.
    pub messaging: Messaging,
}

/// What the server does for clients that exchange messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Messaging {
    /// The number of an account's first companion. 1, as on the real service, where 0 is the phone; with 0 the companion
    /// stands in the phone's place, as some clients' own tests expect it.
    pub first_companion: u32,
    /// Whether the phone writes to its companion after the first login: the key of the app state, and that there is no
    /// history. Real clients wait for it, whatsapp-rust up to 10 s and Baileys 20 s; a client that holds a connection and
    /// reads no messages has nothing to wait for.
    pub phone_writes: bool,
}

impl Default for Messaging {
    fn default() -> Self {
        Self {
            first_companion: 1,
            phone_writes: true,
        }
    }
}

/// The server's own pings on each connection, from its first word on. None by default: what is known of the real service
/// is that clients ping it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pings {
    /// How often it sends `<iq xmlns="urn:xmpp:ping">`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iq: Option<Millis>,
    /// How often it sends a WebSocket Ping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub websocket: Option<Millis>,
}

/// The kinds of ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PingKind {
    /// A stanza.
    Iq,
    /// A control frame.
    WebSocket,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Baileys before 7.0.0-rc10 derives its transport keys in the background and loses what comes earlier; 150 ms
            // lost nothing in 23 logins.
            login_delay: Millis::new(150),
            close_delay: Millis::ZERO,
            guard: Some(Guard::default()),
            phone: Phone::default(),
            unknown_iq: UnknownIq::default(),
            pings: Pings::default(),
            messaging: Messaging::default(),
        }
    }
}

/// What happens to the server.
#[derive(Debug)]
pub enum Input {
    /// The upgrade was answered with 101.
    Upgraded(ConnectionId),
    /// The Noise transport is up: what the client payload says, and the static key that the client proved to hold.
    Secured(ConnectionId, Login, [u8; 32]),
    /// A stanza came.
    Stanza(ConnectionId, Node),
    /// A connection is no more. A second one for the same connection is harmless.
    Closed(ConnectionId, Closed),
    /// A client shows a QR code where the phone of this account sees it.
    PhoneSeesQr(CompactString, String),
    /// A phone scans this QR code at once.
    ScanQr(String),
    /// A fault is put on, to stand or, with `once`, to be injected.
    Fault {
        /// Its number, unique in a run.
        id: FaultId,
        /// What it is.
        spec: FaultSpec,
        /// Whom it concerns.
        target: Target,
        /// Whether it acts once instead of standing.
        once: bool,
    },
    /// A fault is taken off.
    FaultOff(FaultId),
    /// Every fault is taken off.
    ClearFaults,
    /// The server is about to end: each connection is sent a close frame that says so.
    GoAway,
    /// The time of `poll_timeout` has come. Early or doubled ones are harmless.
    Timeout,
}

/// What the server wants done.
#[derive(Debug)]
pub enum Output {
    /// Send a stanza.
    Send(ConnectionId, Arc<Node>),
    /// Send a stanza and damage its frame after encryption.
    Corrupt(ConnectionId, Arc<Node>),
    /// Send a WebSocket Ping with this payload.
    Ping(ConnectionId, CompactString),
    /// Send a WebSocket Pong with this payload, which answers no Ping.
    Pong(ConnectionId, CompactString),
    /// Send an invalid WebSocket frame.
    Malformed(ConnectionId, Malformation),
    /// Send a close frame and wait for the client's.
    Close(ConnectionId, Option<CloseCode>, CloseReason),
    /// End the stream after what was sent.
    Eof(ConnectionId),
    /// The link is to reset this connection: what is under way is lost, both ends are told.
    Reset(ConnectionId),
    /// Whoever keeps something of this connection back may ask again: the link about what it holds, and the connection
    /// about what it leaves unread or unwritten.
    Resume(ConnectionId),
    /// Something to tell.
    Event(ServerEvent),
}

/// Why the server wants to be woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The login delay of a connection is over.
    Login(ConnectionId),
    /// The phone of this account scans.
    Scan(CompactString),
    /// The phone of this account scans late, by a fault.
    LateScan(CompactString),
    /// The refs of a connection have had their time, by a fault.
    Refs(ConnectionId, RefsOver),
    /// The server's ping is due.
    Ping(ConnectionId, PingKind),
    /// A stanza that a fault delayed is due.
    Send(ConnectionId, Arc<Node>),
    /// The last stanza has had its time.
    Close(ConnectionId),
    /// The client has not answered the close frame.
    LetGo(ConnectionId),
    /// A fault has had its time.
    FaultEnds(FaultId),
    /// A fault wants to act.
    Fault,
}

//! One entry of a trace: what happened, and when.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use squall_protocol::{Instant, Millis, Node};

use super::shown::Shown;
use crate::words::{Alert, Cause, Denial, Stage, State};

/// What happened, and when: milliseconds since the run began, by the engine's own clock.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Since the run began.
    pub at: Instant,
    /// What happened.
    pub event: Event,
}

/// An organization, by its name in the scenario.
pub type OrgName = CompactString;

/// A connection of the run, numbered from 1 in the order of the dials, whoever dialed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "conn {}", self.0)
    }
}

/// Which fault of the run: its place in the scenario's steps, from 1, and which time the step acted, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FaultRef {
    /// The step's number in the scenario, from 1.
    pub step: u32,
    /// Which time that step acted, from 1.
    pub nth: u32,
}

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The subject.
    Client,
    /// The mock server.
    Server,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "a field says by its name and type what it holds; the variant's text says the rest"
)]
pub enum Event {
    // The operator and the limiter.
    /// The operator asked.
    Request { org: OrgName, ask: Ask },
    /// The subject answered a start-session.
    Verdict { org: OrgName, verdict: Verdict },
    /// At dial time the limiter confirmed the attempt.
    PermitSpent { org: OrgName, attempt: u64 },
    /// At dial time the limiter took the permit back.
    PermitRevoked {
        org: OrgName,
        attempt: u64,
        blocked: bool,
    },
    /// The subject gave an attempt's slot back, before its dial.
    Withdrawn { org: OrgName, attempt: u64 },

    // The wire, recorded by the link.
    /// The subject opens a connection. `attempt` is what the subject says it belongs to, 0 if to none.
    Dial {
        conn: ConnectionId,
        org: OrgName,
        attempt: u64,
        handoff: bool,
    },
    /// The connection was refused before a byte went over it, or the client's kernel gave it up.
    ConnectRefused { conn: ConnectionId },
    /// The subject gave a dial up to which no answer came.
    Unanswered { conn: ConnectionId },
    /// The server accepted the connection.
    Accepted { conn: ConnectionId },
    /// The last byte of a message was handed to the link.
    Sent {
        conn: ConnectionId,
        from: Side,
        message: Message,
    },
    /// The last byte of a message was read at the other end.
    Delivered {
        conn: ConnectionId,
        to: Side,
        message: Message,
    },
    /// This side let go of its end of the link.
    Released { conn: ConnectionId, by: Side },

    // What the subject says of itself.
    /// It stands elsewhere now.
    State { org: OrgName, state: State },
    /// It shows a QR code, the nth of this connection, from 1. What the code says is a secret, and not written.
    Qr { org: OrgName, nth: u32 },
    /// It says that its connection, or the attempt before one, ended. `raw` is the stanza it blames.
    Disconnected {
        org: OrgName,
        attempt: u64,
        conn: Option<ConnectionId>,
        cause: Cause,
        stage: Option<Stage>,
        /// It starts the cooldown.
        failure: bool,
        /// It blocks for so long from now.
        block: Option<Millis>,
        /// It moves the stored device aside.
        clear: bool,
        raw: Option<Arc<Node>>,
        detail: String,
    },
    /// A WebSocket Ping was answered after so long.
    KeepAliveOk { org: OrgName, after: Millis },
    /// A ping is late.
    KeepAliveLate { org: OrgName },
    /// No ping is late any more.
    KeepAliveRecovered { org: OrgName },
    /// Something that an operator should look at; of the whole process where it names nobody.
    Alert {
        org: Option<OrgName>,
        kind: Alert,
        /// With `undecryptable`, how many messages there were since the process began.
        messages: Option<u64>,
    },
    /// What the pages of its HTTP API show of an organization, where it has any: asked right before and right after each
    /// request of an operator, and at each boot.
    Shown { org: OrgName, shown: Box<Shown> },
    /// 5 s after this session came to rest, and again at the end of the run: in how long each timer fires that is still
    /// armed for it. Most often there is none.
    Left { org: OrgName, timers: Vec<Millis> },

    // What the server knows.
    /// It sent `<success>`.
    Login { conn: ConnectionId, org: OrgName },
    /// It answered a login with `<failure>`.
    LoginFailed {
        conn: ConnectionId,
        org: OrgName,
        reason: CompactString,
    },
    /// It sent pair-success.
    PairSuccess { conn: ConnectionId, org: OrgName },
    /// The phone scanned the QR code.
    PhoneScanned { org: OrgName },
    /// A phone scanned a code that was good for nothing any more.
    ScanRefused { org: OrgName },
    /// The account's device is no longer valid.
    Revoked { org: OrgName },
    /// The guard punished this account for its dials.
    Penalty {
        conn: Option<ConnectionId>,
        org: OrgName,
    },
    /// A stanza that it does not know, once for each kind.
    UnknownStanza { conn: ConnectionId, kind: String },

    // Faults.
    /// A fault stands, or is about to act once. What comes at random need not touch anybody.
    FaultOn {
        fault: FaultRef,
        kind: CompactString,
        once: bool,
        at_random: bool,
    },
    /// It touched this connection. A fault that acts on every message reports its first touch of each connection.
    FaultActed {
        fault: FaultRef,
        kind: CompactString,
        conn: ConnectionId,
    },
    /// It stands no more.
    FaultOff {
        fault: FaultRef,
        kind: CompactString,
    },

    // The client's process.
    /// It boots, or boots again.
    Booted,
    /// What its store remembers for the limiter right after that boot, as the engine reads it. Whoever is not in it is
    /// forgotten.
    LedgerRead {
        remembered: BTreeMap<OrgName, Remembered>,
    },
    /// It refused to start.
    RefusedToStart { why: String },
    /// Another one was started on its store while it runs: why that one refused, or nothing where it started as well.
    StartedTwice { refused: Option<String> },
    /// It was asked to end, as by SIGTERM: it stops every session, and answers nobody any more.
    Stopping,
    /// It ended in order, after that.
    Exited,
    /// It was killed; what became of its store.
    Crashed { store: CompactString },
    /// It is not polled; its monotonic clock stands, the wall clock runs.
    Suspended,
    /// It is polled again.
    Resumed,
    /// It is stopped and not polled; both its clocks run.
    Paused,
    /// It goes on.
    Continued,
    /// The wall clock of its machine was set: ahead by so many milliseconds, or back where that is below zero.
    ClockStepped { by: i64 },

    // The server's process.
    /// It is gone: its connections end, and nobody can dial it.
    ServerDown,
    /// It is there again, with its accounts and all that it remembers of them.
    ServerUp,

    // The engine's own word.
    /// A key of the run is in the entry before this one, or in a page that the subject shows: which key, and where.
    SecretFound { key: String, place: String },
    /// The run is over.
    End,
}

/// What a store remembers of an organization, told from the moment of a boot by the limiter's own clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Remembered {
    /// Each attempt by its number, and how long ago it was admitted.
    pub attempts: Vec<(u64, Millis)>,
    /// How long ago the last failure was.
    pub failed: Option<Millis>,
    /// For how much longer a block keeps it out, its own or that of all.
    pub blocked: Option<Millis>,
}

/// What an operator asks of the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// start-session.
    Start,
    /// stop-session, or cancel.
    Stop,
    /// Scan the QR code with the phone.
    ScanQr,
}

/// The subject's answer to a start-session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Admitted.
    Granted {
        /// The attempt's number.
        attempt: u64,
    },
    /// Refused.
    Denied {
        /// The rule that frees last.
        cause: Denial,
        /// The other rules that stand in the way.
        also: Vec<Denial>,
        /// When the same call would be granted, as the wall clock is to show it: milliseconds of the Unix epoch.
        retry_at: Option<i64>,
    },
    /// The process was down or suspended: no answer, and no denial.
    Unreachable,
}

/// A message on a connection: never a write, always a whole unit of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The upgrade request.
    UpgradeRequest,
    /// The answer to it.
    UpgradeResponse {
        /// 101 opens the WebSocket.
        status: u16,
        /// The Retry-After header, as it was sent.
        retry_after: Option<CompactString>,
        /// Whether its Sec-WebSocket-Accept is right; meaningful for 101 alone.
        valid: bool,
    },
    /// A Noise handshake message: `client_hello`, `server_hello`, `client_finish`; or what a fault sends instead of the
    /// second: `garbage_hello`, `bad_certificate`.
    Handshake(CompactString),
    /// A stanza, in a binary frame that authenticates.
    Stanza(Arc<Node>),
    /// A binary frame that does not authenticate, and the stanza that was in it.
    Corrupt(Arc<Node>),
    /// A WebSocket Ping, with its payload after unmasking.
    Ping(Vec<u8>),
    /// A WebSocket Pong.
    Pong(Vec<u8>),
    /// A close frame.
    Close {
        /// Its code, if it has one.
        code: Option<u16>,
        /// Its reason, often empty.
        reason: CompactString,
    },
    /// Bytes that are no valid WebSocket frame.
    Malformed(CompactString),
    /// The stream ended.
    Eof,
    /// The transport was reset.
    Reset,
}

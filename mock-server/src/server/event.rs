//! What the server tells of itself, for traces and for people.

use compact_str::CompactString;
use serde::Serialize;
use squall_protocol::Instant;

use crate::fault::FaultId;
use crate::id::ConnectionId;

/// Something that happened at the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerEvent {
    /// A link opened.
    Accepted {
        /// The connection.
        connection: ConnectionId,
    },
    /// A dial found nobody listening.
    Refused {
        /// The connection that did not come to be.
        connection: ConnectionId,
    },
    /// The upgrade was answered with 101.
    Upgraded {
        /// The connection.
        connection: ConnectionId,
    },
    /// The upgrade was answered with another status, or with none at all.
    UpgradeRefused {
        /// The connection.
        connection: ConnectionId,
        /// The HTTP status; `None` where the answer is withheld.
        status: Option<u16>,
    },
    /// `<success>` was sent.
    Login {
        /// The connection.
        connection: ConnectionId,
        /// Whose device.
        account: CompactString,
    },
    /// `<failure>` was sent.
    LoginFailed {
        /// The connection.
        connection: ConnectionId,
        /// Whose device, if it is anybody's.
        account: Option<CompactString>,
        /// The reason that it carries, if it carries one.
        reason: Option<CompactString>,
    },
    /// `<pair-success>` was sent.
    PairSuccess {
        /// The connection.
        connection: ConnectionId,
        /// Whose phone scanned.
        account: CompactString,
    },
    /// A phone looked at a QR code.
    Phone {
        /// Whose phone; `None` where the code belongs to no connection that names an account.
        account: Option<CompactString>,
        /// Whether the code was good for a pairing.
        scanned: bool,
    },
    /// The guard punished an account: it dialed too often, or while a penalty stood.
    Penalty {
        /// The connection that was too much.
        connection: ConnectionId,
        /// Whose it was; `None` where that is not known yet.
        account: Option<CompactString>,
        /// When the penalty ends, if nobody dials before.
        until: Instant,
    },
    /// A device was removed from its account.
    Revoked {
        /// Whose device.
        account: CompactString,
        /// The device's number.
        device: u32,
    },
    /// A stanza of a kind that the server does not know; told once for each kind.
    UnknownStanza {
        /// The connection.
        connection: ConnectionId,
        /// The kind: tag, xmlns, type and first child.
        kind: String,
    },
    /// A connection is no more.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// How the server noticed.
        how: Closed,
    },
    /// A fault was put on.
    FaultOn {
        /// The fault.
        fault: FaultId,
        /// Its name in YAML.
        name: &'static str,
    },
    /// A fault did something. For one that touches every message, the first on each connection.
    FaultActed {
        /// The fault.
        fault: FaultId,
        /// The connection that it touched.
        connection: ConnectionId,
    },
    /// A fault was taken off, or was injected and is over.
    FaultOff {
        /// The fault.
        fault: FaultId,
    },
}

/// How a connection ended, seen from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Closed {
    /// The client sent a close frame, first or in answer.
    Frame {
        /// Its code, if it carries one.
        code: Option<u16>,
    },
    /// The stream ended.
    Eof,
    /// The transport failed.
    Reset,
    /// The server ended the stream, with or without a close frame before.
    ByServer,
    /// The client broke the protocol.
    Violation(String),
}

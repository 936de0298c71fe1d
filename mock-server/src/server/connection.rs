//! The connections that live, and how far each has come.

use std::collections::BTreeMap;

use compact_str::CompactString;
use jiff::Timestamp;

use crate::id::{ConnectionId, Peer};
use crate::server::pairing::Registration;

/// How far a connection has come.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A client dials and has got no answer yet.
    Dialing,
    /// The link is open.
    Accepted,
    /// The WebSocket is open.
    Upgraded,
    /// The Noise transport is up; the server has not answered the client payload yet.
    Secured,
    /// `<success>` or the first `<pair-device>` was sent.
    Open,
    /// The server has ended it: nothing more is sent, and what comes is ignored.
    Ended,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) account: Option<CompactString>,
    pub(crate) stage: Stage,
    /// When it was dialed.
    pub(crate) since: Timestamp,
    /// The device that logs in or is logged in.
    pub(crate) device: Option<u32>,
    /// The device that registers.
    pub(crate) registration: Option<Registration>,
    /// The guard has said no: what was decided at the client payload is answered after the login delay.
    pub(crate) punished: bool,
    /// Whether its user is there, as far as it said.
    pub(crate) is_available: bool,
    /// The accounts whose presence it wants to hear of.
    pub(crate) watches: Vec<CompactString>,
    next_id: u32,
    ordinal: u32,
    ordinal_in_account: Option<u32>,
}

/// The connections that live. Dials are counted, refused ones too.
#[derive(Debug, Default)]
pub struct Connections {
    live: BTreeMap<ConnectionId, Connection>,
    dialed: u32,
    dialed_by: BTreeMap<CompactString, u32>,
}

impl Connections {
    /// A dial.
    pub(crate) fn open(&mut self, peer: Peer, now: Timestamp) {
        self.dialed += 1;
        let connection = Connection {
            account: None,
            stage: Stage::Dialing,
            since: now,
            device: None,
            registration: None,
            punished: false,
            is_available: false,
            watches: Vec::new(),
            next_id: 0,
            ordinal: self.dialed,
            ordinal_in_account: None,
        };
        self.live.insert(peer.connection, connection);
        if let Some(account) = peer.account {
            self.belongs_to(peer.connection, account);
        }
    }

    /// The connection turns out to be this account's; what the listener said stands. Whether this is news.
    pub(crate) fn belongs_to(&mut self, connection: ConnectionId, account: CompactString) -> bool {
        let Some(connection) = self.live.get_mut(&connection) else {
            return false;
        };
        if connection.account.is_some() {
            return false;
        }
        let count = self.dialed_by.entry(account.clone()).or_default();
        *count += 1;
        connection.ordinal_in_account = Some(*count);
        connection.account = Some(account);
        true
    }

    pub(crate) fn close(&mut self, connection: ConnectionId) -> bool {
        self.live.remove(&connection).is_some()
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, connection: ConnectionId) -> Option<&mut Connection> {
        self.live.get_mut(&connection)
    }

    #[inline]
    pub(crate) fn get(&self, connection: ConnectionId) -> Option<&Connection> {
        self.live.get(&connection)
    }

    /// The connections that live, in the order of their numbers.
    pub fn ids(&self) -> impl Iterator<Item = ConnectionId> {
        self.live.keys().copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Connection)> {
        self.live.iter().map(|(id, connection)| (*id, connection))
    }

    /// How far it has come; `None` where it does not live.
    pub fn stage(&self, connection: ConnectionId) -> Option<Stage> {
        self.live
            .get(&connection)
            .map(|connection| connection.stage)
    }

    /// Whose it is, where known.
    pub fn account(&self, connection: ConnectionId) -> Option<&str> {
        self.live.get(&connection)?.account.as_deref()
    }

    /// The how-manieth dial it was, of its account or of all.
    pub(crate) fn ordinal(&self, connection: ConnectionId, in_account: bool) -> Option<u32> {
        let connection = self.live.get(&connection)?;
        match in_account {
            true => connection.ordinal_in_account,
            false => Some(connection.ordinal),
        }
    }

    /// Whether no living connection, of its account or of all, was dialed later.
    pub(crate) fn is_newest(&self, connection: ConnectionId, in_account: bool) -> bool {
        let Some(this) = self.live.get(&connection) else {
            return false;
        };
        self.live
            .values()
            .filter(|other| !in_account || other.account == this.account)
            .all(|other| other.ordinal <= this.ordinal)
    }
}

impl Connection {
    /// An id for the server's next request on this connection.
    pub(crate) fn request_id(&mut self) -> CompactString {
        self.next_id += 1;
        compact_str::format_compact!("mock-{}", self.next_id)
    }
}

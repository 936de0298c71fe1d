//! Names of connections, and who is at the other end.

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// A connection to the server, numbered by whoever made the link, refused ones included. Unique in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "conn {}", self.0)
    }
}

/// The other end of a connection, as the listener knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The connection's number.
    pub connection: ConnectionId,
    /// The account that dials, where the link's maker knows it before the login tells; faults find their target by it.
    pub account: Option<CompactString>,
}

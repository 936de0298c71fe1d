//! A server that is not ours writes nothing into the trace. What it has done to a client is told by what it sent.

use squall_protocol::Node;

use crate::trace::{ConnectionId, Event, OrgName};

/// What the server says that it has done, if this stanza says so.
pub(super) fn told(conn: ConnectionId, org: &OrgName, stanza: &Node) -> Option<Event> {
    let org = org.clone();
    match stanza.tag.as_str() {
        "success" => Some(Event::Login { conn, org }),
        "failure" => Some(Event::LoginFailed {
            conn,
            org,
            reason: stanza.get("reason").unwrap_or_default().into(),
        }),
        "iq" if stanza.find("pair-success").is_some() => Some(Event::PairSuccess { conn, org }),
        _ => None,
    }
}

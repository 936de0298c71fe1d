//! The trace as a log that is read while it grows: a line an event, at once. What is routine (pings, queries, receipts) is
//! not told, so a connection that holds is quiet.

use std::collections::BTreeMap;

use super::clock::Stamp;
use super::says;
use crate::trace::{ConnectionId, Entry, Event, Header, Message, OrgName, Side};

/// Tells a trace as it happens. Its memory is the connections that live.
#[derive(Debug)]
pub struct Log {
    stamp: Stamp,
    whose: BTreeMap<ConnectionId, OrgName>,
}

impl Log {
    /// Of the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            stamp: Stamp::new(header),
            whose: BTreeMap::new(),
        }
    }

    /// The line of this entry, if it is worth one.
    pub fn line(&mut self, entry: &Entry) -> Option<String> {
        if let Event::Dial { conn, org, .. }
        | Event::Login { conn, org }
        | Event::PairSuccess { conn, org } = &entry.event
            && !org.is_empty()
        {
            self.whose.insert(*conn, org.clone());
        }
        let said = self.said(entry)?;
        let who = match conn(&entry.event).and_then(|conn| self.whose.get(&conn)) {
            Some(org) => format!("org {org}"),
            None => String::new(),
        };
        if let Event::Released {
            conn,
            by: Side::Client,
        } = &entry.event
        {
            self.whose.remove(conn);
        }
        Some(self.stamp.line(entry.at, &who, &said))
    }

    fn said(&self, entry: &Entry) -> Option<String> {
        let said = match &entry.event {
            Event::Accepted { conn } => format!("{conn}: accepted"),
            Event::Login { conn, .. } => format!("{conn}: logs in"),
            Event::LoginFailed { conn, reason, .. } => {
                format!("{conn}: login refused with {reason}")
            }
            Event::PairSuccess { conn, .. } => format!("{conn}: paired"),
            Event::Sent {
                conn,
                from: Side::Server,
                message,
            } => server_says(*conn, message)?,
            Event::Delivered {
                conn,
                to: Side::Server,
                message,
            } => client_says(*conn, message)?,
            // The client's end is the last word of a connection.
            Event::Released {
                by: Side::Server, ..
            } => return None,
            Event::Released { conn, .. } => format!("{conn}: gone"),
            event => says::event(event, entry.at, &self.stamp),
        };
        (!said.is_empty()).then_some(said)
    }
}

/// What the server sends that is no routine.
fn server_says(conn: ConnectionId, message: &Message) -> Option<String> {
    Some(match message {
        Message::UpgradeResponse {
            status: 101,
            valid: true,
            ..
        } => format!("{conn}: upgraded"),
        Message::UpgradeResponse { status, .. } => {
            format!("{conn}: upgrade answered with {status}")
        }
        Message::Stanza(node) if node.find("pair-device").is_some() => {
            format!("{conn}: asked to show QR codes")
        }
        Message::Stanza(node)
            if ["stream:error", "failure", "xmlstreamend"].contains(&node.tag.as_str()) =>
        {
            format!("{conn}: server sends {node}")
        }
        Message::Close { .. } | Message::Malformed(_) | Message::Corrupt(_) => {
            let said = says::message(conn, message, false)?;
            said.replace(": ", ": server sends ")
        }
        Message::Eof => format!("{conn}: server ends the stream"),
        Message::Reset => format!("{conn}: reset"),
        _ => return None,
    })
}

/// What the client sends that is no routine.
fn client_says(conn: ConnectionId, message: &Message) -> Option<String> {
    Some(match message {
        Message::Handshake(name) if name == "client_finish" => format!("{conn}: secured"),
        Message::Close { .. } | Message::Malformed(_) => says::message(conn, message, true)?,
        Message::Eof => format!("{conn}: client ends the stream"),
        Message::Reset => format!("{conn}: client resets the connection"),
        _ => return None,
    })
}

/// The connection that an event is about.
fn conn(event: &Event) -> Option<ConnectionId> {
    match event {
        Event::Accepted { conn }
        | Event::ConnectRefused { conn }
        | Event::Sent { conn, .. }
        | Event::Delivered { conn, .. }
        | Event::Released { conn, .. }
        | Event::Login { conn, .. }
        | Event::LoginFailed { conn, .. }
        | Event::PairSuccess { conn, .. }
        | Event::UnknownStanza { conn, .. }
        | Event::FaultActed { conn, .. } => Some(*conn),
        Event::Penalty { conn, .. } => *conn,
        _ => None,
    }
}

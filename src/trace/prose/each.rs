//! The trace entry by entry, a line for each: nothing folds and nothing is left out. For a few entries that somebody wants
//! to look at closely.

use std::collections::BTreeMap;

use super::clock::Stamp;
use super::says;
use crate::trace::{Ask, ConnectionId, Entry, Event, Header, Message, OrgName, Side, Verdict};

/// Tells each entry of a trace. Its memory is the connections that live.
#[derive(Debug)]
pub struct Each {
    stamp: Stamp,
    whose: BTreeMap<ConnectionId, OrgName>,
}

impl Each {
    /// Of the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            stamp: Stamp::new(header),
            whose: BTreeMap::new(),
        }
    }

    /// The line of this entry.
    pub fn line(&mut self, entry: &Entry) -> String {
        let (at, event) = (entry.at, &entry.event);
        match event {
            Event::ClockStepped { by } => self.stamp.step(*by),
            Event::Dial { conn, org, .. } => {
                self.whose.insert(*conn, org.clone());
            }
            _ => {}
        }
        let about = whom(event);
        let org = match about {
            Whom::Org(org) => Some(org),
            Whom::Conn(conn) => self.whose.get(conn),
            Whom::Nobody => None,
        };
        let who = org.map_or_else(String::new, |org| format!("org {org}"));
        let said = match told(event) {
            Some(said) => said,
            None => says::event(event, at, &self.stamp),
        };
        let line = self.stamp.line(at, &who, &said);
        // The client's end is the last word of a connection, give or take the server's.
        if let Event::Released {
            conn,
            by: Side::Client,
        } = event
        {
            self.whose.remove(conn);
        }
        line
    }
}

/// Whom an entry is about.
enum Whom<'a> {
    Org(&'a OrgName),
    Conn(&'a ConnectionId),
    Nobody,
}

fn whom(event: &Event) -> Whom<'_> {
    match event {
        Event::Request { org, .. }
        | Event::Verdict { org, .. }
        | Event::PermitSpent { org, .. }
        | Event::PermitRevoked { org, .. }
        | Event::Withdrawn { org, .. }
        | Event::Dial { org, .. }
        | Event::State { org, .. }
        | Event::Qr { org, .. }
        | Event::Disconnected { org, .. }
        | Event::KeepAliveOk { org, .. }
        | Event::KeepAliveLate { org }
        | Event::KeepAliveRecovered { org }
        | Event::Alert { org: Some(org), .. }
        | Event::Shown { org, .. }
        | Event::Left { org, .. }
        | Event::Login { org, .. }
        | Event::LoginFailed { org, .. }
        | Event::PairSuccess { org, .. }
        | Event::PhoneScanned { org }
        | Event::ScanRefused { org }
        | Event::Revoked { org }
        | Event::Penalty { org, .. } => Whom::Org(org),
        Event::ConnectRefused { conn }
        | Event::Unanswered { conn }
        | Event::Accepted { conn }
        | Event::Sent { conn, .. }
        | Event::Delivered { conn, .. }
        | Event::Released { conn, .. }
        | Event::UnknownStanza { conn, .. }
        | Event::FaultActed { conn, .. } => Whom::Conn(conn),
        Event::Alert { org: None, .. }
        | Event::FaultOn { .. }
        | Event::FaultOff { .. }
        | Event::Booted
        | Event::LedgerRead { .. }
        | Event::RefusedToStart { .. }
        | Event::StartedTwice { .. }
        | Event::Stopping
        | Event::Exited
        | Event::Crashed { .. }
        | Event::Suspended
        | Event::Resumed
        | Event::Paused
        | Event::Continued
        | Event::ClockStepped { .. }
        | Event::ServerDown
        | Event::ServerUp
        | Event::SecretFound { .. }
        | Event::End => Whom::Nobody,
    }
}

/// What the prose tells with something else, or folds, by itself; `None` for all that is told alone there too.
fn told(event: &Event) -> Option<String> {
    Some(match event {
        Event::Request { ask, .. } => match ask {
            Ask::Start => "the operator asks it to start".to_owned(),
            Ask::Stop => "the operator stops it".to_owned(),
            Ask::ScanQr => "the operator scans the QR code".to_owned(),
        },
        Event::Verdict { verdict, .. } => match verdict {
            Verdict::Granted { attempt } => format!("start admitted: attempt {attempt}"),
            Verdict::Denied { cause, also, .. } => {
                let all: Vec<_> = std::iter::once(cause).chain(also).collect();
                let all: Vec<_> = all.iter().map(ToString::to_string).collect();
                format!("start refused: {}", all.join(", "))
            }
            Verdict::Unreachable => "start: no answer, the process is not there".to_owned(),
        },
        Event::PermitSpent { attempt, .. } => format!("permit of attempt {attempt} spent"),
        Event::Dial {
            conn,
            attempt,
            handoff,
            ..
        } => match (handoff, attempt) {
            (true, _) => format!("handoff of attempt {attempt}: dials {conn}"),
            (false, 0) => format!("dials {conn} for no attempt"),
            (false, _) => format!("dials {conn} for attempt {attempt}"),
        },
        Event::Accepted { conn } => format!("{conn}: accepted"),
        Event::Sent {
            conn,
            from,
            message,
        } => match from {
            Side::Client => format!("{conn}: client sends {}", what(message)),
            Side::Server => format!("{conn}: server sends {}", what(message)),
        },
        Event::Delivered { conn, to, message } => match to {
            Side::Client => format!("{conn}: client gets {}", what(message)),
            Side::Server => format!("{conn}: server gets {}", what(message)),
        },
        Event::State { state, .. } => format!("state: {state}"),
        Event::Shown { .. } => "what its pages show".to_owned(),
        Event::KeepAliveOk { after, .. } => format!("keep-alive ok, after {after}"),
        Event::KeepAliveLate { .. } => "keep-alive late".to_owned(),
        Event::KeepAliveRecovered { .. } => "keep-alive recovered".to_owned(),
        Event::Login { conn, .. } => format!("{conn}: the server sends <success>"),
        Event::LoginFailed { conn, reason, .. } => format!("{conn}: login refused: {reason}"),
        Event::PairSuccess { conn, .. } => format!("{conn}: the server sends pair-success"),
        Event::LedgerRead { remembered } if remembered.is_empty() => {
            "its store remembers nothing".to_owned()
        }
        Event::Left { timers, .. } if timers.is_empty() => "at rest, and no timer armed".to_owned(),
        _ => return None,
    })
}

/// A message, whoever sends or gets it.
fn what(message: &Message) -> String {
    match message {
        Message::UpgradeRequest => "the upgrade request".to_owned(),
        Message::UpgradeResponse { status, valid, .. } => match *valid || *status != 101 {
            true => format!("the answer {status} to the upgrade"),
            false => "the answer 101 with a wrong Sec-WebSocket-Accept".to_owned(),
        },
        Message::Handshake(name) => name.to_string(),
        Message::Stanza(node) => node.to_string(),
        Message::Corrupt(node) => format!("a frame that does not authenticate, with {node}"),
        Message::Ping(payload) => format!("WebSocket Ping {}", hex(payload)),
        Message::Pong(payload) => format!("WebSocket Pong {}", hex(payload)),
        Message::Close { code, reason } => match code {
            Some(code) => format!("close frame {code} {reason:?}"),
            None => "close frame without a code".to_owned(),
        },
        Message::Malformed(kind) => format!("an invalid WebSocket frame: {kind}"),
        Message::Eof => "the end of the stream".to_owned(),
        Message::Reset => "a reset".to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! The texts of an entry: whatever in it came from a peer, a library or a subject, and not from the scenario.

use squall_protocol::{Content, Node};

use crate::trace::{Event, Message};

/// Hands each text of this event to `look`, with where it stands. What is delivered was sent, and was looked at then.
pub(super) fn of(event: &Event, look: &mut impl FnMut(&'static str, &[u8])) {
    match event {
        Event::Sent { message, .. } => of_message(message, look),
        Event::Disconnected { raw, detail, .. } => {
            look("the detail of an end", detail.as_bytes());
            if let Some(node) = raw {
                of_node("the stanza that an end blames", node, look);
            }
        }
        Event::LoginFailed { reason, .. } => look("a refused login", reason.as_bytes()),
        Event::UnknownStanza { kind, .. } => look("an unknown stanza", kind.as_bytes()),
        Event::RefusedToStart { why } | Event::StartedTwice { refused: Some(why) } => {
            look("a refusal to start", why.as_bytes());
        }
        // Names of the scenario, numbers and words of closed lists. Every event stands here, so that a new one asks where
        // its text is from.
        Event::Request { .. }
        | Event::Verdict { .. }
        | Event::PermitSpent { .. }
        | Event::PermitRevoked { .. }
        | Event::Withdrawn { .. }
        | Event::Dial { .. }
        | Event::ConnectRefused { .. }
        | Event::Unanswered { .. }
        | Event::Accepted { .. }
        | Event::Delivered { .. }
        | Event::Released { .. }
        | Event::State { .. }
        | Event::Qr { .. }
        | Event::KeepAliveOk { .. }
        | Event::KeepAliveLate { .. }
        | Event::KeepAliveRecovered { .. }
        | Event::Alert { .. }
        | Event::Shown { .. }
        | Event::Left { .. }
        | Event::Login { .. }
        | Event::PairSuccess { .. }
        | Event::PhoneScanned { .. }
        | Event::ScanRefused { .. }
        | Event::Revoked { .. }
        | Event::Penalty { .. }
        | Event::FaultOn { .. }
        | Event::FaultActed { .. }
        | Event::FaultOff { .. }
        | Event::Booted
        | Event::LedgerRead { .. }
        | Event::StartedTwice { refused: None }
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
        | Event::End => {}
    }
}

fn of_message(message: &Message, look: &mut impl FnMut(&'static str, &[u8])) {
    match message {
        Message::Stanza(node) => of_node("a stanza", node, look),
        Message::Corrupt(node) => of_node("a stanza in a damaged frame", node, look),
        Message::Ping(payload) => look("a WebSocket Ping", payload),
        Message::Pong(payload) => look("a WebSocket Pong", payload),
        Message::Close { reason, .. } => look("a close frame", reason.as_bytes()),
        Message::Handshake(name) => look("a handshake message", name.as_bytes()),
        Message::Malformed(what) => look("an invalid frame", what.as_bytes()),
        Message::UpgradeResponse {
            retry_after: Some(text),
            ..
        } => look("the answer to an upgrade", text.as_bytes()),
        Message::UpgradeRequest
        | Message::UpgradeResponse { .. }
        | Message::Eof
        | Message::Reset => {}
    }
}

fn of_node(place: &'static str, node: &Node, look: &mut impl FnMut(&'static str, &[u8])) {
    look(place, node.tag.as_bytes());
    for (name, value) in &node.attrs {
        look(place, name.as_bytes());
        look(place, value.as_bytes());
    }
    match &node.content {
        Content::Empty => {}
        Content::Bytes(bytes) => look(place, bytes),
        Content::Nodes(children) => {
            for child in children {
                of_node(place, child, look);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::trace::{ConnectionId, Side};
    use crate::words::Cause;

    const TEXT: &str = "the text";

    fn sent(message: Message) -> Event {
        Event::Sent {
            conn: ConnectionId(1),
            from: Side::Server,
            message,
        }
    }

    fn ended(detail: &str, raw: Option<Node>) -> Event {
        Event::Disconnected {
            org: "2".into(),
            attempt: 1,
            conn: None,
            cause: Cause::StreamError,
            stage: None,
            failure: true,
            block: None,
            clear: false,
            raw: raw.map(Arc::new),
            detail: detail.to_owned(),
        }
    }

    #[test]
    fn every_text_is_looked_at() {
        let node = || Node::new("a").child(Node::new("b").child(Node::new("c").bytes(TEXT)));
        let stanza = |node| sent(Message::Stanza(Arc::new(node)));
        let (conn, org) = (ConnectionId(1), "2".into());
        let events = [
            ended(TEXT, None),
            ended("", Some(node())),
            stanza(node()),
            stanza(Node::new(TEXT)),
            stanza(Node::new("a").attr("b", TEXT)),
            stanza(Node::new("a").attr(TEXT, "b")),
            sent(Message::Corrupt(Arc::new(node()))),
            sent(Message::Ping(TEXT.into())),
            sent(Message::Pong(TEXT.into())),
            sent(Message::Handshake(TEXT.into())),
            sent(Message::Malformed(TEXT.into())),
            sent(Message::Close {
                code: None,
                reason: TEXT.into(),
            }),
            sent(Message::UpgradeResponse {
                status: 429,
                retry_after: Some(TEXT.into()),
                valid: true,
            }),
            Event::LoginFailed {
                conn,
                org,
                reason: TEXT.into(),
            },
            Event::UnknownStanza {
                conn,
                kind: TEXT.to_owned(),
            },
            Event::RefusedToStart {
                why: TEXT.to_owned(),
            },
            Event::StartedTwice {
                refused: Some(TEXT.to_owned()),
            },
        ];
        for event in events {
            let mut seen = 0;
            of(&event, &mut |_, text| {
                seen += usize::from(text == TEXT.as_bytes());
            });
            assert_eq!(seen, 1, "{event:?}");
        }
    }
}

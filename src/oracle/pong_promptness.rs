//! The server's ping is answered in the same millisecond, also while flooded.

use std::fmt;

use compact_str::CompactString;
use squall_protocol::Instant;

use super::ending::Ending;
use super::live::Live;
use super::stanza::{iq_answer_id, server_ping_id};
use super::tolerance::Tolerance;
use super::{Findings, Oracle};
use crate::trace::{ConnectionId, Entry, Event, Header, Message, Side};
use crate::words::OracleName;

/// Waits for the answer to every ping that is delivered to the client, until the millisecond is over.
#[derive(Debug, Default)]
pub struct PongPromptness {
    tolerance: Tolerance,
    /// Dialed, and nothing that ends it delivered or reported.
    open: Live<()>,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    conn: ConnectionId,
    at: Instant,
    ping: Ping,
}

#[derive(Debug, PartialEq)]
enum Ping {
    WebSocket(Vec<u8>),
    Iq(CompactString),
}

impl fmt::Display for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WebSocket(payload) => {
                write!(f, "WebSocket Ping ({} bytes)", payload.len())
            }
            Self::Iq(id) => write!(f, "IQ ping {id:?}"),
        }
    }
}

impl PongPromptness {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            tolerance: Tolerance::of(header),
            ..Self::default()
        }
    }

    fn answered(&mut self, conn: ConnectionId, message: &Message) {
        match message {
            // A pong answers its ping and every earlier one of its connection: whoever has several to answer may answer
            // the last alone (RFC 6455, 5.5.3).
            Message::Pong(payload) => {
                let mut is_pong_of = |waiting: &Waiting| {
                    waiting.conn == conn
                        && matches!(&waiting.ping, Ping::WebSocket(ping) if ping == payload)
                };
                if let Some(last) = self.waiting.iter().rposition(&mut is_pong_of) {
                    let mut place = 0;
                    self.waiting.retain(|waiting| {
                        place += 1;
                        place > last + 1
                            || waiting.conn != conn
                            || matches!(waiting.ping, Ping::Iq(_))
                    });
                }
            }
            message => {
                if let Some(id) = iq_answer_id(message) {
                    self.waiting.retain(|waiting| {
                        waiting.conn != conn
                            || !matches!(&waiting.ping, Ping::Iq(ping) if ping == id)
                    });
                }
            }
        }
    }

    /// The connection is over: nothing more is owed to it.
    fn over(&mut self, conn: ConnectionId) {
        self.open.remove(conn);
        self.waiting.retain(|waiting| waiting.conn != conn);
    }

    fn overdue(&mut self, now: Instant, findings: &mut Findings) {
        let near = self.tolerance.near;
        self.waiting.retain(|waiting| {
            let overdue = waiting.at + near < now;
            if overdue {
                findings.say(
                    OracleName::PongPromptness,
                    waiting.at,
                    None,
                    Some(waiting.conn),
                    || {
                        format!(
                            "the server's {} was not answered in its millisecond",
                            waiting.ping
                        )
                    },
                );
            }
            !overdue
        });
    }
}

impl Oracle for PongPromptness {
    fn name(&self) -> OracleName {
        OracleName::PongPromptness
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        if !self.waiting.is_empty() {
            self.overdue(entry.at, findings);
        }
        match &entry.event {
            Event::Delivered {
                conn,
                to: Side::Client,
                message,
            } => {
                let ping = match message {
                    Message::Ping(payload) => Ping::WebSocket(payload.clone()),
                    message => match server_ping_id(message) {
                        Some(id) => Ping::Iq(id.into()),
                        None => {
                            if Ending::is(message) {
                                self.over(*conn);
                            }
                            return;
                        }
                    },
                };
                if self.open.get(*conn).is_some() {
                    findings.judged(self.name());
                    self.waiting.push(Waiting {
                        conn: *conn,
                        at: entry.at,
                        ping,
                    });
                }
            }
            Event::Dial { conn, .. } => self.open.insert(*conn, ()),
            Event::Sent {
                conn,
                from: Side::Client,
                message,
            } if !self.waiting.is_empty() => self.answered(*conn, message),
            Event::Disconnected {
                conn: Some(conn), ..
            }
            | Event::Released {
                conn,
                by: Side::Client,
            } => self.over(*conn),
            Event::Crashed { .. } | Event::Exited => {
                drop(self.open.drain());
                self.waiting.clear();
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: Instant, findings: &mut Findings) {
        self.overdue(end, findings);
    }
}

#[cfg(test)]
mod tests {
    use squall_protocol::Node;

    use super::super::testing::Tape;
    use super::*;

    fn pinged(payload: &[u8]) -> Tape {
        let mut tape = Tape::new();
        let ping = Message::Ping(payload.to_vec());
        tape.start().at(40_000).carried(Side::Server, &ping);
        tape
    }

    fn pong(tape: &mut Tape, payload: &[u8]) {
        tape.carried(Side::Client, &Message::Pong(payload.to_vec()));
    }

    fn iq_pinged() -> Tape {
        let ping = Node::new("iq")
            .attr("xmlns", "urn:xmpp:ping")
            .attr("type", "get")
            .attr("id", "s-1");
        let mut tape = Tape::new();
        tape.start().at(40_000).server_says(ping);
        tape
    }

    #[test]
    fn a_ping_answered_at_once_is_fine() {
        let mut tape = pinged(b"a");
        pong(&mut tape, b"a");
        tape.pass(1_000);
        tape.assert_clean(PongPromptness::new);

        let mut tape = iq_pinged();
        tape.client_says(Node::new("iq").attr("type", "result").attr("id", "s-1"));
        tape.pass(1_000);
        tape.assert_clean(PongPromptness::new);
    }

    #[test]
    fn a_late_pong_is_a_finding() {
        let mut tape = pinged(b"a");
        tape.pass(1);
        pong(&mut tape, b"a");
        tape.assert_says(
            PongPromptness::new,
            &["WebSocket Ping (1 bytes) was not answered"],
        );
    }

    #[test]
    fn a_missing_pong_is_a_finding() {
        let mut tape = pinged(b"a");
        tape.pass(1)
            .assert_says(PongPromptness::new, &["WebSocket Ping"]);
        let mut tape = iq_pinged();
        tape.pass(1)
            .assert_says(PongPromptness::new, &["IQ ping \"s-1\""]);
    }

    #[test]
    fn a_wrong_pong_answers_nothing() {
        let mut tape = pinged(b"a");
        pong(&mut tape, b"b");
        tape.pass(1);
        tape.assert_says(PongPromptness::new, &["WebSocket Ping"]);
    }

    #[test]
    fn the_last_pong_of_a_millisecond_answers_the_earlier_pings_too() {
        let mut tape = pinged(b"a");
        tape.carried(Side::Server, &Message::Ping(b"b".to_vec()));
        pong(&mut tape, b"b");
        tape.pass(1_000);
        tape.assert_clean(PongPromptness::new);
    }

    #[test]
    fn each_ping_of_a_flood_is_owed_its_pong_in_its_own_millisecond() {
        for forgotten in [None, Some(700)] {
            let mut tape = Tape::new();
            tape.start().at(40_000);
            for index in 0..1_000_u32 {
                let payload = index.to_be_bytes().to_vec();
                tape.carried(Side::Server, &Message::Ping(payload.clone()));
                if forgotten != Some(index) {
                    pong(&mut tape, &payload);
                }
                tape.pass(1);
            }
            let words: &[&str] = match forgotten {
                None => &[],
                Some(_) => &["WebSocket Ping (4 bytes) was not answered"],
            };
            tape.assert_says(PongPromptness::new, words);
        }
    }

    #[test]
    fn a_ping_on_a_connection_that_is_over_needs_no_answer() {
        let mut tape = Tape::new();
        tape.start().at(40_000).close().ended();
        tape.carried(Side::Server, &Message::Ping(b"a".to_vec()))
            .pass(1_000);
        tape.assert_clean(PongPromptness::new);
    }

    #[test]
    fn a_connection_that_ends_in_the_same_millisecond_owes_nothing() {
        let mut tape = pinged(b"a");
        tape.close().ended().pass(1_000);
        tape.assert_clean(PongPromptness::new);
    }
}

//! What a client did that says nothing of itself, as the server saw it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use compact_str::CompactString;
use squall_protocol::{Instant, Node};

use crate::trace::{ConnectionId, Entry, Event, Message, Side};

/// Its connections, and what befell them.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Each, by its number.
    pub connections: BTreeMap<ConnectionId, Connection>,
    /// What it asked that the server does not know.
    pub unknown: BTreeSet<String>,
    /// Its process was launched.
    pub launched: bool,
    /// Its process ended, by itself or by a step of the run, and was not launched again.
    pub gone: Option<Instant>,
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The client dialed.
    pub dialed: Instant,
    /// The server sent pair-success on it.
    pub paired: Option<Instant>,
    /// The server welcomed it.
    pub logged_in: Option<Instant>,
    /// So many of its pings the server answered, in whatever way.
    pub pings_answered: u64,
    /// The last of them.
    pub last_answer: Option<Instant>,
    /// The first fault that touched it.
    pub struck: Option<(Instant, CompactString)>,
    /// The server said its last: a close frame, or the end of the stream.
    pub server_ended: Option<Instant>,
    /// The client said its last, and how.
    pub client_ended: Option<(Instant, &'static str)>,
    /// Pings that wait for their answer, the newest of them.
    pings: VecDeque<CompactString>,
}

impl Connection {
    fn dialed(at: Instant) -> Self {
        Self {
            dialed: at,
            paired: None,
            logged_in: None,
            pings_answered: 0,
            last_answer: None,
            struck: None,
            server_ended: None,
            client_ended: None,
            pings: VecDeque::new(),
        }
    }

    fn hear(&mut self, at: Instant, from: Side, message: &Message) {
        let how = match message {
            Message::Close { .. } => "by a close frame",
            Message::Eof => "by the end of the stream",
            Message::Reset => "by a reset",
            Message::Stanza(node) => return self.hear_stanza(at, from, node),
            _ => return,
        };
        match from {
            Side::Server => {
                self.server_ended.get_or_insert(at);
            }
            Side::Client => {
                self.client_ended.get_or_insert((at, how));
            }
        }
    }

    fn hear_stanza(&mut self, at: Instant, from: Side, node: &Node) {
        if node.tag != "iq" {
            return;
        }
        match from {
            Side::Client if node.get("xmlns") == Some("w:p") => {
                if self.pings.len() == WAITING {
                    self.pings.pop_front();
                }
                self.pings.extend(node.get("id").map(CompactString::new));
            }
            Side::Server => {
                let id = node.get("id").unwrap_or_default();
                let asked = self.pings.iter().position(|ping| ping == id);
                if asked.and_then(|place| self.pings.remove(place)).is_some() {
                    self.pings_answered += 1;
                    self.last_answer = Some(at);
                }
            }
            Side::Client => {}
        }
    }
}

/// Nobody waits for more answers than these; what a zombie is asked is not kept for ever.
const WAITING: usize = 16;

impl Seen {
    pub(super) fn hear(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.event {
            Event::Dial { conn, .. } => {
                self.connections.insert(*conn, Connection::dialed(at));
            }
            Event::PairSuccess { conn, .. } => {
                self.of(*conn, |it| it.paired = Some(at));
            }
            Event::Login { conn, .. } => {
                self.of(*conn, |it| it.logged_in = Some(at));
            }
            Event::FaultActed { conn, kind, .. } => self.of(*conn, |it| {
                it.struck.get_or_insert((at, kind.clone()));
            }),
            Event::Sent {
                conn,
                from,
                message,
            } => self.of(*conn, |it| it.hear(at, *from, message)),
            Event::UnknownStanza { kind, .. } => {
                self.unknown.insert(kind.clone());
            }
            Event::Booted => {
                self.launched = true;
                self.gone = None;
            }
            Event::Crashed { .. } => self.gone = Some(at),
            _ => {}
        }
    }

    fn of(&mut self, conn: ConnectionId, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            change(connection);
        }
    }

    /// What there is to say at the end of the run.
    pub fn told(&self, end: Instant) -> Vec<String> {
        let all = self.connections.values();
        let logins = all.filter(|it| it.logged_in.is_some()).count();
        let mut lines = vec![format!(
            "{} dialed, {} in all",
            counted(self.connections.len(), "connection", "connections"),
            counted(logins, "login", "logins"),
        )];
        let mut before: Option<&Connection> = None;
        for (conn, connection) in &self.connections {
            let mut line = format!("{conn}: dialed at {}", connection.dialed);
            if let Some((ended, _)) = before.and_then(|before| before.client_ended) {
                line += &format!(
                    ", {} after the end of the one before",
                    connection.dialed - ended
                );
            }
            if let Some((at, fault)) = &connection.struck {
                line += &format!("; {fault} at {at}");
            }
            line += &match (
                connection.client_ended,
                connection.struck.as_ref(),
                connection.server_ended,
            ) {
                (Some((at, how)), Some((struck, _)), _) if at >= *struck => {
                    format!("; ended by the client {how}, {} later", at - *struck)
                }
                (Some((at, how)), _, _) => format!("; ended by the client {how} at {at}"),
                (None, _, Some(at)) => {
                    format!(
                        "; no close event: the server had ended it at {at}, and the client kept it"
                    )
                }
                (None, Some((struck, _)), None) => {
                    format!("; no close event in the {} that were left", end - *struck)
                }
                (None, None, None) => "; held to the end".to_owned(),
            };
            lines.push(line);
            before = Some(connection);
        }
        if !self.unknown.is_empty() {
            let unknown: Vec<&str> = self.unknown.iter().map(String::as_str).collect();
            lines.push(format!(
                "asked what the server does not know: {}",
                unknown.join(", ")
            ));
        }
        lines
    }
}

fn counted(number: usize, one: &str, more: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        number => format!("{number} {more}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(events: Vec<(u64, Event)>) -> Vec<String> {
        let mut seen = Seen::default();
        for (at, event) in events {
            let at = Instant::at(at);
            seen.hear(&Entry { at, event });
        }
        seen.told(Instant::at(60_000))
    }

    fn dial(conn: u64) -> Event {
        Event::Dial {
            conn: ConnectionId(conn),
            org: "1".into(),
            attempt: 1,
            handoff: false,
        }
    }

    fn sent(conn: u64, from: Side, message: Message) -> Event {
        let conn = ConnectionId(conn);
        Event::Sent {
            conn,
            from,
            message,
        }
    }

    fn acted(conn: u64) -> Event {
        Event::FaultActed {
            fault: crate::trace::FaultRef { step: 1, nth: 1 },
            kind: "blackhole".into(),
            conn: ConnectionId(conn),
        }
    }

    #[test]
    fn a_silence_that_is_noticed_and_followed_by_a_redial_is_told_with_its_times() {
        let lines = told(vec![
            (0, dial(1)),
            (5_000, acted(1)),
            (35_000, sent(1, Side::Client, Message::Eof)),
            (36_000, dial(2)),
        ]);
        assert_eq!(
            lines,
            [
                "2 connections dialed, 0 logins in all",
                "conn 1: dialed at 0s; blackhole at 5s; ended by the client by the end of the stream, 30s later",
                "conn 2: dialed at 36s, 1s after the end of the one before; held to the end",
            ]
        );
    }

    #[test]
    fn a_client_that_never_lets_go_has_no_close_event() {
        let silent = told(vec![(0, dial(1)), (5_000, acted(1))]);
        assert!(
            silent[1].ends_with("; no close event in the 55s that were left"),
            "{silent:?}"
        );
        let kept = told(vec![
            (0, dial(1)),
            (5_000, sent(1, Side::Server, Message::Eof)),
        ]);
        assert!(
            kept[1].contains("no close event: the server had ended it at 5s"),
            "{kept:?}"
        );
    }
}

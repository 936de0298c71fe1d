//! What a client did that says nothing of itself, as the server saw it.

use std::collections::BTreeMap;

use squall_protocol::Instant;

use crate::trace::{ConnectionId, Entry, Event, Message, Side};

/// Its connections, and what befell them.
#[derive(Debug, Default)]
pub(super) struct Seen {
    connections: BTreeMap<ConnectionId, Connection>,
    logins: u64,
}

#[derive(Debug)]
struct Connection {
    dialed: Instant,
    /// The first fault that touched it.
    struck: Option<(Instant, String)>,
    /// The server said its last: a close frame, or the end of the stream.
    server_ended: Option<Instant>,
    /// The client said its last.
    client_ended: Option<(Instant, &'static str)>,
}

impl Seen {
    pub(super) fn hear(&mut self, entry: &Entry) {
        let at = entry.at;
        match &entry.event {
            Event::Dial { conn, .. } => {
                let dialed = Connection {
                    dialed: at,
                    struck: None,
                    server_ended: None,
                    client_ended: None,
                };
                self.connections.insert(*conn, dialed);
            }
            Event::Login { .. } => self.logins += 1,
            Event::FaultActed { conn, kind, .. } => {
                if let Some(connection) = self.connections.get_mut(conn) {
                    connection.struck.get_or_insert((at, kind.to_string()));
                }
            }
            Event::Sent {
                conn,
                from,
                message,
            } => {
                let how = match message {
                    Message::Close { .. } => "by a close frame",
                    Message::Eof => "by the end of the stream",
                    Message::Reset => "by a reset",
                    _ => return,
                };
                let Some(connection) = self.connections.get_mut(conn) else {
                    return;
                };
                match from {
                    Side::Server => {
                        connection.server_ended.get_or_insert(at);
                    }
                    Side::Client => {
                        connection.client_ended.get_or_insert((at, how));
                    }
                }
            }
            _ => {}
        }
    }

    /// What there is to say at the end of the run.
    pub(super) fn told(&self, end: Instant) -> Vec<String> {
        let mut lines = vec![format!(
            "{} dialed, {} in all",
            counted(self.connections.len(), "connection", "connections"),
            counted(
                usize::try_from(self.logins).unwrap_or(usize::MAX),
                "login",
                "logins"
            ),
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
                "conn 1: dialed at 0ms; blackhole at 5s; ended by the client by the end of the stream, 30s later",
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

//! What folds: pings and their answers, queries, and stanzas after login.

use std::collections::{BTreeMap, VecDeque};

use compact_str::{CompactString, format_compact};
use squall_protocol::{Instant, Millis, Node};

use super::{Mark, MarkKind};
use crate::trace::{ConnectionId, Message};

/// What one organization did since its last mark that is not worth one each.
#[derive(Debug, Default)]
pub(super) struct Routine {
    conn: Option<ConnectionId>,
    span: Option<(Instant, Instant)>,
    iq: Beat,
    web_socket: Beat,
    /// Everything else, by what it is.
    others: BTreeMap<CompactString, u64>,
}

/// Pings of one kind.
#[derive(Debug, Default)]
struct Beat {
    waiting: VecDeque<(Instant, CompactString)>,
    sent: u64,
    answered: u64,
    slowest: Millis,
}

/// So many kinds of stanzas are told apart in one fold.
const KINDS: usize = 12;
/// So many unanswered pings are remembered.
const WAITING: usize = 64;

impl Routine {
    /// Whether what is folded began so long before.
    pub(super) fn is_older_than(&self, at: Instant, length: Millis) -> bool {
        self.span.is_some_and(|(first, _)| at.since(first) > length)
    }

    /// Takes in a message that the client sent or received, if it is routine.
    pub(super) fn take_in(
        &mut self,
        at: Instant,
        conn: ConnectionId,
        message: &Message,
        sent: bool,
    ) -> bool {
        if self.conn.replace(conn).is_some_and(|before| before != conn) {
            self.iq.waiting.clear();
            self.web_socket.waiting.clear();
        }
        match message {
            Message::UpgradeRequest => self.other("upgrade asked for"),
            Message::UpgradeResponse {
                status: 101,
                valid: true,
                ..
            } => self.other("upgraded"),
            Message::Handshake(name)
                if ["client_hello", "server_hello", "client_finish"].contains(&name.as_str()) =>
            {
                self.other("handshake messages");
            }
            Message::Ping(payload) if sent => self.web_socket.ask(at, hex(payload)),
            Message::Ping(_) => self.other("server's Pings"),
            Message::Pong(_) if sent => self.other("Pongs sent"),
            Message::Pong(payload) => {
                if !self.web_socket.answer(at, &hex(payload)) {
                    self.other("Pongs that answer no Ping");
                }
            }
            Message::Stanza(node) => return self.stanza(at, node, sent),
            _ => return false,
        }
        self.touch(at);
        true
    }

    fn stanza(&mut self, at: Instant, node: &Node, sent: bool) -> bool {
        let id = node.get("id").unwrap_or("");
        let answers = matches!(node.get("type"), Some("result" | "error"));
        match node.tag.as_str() {
            "stream:error" | "failure" | "xmlstreamend" => return false,
            "iq" if node.find("pair-device").is_some() || node.find("pair-success").is_some() => {
                return false;
            }
            "success" if !sent => self.other("logged in"),
            "iq" if sent && !answers && node.get("xmlns") == Some("w:p") => {
                self.iq.ask(at, id.into());
            }
            "iq" if !sent && answers && self.iq.answer(at, id) => {}
            "iq" if answers => {
                let way = if sent { "answers sent" } else { "answers" };
                self.other(way);
            }
            "iq" => {
                let way = if sent { "queries" } else { "server's queries" };
                self.other(way);
            }
            tag => {
                let way = if sent { "sent" } else { "received" };
                self.other(&format_compact!("{tag} {way}"));
            }
        }
        self.touch(at);
        true
    }

    fn touch(&mut self, at: Instant) {
        let first = self.span.map_or(at, |(first, _)| first);
        self.span = Some((first, at));
    }

    fn other(&mut self, what: &str) {
        let known = self.others.len() < KINDS || self.others.contains_key(what);
        let what = if known { what } else { "others" };
        *self.others.entry(what.into()).or_default() += 1;
    }

    /// What is folded, as a mark; and begins anew. Pings that wait for an answer go on to wait.
    pub(super) fn unfold(&mut self, lane: usize) -> Option<Mark> {
        let (first, last) = self.span.take()?;
        let mut parts = Vec::new();
        parts.extend(self.iq.told("IQ"));
        parts.extend(self.web_socket.told("WebSocket"));
        let others = std::mem::take(&mut self.others);
        parts.extend(others.into_iter().map(|(what, count)| match count {
            1 => what.into(),
            _ => format!("{count} {what}"),
        }));
        let conn = self
            .conn
            .map(|conn| format!("{conn}: "))
            .unwrap_or_default();
        Some(Mark {
            lane,
            at: first,
            until: (last > first).then_some(last),
            kind: MarkKind::Fold,
            text: format!("{conn}{}", parts.join(", ")),
            event: None,
        })
    }
}

impl Beat {
    fn ask(&mut self, at: Instant, id: CompactString) {
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((at, id));
        self.sent += 1;
    }

    /// An answer settles its ping and every earlier one.
    fn answer(&mut self, at: Instant, id: &str) -> bool {
        let Some(place) = self.waiting.iter().position(|(_, asked)| asked == id) else {
            return false;
        };
        self.slowest = self.slowest.max(at.since(self.waiting[place].0));
        self.answered += self.waiting.drain(..=place).count() as u64;
        true
    }

    fn told(&mut self, kind: &str) -> Option<String> {
        let (sent, answered) = (
            std::mem::take(&mut self.sent),
            std::mem::take(&mut self.answered),
        );
        let slowest = std::mem::take(&mut self.slowest);
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        match (sent, answered) {
            (0, 0) => None,
            (sent, 0) => Some(format!(
                "{sent} {kind} ping{}, unanswered yet",
                plural(sent)
            )),
            (sent, answered) => Some(format!(
                "{sent} {kind} ping{}, {answered} answered within {slowest}",
                plural(sent)
            )),
        }
    }
}

fn hex(bytes: &[u8]) -> CompactString {
    bytes
        .iter()
        .map(|byte| format_compact!("{byte:02x}"))
        .collect()
}

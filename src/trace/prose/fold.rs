//! What folds: the routine of one organization since its last line.

use std::collections::BTreeMap;

use compact_str::CompactString;
use squall_protocol::{Instant, Node};

use super::beat::Beat;
use super::clock::{Stamp, since_start};
use super::counted::{counted, grouped};
use super::refusals::Refusals;
use crate::trace::{ConnectionId, FaultRef, Message};
use crate::words::{Denial, State};

/// What one organization did since its last line that is not worth a line each.
#[derive(Debug, Default)]
pub(super) struct Folds {
    /// Spent, and to be told with its dial.
    pub(super) permit: Option<(Instant, u64)>,
    pub(super) state: Option<State>,
    /// The fault that was told last, and on which connection: each further touch is no news.
    pub(super) acted: Option<(FaultRef, ConnectionId)>,
    opening: Option<Opening>,
    iq: Beat<CompactString>,
    websocket: Beat<Vec<u8>>,
    server: Beat<Vec<u8>>,
    queries: Beat<CompactString>,
    /// Answers that were errors.
    errors: u64,
    /// Other stanzas, by tag and whether the client sent them.
    others: BTreeMap<(bool, CompactString), u64>,
    span: Option<(Instant, Instant)>,
    late: Late,
    refusals: Option<Refusals>,
}

/// A connection on its way up.
#[derive(Debug)]
struct Opening {
    conn: ConnectionId,
    steps: Vec<&'static str>,
    last: Instant,
}

/// Late pings.
#[derive(Debug, Default)]
struct Late {
    recovered: u64,
    span: Option<(Instant, Instant)>,
    since: Option<Instant>,
    told: bool,
}

/// So many kinds of stanzas are told apart in one line.
const KINDS: usize = 12;

impl Folds {
    /// A permit that was spent and led to no dial.
    pub(super) fn idle_permit(&mut self) -> Option<(Instant, String)> {
        let (at, attempt) = self.permit.take()?;
        Some((
            at,
            format!("permit of attempt {attempt} spent, and no dial"),
        ))
    }

    /// A step of a connection on its way up.
    pub(super) fn opening(&mut self, at: Instant, conn: ConnectionId, step: &'static str) {
        match &mut self.opening {
            Some(opening) if opening.conn == conn => {
                opening.steps.push(step);
                opening.last = at;
            }
            _ => {
                self.opening = Some(Opening {
                    conn,
                    steps: vec![step],
                    last: at,
                });
            }
        }
    }

    /// Takes in a message that the client sent or received, if it is routine.
    pub(super) fn take_in(
        &mut self,
        at: Instant,
        conn: ConnectionId,
        message: &Message,
        sent: bool,
    ) -> bool {
        match message {
            Message::UpgradeRequest => return true,
            Message::UpgradeResponse {
                status: 101,
                valid: true,
                ..
            } => {
                self.opening(at, conn, "upgraded");
                return true;
            }
            Message::Handshake(name) => {
                if name == "client_finish" {
                    self.opening(at, conn, "secured");
                }
                return matches!(
                    name.as_str(),
                    "client_hello" | "server_hello" | "client_finish"
                );
            }
            Message::Ping(payload) if sent => self.websocket.ask(at, payload.clone()),
            Message::Ping(payload) => self.server.ask(at, payload.clone()),
            Message::Pong(payload) => {
                let beat = if sent {
                    &mut self.server
                } else {
                    &mut self.websocket
                };
                if !beat.answer(|ping| ping == payload, true) {
                    self.other(sent, "unasked pong");
                }
            }
            Message::Stanza(node) => {
                if !self.stanza(at, conn, node, sent) {
                    return false;
                }
            }
            _ => return false,
        }
        self.touch(at);
        true
    }

    fn stanza(&mut self, at: Instant, conn: ConnectionId, node: &Node, sent: bool) -> bool {
        match node.tag.as_str() {
            "success" if !sent => {
                self.opening(at, conn, "logged in");
                return true;
            }
            "stream:error" | "failure" | "xmlstreamend" => return false,
            "iq" => {}
            _ => {
                self.other(sent, &node.tag);
                return true;
            }
        }
        let id = node.get("id").unwrap_or("");
        let answers = matches!(node.get("type"), Some("result" | "error"));
        match (sent, answers) {
            (true, false) if node.get("xmlns") == Some("w:p") => self.iq.ask(at, id.into()),
            (true, false) => self.queries.ask(at, id.into()),
            (false, true) => {
                let known = self.iq.answer(|ping| ping == id, true)
                    || self.queries.answer(|query| query == id, false);
                if !known {
                    self.other(false, "unasked iq answer");
                } else if node.get("type") == Some("error") {
                    self.errors += 1;
                }
            }
            (true, true) => {
                if !self.server.answer(|ping| ping == id.as_bytes(), false) {
                    self.other(true, "iq answer");
                }
            }
            (false, false) if node.get("xmlns") == Some("urn:xmpp:ping") => {
                self.server.ask(at, id.as_bytes().to_vec());
            }
            (false, false) => {
                return node.find("pair-device").is_none()
                    && node.find("pair-success").is_none()
                    && {
                        self.other(false, "iq");
                        true
                    };
            }
        }
        true
    }

    fn other(&mut self, sent: bool, tag: &str) {
        let tag = if self.others.len() < KINDS {
            tag
        } else {
            "other"
        };
        *self.others.entry((sent, tag.into())).or_default() += 1;
    }

    fn touch(&mut self, at: Instant) {
        let (first, _) = self.span.unwrap_or((at, at));
        self.span = Some((first, at));
    }

    /// A ping is late.
    pub(super) fn late(&mut self, at: Instant) {
        self.late.since.get_or_insert(at);
    }

    /// None is late any more; `false` if the lateness was told and so this is to be told too.
    pub(super) fn recovered(&mut self, at: Instant) -> bool {
        let late = &mut self.late;
        let since = late.since.take().unwrap_or(at);
        if std::mem::take(&mut late.told) {
            return false;
        }
        late.recovered += 1;
        late.span = Some((late.span.map_or(since, |(first, _)| first), at));
        true
    }

    /// Whether the fold of late pings already says this.
    pub(super) fn is_told_by_lateness(&self, state: State) -> bool {
        match state {
            State::Degraded => self.late.since.is_some(),
            State::Connected => self.state == Some(State::Degraded),
            _ => false,
        }
    }

    /// One refusal more; the fold of the refusals before, if they had another cause.
    pub(super) fn refused(
        &mut self,
        at: Instant,
        cause: Denial,
        also: &[Denial],
        retry_at: Option<i64>,
        stamp: &Stamp,
    ) -> Option<(Instant, String)> {
        if let Some(refusals) = &mut self.refusals
            && refusals.add(at, cause, also, retry_at)
        {
            return None;
        }
        let new = Refusals::new(at, cause, also, retry_at);
        let others = self.refusals.replace(new);
        others.map(|others| (others.last, others.told(stamp)))
    }

    /// Another connection: what the one before left unanswered is not its.
    pub(super) fn new_connection(&mut self) {
        self.iq = Beat::default();
        self.websocket = Beat::default();
        self.server = Beat::default();
        self.queries = Beat::default();
        self.late = Late::default();
    }

    /// What the connection that ended left unanswered.
    pub(super) fn unanswered(&mut self) -> Option<String> {
        let mut left = Vec::new();
        let mut since = Instant::NEVER;
        let mut of = |waiting: Option<Instant>, count: u64, one: &str, many: &str| {
            if let Some(first) = waiting {
                left.push(counted(count, one, many));
                since = since.min(first);
            }
        };
        let beats = [
            (&self.iq, "IQ ping", "IQ pings"),
            (&self.queries, "query", "queries"),
        ];
        for (beat, one, many) in beats {
            of(
                beat.waiting.front().map(|(at, _)| *at),
                beat.left(),
                one,
                many,
            );
        }
        let beat = &self.websocket;
        of(
            beat.waiting.front().map(|(at, _)| *at),
            beat.left(),
            "WebSocket Ping",
            "WebSocket Pings",
        );
        self.new_connection();
        (!left.is_empty()).then(|| {
            format!(
                "left unanswered: {}, the first at {}",
                left.join(", "),
                since_start(since)
            )
        })
    }

    /// Tells all that is folded, each with the time of its last, and begins anew.
    pub(super) fn unfold(&mut self, stamp: &Stamp) -> Vec<(Instant, String)> {
        let mut told = Vec::new();
        if let Some(opening) = self.opening.take() {
            let steps = opening.steps.join(", ");
            told.push((opening.last, format!("{}: {steps}", opening.conn)));
        }
        told.extend(self.routine());
        if let Some((first, last)) = self.late.span.take() {
            let times = std::mem::take(&mut self.late.recovered);
            told.push((
                last,
                if times == 1 {
                    format!("keep-alive late at {}, recovered", since_start(first))
                } else {
                    format!(
                        "keep-alive late and recovered {times} times since {}",
                        since_start(first)
                    )
                },
            ));
        }
        if let Some(since) = self.late.since
            && !self.late.told
        {
            self.late.told = true;
            told.push((since, "keep-alive late".to_owned()));
        }
        if let Some(refusals) = self.refusals.take() {
            told.push((refusals.last, refusals.told(stamp)));
        }
        told.sort_by_key(|(at, _)| *at);
        told
    }

    fn routine(&mut self) -> Option<(Instant, String)> {
        let (first, last) = self.span.take()?;
        let mut parts = Vec::new();
        let mut pings = Vec::new();
        for (count, one, many) in [
            (&mut self.iq.answered, "IQ ping", "IQ pings"),
            (
                &mut self.websocket.answered,
                "WebSocket Ping",
                "WebSocket Pings",
            ),
        ] {
            if *count > 0 {
                pings.push(counted(std::mem::take(count), one, many));
            }
        }
        if !pings.is_empty() {
            parts.push(format!("keep-alive ok: {}", pings.join(", ")));
        }
        for (count, one, many) in [
            (&mut self.queries.answered, "query", "queries"),
            (&mut self.server.answered, "server ping", "server pings"),
        ] {
            if *count > 0 {
                let counted = counted(std::mem::take(count), one, many);
                parts.push(format!("{counted} answered"));
            }
        }
        if self.errors > 0 {
            let errors = std::mem::take(&mut self.errors);
            parts.push(format!("{} of these with an error", grouped(errors)));
        }
        for (sent, way) in [(false, "received"), (true, "sent")] {
            let of: Vec<_> = self
                .others
                .iter()
                .filter(|((way, _), _)| *way == sent)
                .map(|((_, tag), count)| format!("{} {tag}", grouped(*count)))
                .collect();
            if !of.is_empty() {
                parts.push(format!("{way} {}", of.join(", ")));
            }
        }
        self.others.clear();
        if parts.is_empty() {
            return None;
        }
        let mut told = parts.join("; ");
        if first != last {
            told += &format!(", since {}", since_start(first));
        }
        Some((last, told))
    }
}

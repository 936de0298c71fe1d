//! A tape for tests: a trace written by hand, one call an entry, with the usual beginnings ready made.
//!
//! Its one organization is `2`; links have no latency, so what is sent is delivered in the same millisecond.

mod ending;
mod header;

use std::sync::Arc;

use compact_str::format_compact;
use squall_protocol::{Instant, Node};

use super::{Findings, Oracle};
use crate::trace::{
    Ask, ConnectionId, Entry, Event, FaultRef, Header, Message, OrgName, Side, Verdict,
};
use crate::words::{Cause, Denial, Stage, State};

pub(crate) use header::header;

/// A trace in the writing.
#[derive(Clone)]
pub(crate) struct Tape {
    pub(crate) header: Header,
    pub(crate) entries: Vec<Entry>,
    org: OrgName,
    at: u64,
    conn: u64,
    attempt: u64,
    ping: u64,
}

impl Tape {
    pub(crate) fn new() -> Self {
        Self {
            header: header(),
            entries: Vec::new(),
            org: "2".into(),
            at: 0,
            conn: 0,
            attempt: 0,
            ping: 0,
        }
    }

    /// What this oracle finds, the run ending where the tape stands.
    pub(crate) fn findings<O: Oracle>(&self, build: impl Fn(&Header) -> O) -> Findings {
        let mut oracle = build(&self.header);
        let mut findings = Findings::default();
        for entry in &self.entries {
            oracle.observe(entry, &mut findings);
        }
        oracle.finish(Instant::at(self.at), &mut findings);
        findings
    }

    /// What is found. Whoever finds something had something to judge, and said so.
    #[track_caller]
    pub(crate) fn judged<O: Oracle>(&self, build: impl Fn(&Header) -> O) -> Vec<String> {
        let findings = self.findings(build);
        for (oracle, found) in findings.counts() {
            let judged = findings.judgements().get(oracle).copied().unwrap_or(0);
            assert!(
                judged >= *found,
                "{oracle} found {found} and judged {judged}"
            );
        }
        let found = findings.found.into_iter();
        found.map(|finding| finding.message).collect()
    }

    #[track_caller]
    pub(crate) fn assert_clean<O: Oracle>(&self, build: impl Fn(&Header) -> O) {
        assert_eq!(self.judged(build), Vec::<String>::new());
    }

    /// The findings are exactly these many, each with these words, in this order.
    #[track_caller]
    pub(crate) fn assert_says<O: Oracle>(&self, build: impl Fn(&Header) -> O, words: &[&str]) {
        let said = self.judged(build);
        let right = said.len() == words.len()
            && said
                .iter()
                .zip(words)
                .all(|(said, words)| said.contains(words));
        assert!(right, "wanted {words:#?}, found {said:#?}");
    }

    // Where the tape stands.

    /// Goes on at this millisecond.
    pub(crate) fn at(&mut self, at: u64) -> &mut Self {
        assert!(at >= self.at, "a trace does not go back in time");
        self.at = at;
        self
    }

    /// Goes on so many milliseconds later.
    pub(crate) fn pass(&mut self, milliseconds: u64) -> &mut Self {
        self.at(self.at + milliseconds)
    }

    /// Goes on with another organization.
    pub(crate) fn org(&mut self, org: &str) -> &mut Self {
        self.org = org.into();
        self
    }

    /// Goes on with another connection.
    pub(crate) fn on(&mut self, conn: u64) -> &mut Self {
        self.conn = conn;
        self
    }

    pub(crate) fn event(&mut self, event: Event) -> &mut Self {
        let at = Instant::at(self.at);
        self.entries.push(Entry { at, event });
        self
    }

    // The operator and the limiter.

    pub(crate) fn ask(&mut self, ask: Ask) -> &mut Self {
        let org = self.org.clone();
        self.event(Event::Request { org, ask })
    }

    pub(crate) fn verdict(&mut self, verdict: Verdict) -> &mut Self {
        let org = self.org.clone();
        self.ask(Ask::Start).event(Event::Verdict { org, verdict })
    }

    pub(crate) fn granted(&mut self, attempt: u64) -> &mut Self {
        self.attempt = attempt;
        self.verdict(Verdict::Granted { attempt })
    }

    /// Refused, to be granted at `retry_at` milliseconds of the run.
    pub(crate) fn denied(
        &mut self,
        cause: Denial,
        also: &[Denial],
        retry_at: Option<i64>,
    ) -> &mut Self {
        let starts = self.header.starts.as_millisecond();
        self.verdict(Verdict::Denied {
            cause,
            also: also.to_vec(),
            retry_at: retry_at.map(|at| starts + at),
        })
    }

    pub(crate) fn spent(&mut self, attempt: u64) -> &mut Self {
        let org = self.org.clone();
        self.event(Event::PermitSpent { org, attempt })
    }

    pub(crate) fn revoked(&mut self, attempt: u64, blocked: bool) -> &mut Self {
        let org = self.org.clone();
        self.event(Event::PermitRevoked {
            org,
            attempt,
            blocked,
        })
    }

    pub(crate) fn withdrawn(&mut self, attempt: u64) -> &mut Self {
        let org = self.org.clone();
        self.event(Event::Withdrawn { org, attempt })
    }

    // The wire.

    pub(crate) fn dial(&mut self, conn: u64, attempt: u64, handoff: bool) -> &mut Self {
        self.conn = conn;
        let org = self.org.clone();
        self.event(Event::Dial {
            conn: ConnectionId(conn),
            org,
            attempt,
            handoff,
        })
    }

    pub(crate) fn accepted(&mut self, conn: u64) -> &mut Self {
        self.event(Event::Accepted {
            conn: ConnectionId(conn),
        })
    }

    pub(crate) fn connect_refused(&mut self) -> &mut Self {
        let conn = ConnectionId(self.conn);
        self.event(Event::ConnectRefused { conn })
    }

    pub(crate) fn sent(&mut self, from: Side, message: Message) -> &mut Self {
        let conn = ConnectionId(self.conn);
        self.event(Event::Sent {
            conn,
            from,
            message,
        })
    }

    pub(crate) fn delivered(&mut self, to: Side, message: Message) -> &mut Self {
        let conn = ConnectionId(self.conn);
        self.event(Event::Delivered { conn, to, message })
    }

    /// Sent and delivered at once.
    pub(crate) fn carried(&mut self, from: Side, message: &Message) -> &mut Self {
        self.sent(from, message.clone())
            .delivered(from.other(), message.clone())
    }

    pub(crate) fn server_says(&mut self, node: Node) -> &mut Self {
        self.carried(Side::Server, &Message::Stanza(Arc::new(node)))
    }

    pub(crate) fn client_says(&mut self, node: Node) -> &mut Self {
        self.carried(Side::Client, &Message::Stanza(Arc::new(node)))
    }

    pub(crate) fn upgrade(&mut self, status: u16, retry_after: Option<&str>) -> &mut Self {
        self.carried(Side::Client, &Message::UpgradeRequest)
            .carried(
                Side::Server,
                &Message::UpgradeResponse {
                    status,
                    retry_after: retry_after.map(Into::into),
                    valid: true,
                },
            )
    }

    pub(crate) fn handshake(&mut self, from: Side, name: &str) -> &mut Self {
        self.carried(from, &Message::Handshake(name.into()))
    }

    pub(crate) fn secured(&mut self) -> &mut Self {
        self.handshake(Side::Client, "client_hello")
            .handshake(Side::Server, "server_hello")
            .handshake(Side::Client, "client_finish")
    }

    pub(crate) fn released(&mut self, by: Side) -> &mut Self {
        let conn = ConnectionId(self.conn);
        self.event(Event::Released { conn, by })
    }

    // Keep-alive.

    /// The client's IQ ping, not answered.
    pub(crate) fn iq_ping(&mut self) -> &mut Self {
        self.ping += 1;
        let id = format_compact!("ping-{}", self.ping);
        let node = Node::new("iq")
            .attr("xmlns", "w:p")
            .attr("type", "get")
            .attr("id", id)
            .child(Node::new("ping"));
        self.client_says(node)
    }

    /// The answer to the last IQ ping.
    pub(crate) fn iq_pong(&mut self) -> &mut Self {
        let id = format_compact!("ping-{}", self.ping);
        self.server_says(Node::new("iq").attr("type", "result").attr("id", id))
    }

    /// The client's WebSocket Ping and its pong.
    pub(crate) fn ws_ping(&mut self) -> &mut Self {
        self.carried(Side::Client, &Message::Ping(vec![1]))
            .carried(Side::Server, &Message::Pong(vec![1]))
    }

    /// Both pings on their beat, each answered, until `until`.
    pub(crate) fn keep_alive(&mut self, secured: u64, connected: u64, until: u64) -> &mut Self {
        for at in self.at + 1..=until {
            let iq = at > secured && (at - secured).is_multiple_of(25_000);
            let ws = at > connected && (at - connected).is_multiple_of(120_000);
            if iq {
                self.at(at).iq_ping().iq_pong();
            }
            if ws {
                self.at(at).ws_ping();
            }
        }
        self.at(until)
    }

    // The usual beginnings. The next attempt and the next connection; 30 s after the request the dial.

    fn dialed(&mut self) -> &mut Self {
        let attempt = self.attempt + 1;
        let conn = self.conn + 1;
        self.granted(attempt)
            .state(State::Waiting)
            .pass(30_000)
            .spent(attempt)
            .dial(conn, attempt, false)
            .state(State::Connecting)
            .accepted(conn)
    }

    /// Admitted, dialed and secured.
    pub(crate) fn start_secured(&mut self) -> &mut Self {
        self.dialed().upgrade(101, None).secured()
    }

    /// Admitted, dialed, logged in and connected, all in the millisecond of the dial.
    pub(crate) fn start(&mut self) -> &mut Self {
        let (conn, org) = (ConnectionId(self.conn + 1), self.org.clone());
        self.start_secured()
            .event(Event::Login { conn, org })
            .server_says(Node::new("success"))
            .iq_ping()
            .iq_pong()
            .state(State::Connected)
    }

    /// Admitted, dialed and showing the first of two QR codes.
    pub(crate) fn start_unpaired(&mut self) -> &mut Self {
        let device = Node::new("pair-device")
            .child(Node::new("ref").bytes(*b"one"))
            .child(Node::new("ref").bytes(*b"two"));
        self.start_secured()
            .server_says(Node::new("iq").attr("type", "set").child(device))
            .state(State::AwaitingQrScan)
    }

    pub(crate) fn pair_success(&mut self) -> &mut Self {
        let (conn, org) = (ConnectionId(self.conn), self.org.clone());
        let iq = Node::new("iq").attr("type", "set");
        self.event(Event::PairSuccess { conn, org })
            .server_says(iq.child(Node::new("pair-success")))
            .state(State::Pairing)
    }

    /// Paired by QR, the 515 just delivered and reported.
    pub(crate) fn pair(&mut self) -> &mut Self {
        self.start_unpaired()
            .pass(5_000)
            .pair_success()
            .pass(300)
            .stream_error("515")
            .disconnected(Cause::RestartRequired, Some(Stage::Pairing))
    }

    // The server's guard, faults, and the client's process.

    pub(crate) fn penalty(&mut self) -> &mut Self {
        let org = self.org.clone();
        self.event(Event::Penalty { conn: None, org })
    }

    pub(crate) fn fault_on(&mut self, step: u32, nth: u32) -> &mut Self {
        self.fault_goes_on(step, nth, false)
    }

    pub(crate) fn fault_at_random(&mut self, step: u32, nth: u32) -> &mut Self {
        self.fault_goes_on(step, nth, true)
    }

    fn fault_goes_on(&mut self, step: u32, nth: u32, at_random: bool) -> &mut Self {
        let fault = FaultRef { step, nth };
        let kind = "close".into();
        self.event(Event::FaultOn {
            fault,
            kind,
            once: true,
            at_random,
        })
    }

    pub(crate) fn fault_acted(&mut self, step: u32, nth: u32) -> &mut Self {
        let fault = FaultRef { step, nth };
        let (kind, conn) = ("close".into(), ConnectionId(self.conn));
        self.event(Event::FaultActed { fault, kind, conn })
    }

    /// A fault of this kind acts on the connection.
    pub(crate) fn fault(&mut self, kind: &str) -> &mut Self {
        let fault = FaultRef { step: 9, nth: 1 };
        let (kind, conn) = (kind.into(), ConnectionId(self.conn));
        self.event(Event::FaultActed { fault, kind, conn })
    }

    pub(crate) fn fault_off(&mut self, step: u32, nth: u32) -> &mut Self {
        let fault = FaultRef { step, nth };
        let kind = "close".into();
        self.event(Event::FaultOff { fault, kind })
    }

    pub(crate) fn crash(&mut self) -> &mut Self {
        let store = "kept".into();
        self.event(Event::Crashed { store })
    }

    pub(crate) fn boot(&mut self) -> &mut Self {
        self.event(Event::Booted)
    }

    /// Not polled for so many milliseconds.
    pub(crate) fn suspended(&mut self, milliseconds: u64) -> &mut Self {
        self.event(Event::Suspended)
            .pass(milliseconds)
            .event(Event::Resumed)
    }

    /// Not polled for so many milliseconds, its clocks running.
    pub(crate) fn paused(&mut self, milliseconds: u64) -> &mut Self {
        self.event(Event::Paused)
            .pass(milliseconds)
            .event(Event::Continued)
    }
}

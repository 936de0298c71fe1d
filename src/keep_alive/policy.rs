//! What a client does to keep its connection alive, as values; and the clients whose values are public.

use std::borrow::Cow;

use squall_protocol::{Millis, Node};

use crate::trace::Message;

/// A keep-alive policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How it is called in reports.
    pub name: Cow<'static, str>,
    /// Where its values are from.
    pub source: &'static str,
    /// The IQ ping.
    pub ping: IqPing,
    /// Between two WebSocket Pings, where it sends any.
    pub web_socket_ping: Option<Millis>,
    /// A ping without an answer for so long is told to the application, where anything is told before the end.
    pub late_after: Option<Millis>,
    /// What it takes for the silence of a dead connection.
    pub silence: Option<Silence>,
    /// What it takes for a server that no longer serves it, whatever else arrives.
    pub unanswered: Option<Unanswered>,
}

/// How IQ pings are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IqPing {
    /// The least and the most between two; drawn anew each time.
    pub every: (Millis, Millis),
    /// How long the answer is waited for before the next interval begins. Without it the pings keep a beat, whatever
    /// becomes of them.
    pub deadline: Option<Millis>,
    /// None is sent where something was received less than so long ago.
    pub only_idle: Option<Millis>,
    /// What its id begins with; a number follows.
    pub id: &'static str,
    /// Whether it contains `<ping/>`.
    pub child: bool,
}

/// When nothing received is the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// So long after the first ping that followed the last thing received, by a timer of its own.
    AfterPing(Millis),
    /// Longer than this since the last thing received, looked at when a ping is due.
    AtTick(Millis),
    /// So long after the first thing sent, a ping or another, that followed the last thing received; looked at when a
    /// ping was answered or its deadline has passed.
    AtDeadline(Millis),
}

/// When pings without an answer are the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// So long after the first IQ ping that followed the last answer, by a timer of its own.
    AfterPing(Millis),
    /// Longer than this since the last answer, looked at when a ping's deadline has passed.
    AtDeadline(Millis),
}

impl Policy {
    /// The session's: an IQ ping every 25 s, a WebSocket Ping every 2 min; silence for 60 s after a ping is the end, and
    /// so are 5 min without an answer to an IQ ping.
    pub fn session() -> Self {
        Self {
            name: "session".into(),
            source: "the session's defaults",
            ping: IqPing {
                every: always(25),
                deadline: None,
                only_idle: None,
                id: "",
                child: true,
            },
            web_socket_ping: Some(Millis::from_mins(2)),
            late_after: Some(Millis::from_secs(10)),
            silence: Some(Silence::AfterPing(Millis::from_secs(60))),
            unanswered: Some(Unanswered::AfterPing(Millis::from_mins(5))),
        }
    }

    /// The gateway as it was before: an IQ ping every 30 s; more than 35 s of silence, seen at a ping, are the end.
    pub fn before() -> Self {
        Self {
            name: "before".into(),
            source: "the gateway as it was before",
            ..Self::ticking("b")
        }
    }

    /// Baileys, `src/Socket/socket.ts`, `startKeepAliveRequest`: `keepAliveIntervalMs` is 30 s by default.
    pub fn baileys() -> Self {
        Self {
            name: "Baileys".into(),
            source: "WhiskeySockets/Baileys, src/Socket/socket.ts, startKeepAliveRequest",
            ..Self::ticking("36243.51872-")
        }
    }

    fn ticking(id: &'static str) -> Self {
        Self {
            ping: IqPing {
                every: always(30),
                id,
                ..Self::session().ping
            },
            web_socket_ping: None,
            late_after: None,
            silence: Some(Silence::AtTick(Millis::from_secs(35))),
            unanswered: None,
            ..Self::session()
        }
    }

    /// whatsmeow, `keepalive.go`: 20 to 30 s after the last answer, 10 s for an answer, the end after 3 min without one.
    pub fn whatsmeow() -> Self {
        Self {
            name: "whatsmeow".into(),
            source: "tulir/whatsmeow, keepalive.go",
            ping: IqPing {
                every: (Millis::from_secs(20), Millis::from_secs(30)),
                deadline: Some(Millis::from_secs(10)),
                only_idle: None,
                id: "143.87-",
                child: false,
            },
            web_socket_ping: None,
            late_after: Some(Millis::from_secs(10)),
            silence: None,
            unanswered: Some(Unanswered::AtDeadline(Millis::from_mins(3))),
        }
    }

    /// whatsapp-rust 0.7, `src/keepalive.rs` and `wacore/src/protocol/keepalive.rs`: 15 to 30 s, only where nothing was
    /// received for 15 s; the end after 20 s without anything since the first thing sent.
    pub fn whatsapp_rust() -> Self {
        Self {
            name: "whatsapp-rust".into(),
            source: "jlucaso1/whatsapp-rust 0.7, src/keepalive.rs, wacore/src/protocol/keepalive.rs",
            ping: IqPing {
                every: (Millis::from_secs(15), Millis::from_secs(30)),
                deadline: Some(Millis::from_secs(20)),
                only_idle: Some(Millis::from_secs(15)),
                id: "143.87-",
                child: false,
            },
            web_socket_ping: None,
            late_after: None,
            silence: Some(Silence::AtDeadline(Millis::from_secs(20))),
            unanswered: None,
        }
    }

    /// The clients whose behaviour is public, the session and what was before it.
    pub fn published() -> Vec<Self> {
        vec![
            Self::session(),
            Self::before(),
            Self::baileys(),
            Self::whatsmeow(),
            Self::whatsapp_rust(),
        ]
    }

    /// The sweep: each patience with each interval; where none is given, those that are swept by default.
    pub fn sweep(intervals: &[Millis], patiences: &[Millis]) -> Vec<Self> {
        let or = |given: &[Millis], default: &[u64]| match given {
            [] => default.iter().copied().map(Millis::from_secs).collect(),
            given => given.to_vec(),
        };
        let (intervals, patiences) = (or(intervals, &INTERVALS), or(patiences, &PATIENCES));
        let pairs = patiences
            .iter()
            .flat_map(|dead| intervals.iter().map(move |every| (*every, *dead)));
        pairs
            .map(|(every, dead)| Self::swept(every, dead))
            .collect()
    }

    /// The session's rules with another interval and another patience, and without WebSocket Pings.
    pub fn swept(every: Millis, dead_after: Millis) -> Self {
        Self {
            name: format!("{every}, dead after {dead_after}").into(),
            source: "the sweep",
            ping: IqPing {
                every: (every, every),
                ..Self::session().ping
            },
            web_socket_ping: None,
            silence: Some(Silence::AfterPing(dead_after)),
            ..Self::session()
        }
    }

    /// The IQ ping of this number, as it is sent.
    pub fn iq_ping(&self, number: u64) -> Message {
        let node = Node::new("iq")
            .attr("id", self.id(number))
            .attr("to", SERVER)
            .attr("type", "get")
            .attr("xmlns", "w:p");
        Message::Stanza(match self.ping.child {
            true => node.child(Node::new("ping")).into(),
            false => node.into(),
        })
    }

    /// Its answer, as the mock server sends it.
    pub fn iq_answer(&self, number: u64) -> Message {
        let node = Node::new("iq")
            .attr("from", SERVER)
            .attr("type", "result")
            .attr("id", self.id(number));
        Message::Stanza(node.into())
    }

    fn id(&self, number: u64) -> String {
        format!("{}{number}", self.ping.id)
    }
}

/// Always this many seconds.
const fn always(seconds: u64) -> (Millis, Millis) {
    (Millis::from_secs(seconds), Millis::from_secs(seconds))
}

/// The server's own address.
const SERVER: &str = "s.whatsapp.net";

/// The intervals of the sweep, in seconds: 5 s to 10 min.
const INTERVALS: [u64; 14] = [5, 10, 15, 20, 25, 30, 45, 60, 90, 120, 180, 240, 300, 600];

/// After so long a silence, in seconds, the policies of the sweep give up.
const PATIENCES: [u64; 2] = [60, 20];

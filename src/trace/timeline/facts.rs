//! What a run comes to in numbers: what two subjects are compared by.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use squall_protocol::{Instant, Millis};

use crate::trace::{ConnectionId, Event, Message, OrgName, Side, Verdict};
use crate::words::State;

/// What was counted and measured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// Start-sessions that were admitted.
    pub granted: u64,
    /// Start-sessions that were refused.
    pub refused: u64,
    /// Connections dialed.
    pub dials: u64,
    /// Of these, the ones that a pairing demands.
    pub handoffs: u64,
    /// Of these, the ones that nobody asked for: not the first of an admitted attempt, and no handoff.
    pub unasked: u64,
    /// The most dials within an hour.
    pub most_dials_in_an_hour: usize,
    /// Logins that succeeded.
    pub logins: u64,
    /// Sessions that ended.
    pub disconnects: u64,
    /// How often the server's guard punished an account.
    pub penalties: u64,
    /// IQ pings sent.
    pub iq_pings: u64,
    /// The most frequent time between two on one connection.
    pub iq_interval: Option<Millis>,
    /// WebSocket Pings sent.
    pub web_socket_pings: u64,
    /// The most frequent time between two on one connection.
    pub web_socket_interval: Option<Millis>,
    /// How often presence was set to available.
    pub available: u64,
    /// For how long sessions said that they were connected, of all organizations together.
    pub connected: Millis,
    #[serde(skip)]
    live: Live,
}

/// What is needed on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Live {
    /// Attempts that are admitted and not dialed for.
    owed: BTreeMap<OrgName, u64>,
    hour: VecDeque<Instant>,
    iq: Gaps,
    web_socket: Gaps,
    connected_since: BTreeMap<OrgName, Instant>,
}

/// The times between two pings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Gaps {
    /// The last ping of each connection that lives.
    last: BTreeMap<ConnectionId, Instant>,
    counts: BTreeMap<Millis, u64>,
}

/// So many different times are told apart.
const GAPS: usize = 256;

impl Facts {
    /// Takes in what happened next.
    pub fn hear(&mut self, at: Instant, event: &Event) {
        match event {
            Event::Verdict { org, verdict } => match verdict {
                Verdict::Granted { .. } => {
                    self.granted += 1;
                    *self.live.owed.entry(org.clone()).or_default() += 1;
                }
                Verdict::Denied { .. } => self.refused += 1,
                Verdict::Unreachable => {}
            },
            Event::PermitRevoked { org, .. } | Event::Withdrawn { org, .. } => {
                self.live.owed.remove(org);
            }
            Event::Dial { org, handoff, .. } => self.dial(at, org, *handoff),
            Event::Login { .. } => self.logins += 1,
            Event::Disconnected { .. } => self.disconnects += 1,
            Event::Penalty { .. } => self.penalties += 1,
            Event::Sent {
                conn,
                from: Side::Client,
                message,
            } => self.sent(at, *conn, message),
            Event::Released {
                conn,
                by: Side::Client,
            } => {
                self.live.iq.last.remove(conn);
                self.live.web_socket.last.remove(conn);
            }
            Event::State { org, state } => self.state(at, org, *state),
            _ => {}
        }
    }

    /// The whole, once the run has ended there.
    #[must_use]
    pub fn finish(mut self, ends: Instant) -> Self {
        let open = std::mem::take(&mut self.live.connected_since);
        for since in open.into_values() {
            self.connected = self.connected.saturating_add(ends.since(since));
        }
        self.iq_interval = self.live.iq.most_frequent();
        self.web_socket_interval = self.live.web_socket.most_frequent();
        self.live = Live::default();
        self
    }

    fn dial(&mut self, at: Instant, org: &OrgName, handoff: bool) {
        const HOUR: Millis = Millis::from_hours(1);
        self.dials += 1;
        let owed = self.live.owed.remove(org).unwrap_or(0);
        match (handoff, owed) {
            (true, _) => self.handoffs += 1,
            (false, 0) => self.unasked += 1,
            (false, _) => {}
        }
        let hour = &mut self.live.hour;
        hour.push_back(at);
        while hour.pop_front_if(|then| at.since(*then) >= HOUR).is_some() {}
        self.most_dials_in_an_hour = self.most_dials_in_an_hour.max(hour.len());
    }

    fn sent(&mut self, at: Instant, conn: ConnectionId, message: &Message) {
        match message {
            Message::Ping(_) => {
                self.web_socket_pings += 1;
                self.live.web_socket.hear(conn, at);
            }
            Message::Stanza(node) if node.tag == "iq" && node.get("xmlns") == Some("w:p") => {
                self.iq_pings += 1;
                self.live.iq.hear(conn, at);
            }
            Message::Stanza(node)
                if node.tag == "presence" && node.get("type") == Some("available") =>
            {
                self.available += 1;
            }
            _ => {}
        }
    }

    fn state(&mut self, at: Instant, org: &OrgName, state: State) {
        let since = &mut self.live.connected_since;
        if state.is_connected() {
            since.entry(org.clone()).or_insert(at);
        } else if let Some(since) = since.remove(org) {
            self.connected = self.connected.saturating_add(at.since(since));
        }
    }
}

impl Gaps {
    fn hear(&mut self, conn: ConnectionId, at: Instant) {
        if let Some(then) = self.last.insert(conn, at) {
            let gap = at.since(then);
            if self.counts.len() < GAPS || self.counts.contains_key(&gap) {
                *self.counts.entry(gap).or_default() += 1;
            }
        }
    }

    fn most_frequent(&self) -> Option<Millis> {
        let most = self.counts.iter().max_by_key(|(_, count)| **count);
        most.map(|(gap, _)| *gap)
    }
}

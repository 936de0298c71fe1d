//! The trace as a timeline, to be drawn: lanes, bars on them for what lasts, marks for what happens, and the limiter's
//! ledger. What is routine (pings that are answered, queries, stanzas after login) folds into marks with a count.
//!
//! Its memory is what it tells: nothing is thinned but what folds, and a fold never spans more than a 400th of the run, or five minutes.

mod bars;
mod facts;
mod ledger;
mod routine;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use squall_protocol::{Instant, Millis};

use self::bars::Bars;
use self::ledger::Ledger;
use self::routine::Routine;
use super::prose::{Stamp, says};
use super::{Ask, ConnectionId, Entry, Event, Header, Message, OrgName, Side};
use crate::words::State;

pub use bars::{Bar, BarKind};
pub use facts::Facts;
pub use ledger::{Answer, Asked, Room};

/// A trace as a timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Timeline {
    /// The wall clock at time zero.
    pub starts: Timestamp,
    /// The offset in which the scenario tells instants, in seconds east of UTC.
    pub utc_offset: i32,
    /// Where the run ended.
    pub ends: Instant,
    /// The lanes, from top to bottom; bars and marks name one by its place.
    pub lanes: Vec<Lane>,
    /// What lasts, by its beginning.
    pub bars: Vec<Bar>,
    /// What happens, by its time.
    pub marks: Vec<Mark>,
    /// Each start-session, and what the limiter said.
    pub ledger: Vec<Asked>,
    /// What was counted and measured.
    pub facts: Facts,
}

/// A lane.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// What operators ask.
    Operator,
    /// What the limiter has in force.
    Limiter,
    /// Where an organization's session stands.
    Session(OrgName),
    /// An organization's connections.
    Connections(OrgName),
    /// The client's process and its clock.
    Process,
    /// The server's process.
    Server,
    /// What goes wrong.
    Faults,
}

/// Something that happened, or so many things of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mark {
    /// The place of its lane.
    pub lane: usize,
    /// When; of a fold, the first.
    pub at: Instant,
    /// Of a fold, the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// How it is drawn.
    pub kind: MarkKind,
    /// In words.
    pub text: String,
    /// The entry of the trace, whole; a fold has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
}

/// How a mark is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MarkKind {
    /// As it should be.
    Plain,
    /// Routine, folded.
    Fold,
    /// An end, or what leads to one.
    End,
    /// What an operator should look at.
    Alert,
    /// A fault puts its hand to something.
    Fault,
}

/// Makes a timeline of a trace as it happens.
#[derive(Debug)]
pub struct Drawing {
    stamp: Stamp,
    header: Header,
    lanes: BTreeMap<Lane, usize>,
    whose: BTreeMap<ConnectionId, OrgName>,
    routine: BTreeMap<OrgName, Routine>,
    /// A fold is cut after so long.
    cut: Millis,
    bars: Bars,
    marks: Vec<Mark>,
    ledger: Ledger,
    facts: Facts,
}

impl Drawing {
    /// Of the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        let orgs = header.organizations.keys();
        let of_orgs =
            orgs.flat_map(|org| [Lane::Session(org.clone()), Lane::Connections(org.clone())]);
        let lanes = [Lane::Operator, Lane::Limiter]
            .into_iter()
            .chain(of_orgs)
            .chain([Lane::Process, Lane::Server, Lane::Faults])
            .enumerate()
            .map(|(place, lane)| (lane, place));
        let orgs = header.organizations.len().max(1) as u64;
        Self {
            stamp: Stamp::new(header),
            lanes: lanes.collect(),
            whose: BTreeMap::new(),
            routine: BTreeMap::new(),
            cut: Millis::new((header.runs_for.get() / FOLDS).saturating_mul(orgs)).max(SHORTEST),
            bars: Bars::default(),
            marks: Vec::new(),
            ledger: Ledger::new(&header.policy),
            facts: Facts::default(),
            header: header.clone(),
        }
    }

    /// Draws the next entry.
    pub fn observe(&mut self, entry: &Entry) {
        let (at, event) = (entry.at, &entry.event);
        if let Event::ClockStepped { by } = event {
            self.stamp.step(*by);
        }
        if let Event::Dial { conn, org, .. } | Event::Login { conn, org } = event {
            self.whose.insert(*conn, org.clone());
        }
        self.facts.hear(at, event);
        self.ledger.hear(at, event);
        self.bar(at, event);
        self.mark(at, event);
    }

    /// The whole, once the run is over.
    pub fn finish(mut self, ends: Instant) -> Timeline {
        let orgs: Vec<OrgName> = self.routine.keys().cloned().collect();
        orgs.iter().for_each(|org| self.unfold(org));
        // A fold begins before what cuts it.
        self.marks.sort_by_key(|mark| mark.at);
        let mut lanes: Vec<(Lane, usize)> = self.lanes.into_iter().collect();
        lanes.sort_by_key(|(_, place)| *place);
        Timeline {
            starts: self.header.starts,
            utc_offset: self.header.utc_offset,
            ends,
            lanes: lanes.into_iter().map(|(lane, _)| lane).collect(),
            bars: self.bars.finish(ends),
            marks: self.marks,
            ledger: self.ledger.finish(),
            facts: self.facts.finish(ends),
        }
    }

    fn lane(&mut self, lane: Lane) -> usize {
        let next = self.lanes.len();
        *self.lanes.entry(lane).or_insert(next)
    }

    /// What begins to last, or ends.
    fn bar(&mut self, at: Instant, event: &Event) {
        match event {
            Event::State { org, state } => {
                let lane = self.lane(Lane::Session(org.clone()));
                self.bars.state(lane, at, *state);
            }
            Event::Dial {
                conn, org, handoff, ..
            } => {
                let lane = self.lane(Lane::Connections(org.clone()));
                let what = if *handoff { ", a handoff" } else { "" };
                self.bars
                    .connection(lane, at, *conn, format!("{conn}{what}"));
            }
            Event::Released {
                conn,
                by: Side::Client,
            }
            | Event::ConnectRefused { conn }
            | Event::Unanswered { conn } => self.bars.connection_ends(at, *conn),
            Event::FaultOn {
                fault, kind, once, ..
            } if !once => {
                let lane = self.lane(Lane::Faults);
                self.bars.fault(lane, at, *fault, kind.to_string());
            }
            Event::FaultOff { fault, .. } => self.bars.fault_ends(at, *fault),
            Event::Disconnected {
                org,
                failure,
                block,
                ..
            } => {
                let lane = self.lane(Lane::Limiter);
                if *failure {
                    let what = format!("org {org}: cooldown");
                    let until = at + self.header.policy.cooldown;
                    self.bars.until(lane, BarKind::Cooldown, at, until, what);
                }
                if let Some(block) = block {
                    let what = format!("org {org}: block");
                    self.bars.until(lane, BarKind::Block, at, at + *block, what);
                }
            }
            Event::Crashed { .. } | Event::Exited | Event::Suspended | Event::Paused => {
                let lane = self.lane(Lane::Process);
                let what = match event {
                    Event::Suspended => "suspended",
                    Event::Paused => "paused",
                    _ => "down",
                };
                self.bars.away(lane, at, what);
            }
            Event::Booted | Event::Resumed | Event::Continued => {
                let lane = self.lane(Lane::Process);
                self.bars.back(lane, at);
            }
            Event::ServerDown => {
                let lane = self.lane(Lane::Server);
                self.bars.away(lane, at, "down");
            }
            Event::ServerUp => {
                let lane = self.lane(Lane::Server);
                self.bars.back(lane, at);
            }
            _ => {}
        }
    }

    /// What happens.
    fn mark(&mut self, at: Instant, event: &Event) {
        match event {
            Event::Sent {
                conn,
                from: Side::Client,
                message,
            } => self.message(at, *conn, message, true, event),
            Event::Delivered {
                conn,
                to: Side::Client,
                message,
            } => self.message(at, *conn, message, false, event),
            // Told by bars, by the ledger, or where the client receives it.
            Event::Sent { .. }
            | Event::Delivered { .. }
            | Event::State { .. }
            | Event::Verdict { .. }
            | Event::Request {
                ask: Ask::Start, ..
            }
            | Event::KeepAliveOk { .. }
            | Event::Login { .. }
            | Event::LoginFailed { .. }
            | Event::PairSuccess { .. } => {}
            Event::Left { timers, .. } if timers.is_empty() => {}
            Event::LedgerRead { remembered } if remembered.is_empty() => {}
            event => {
                if let Some((lane, kind, text)) = self.said(at, event) {
                    self.put(lane, at, kind, text, Some(event));
                }
            }
        }
    }

    fn message(
        &mut self,
        at: Instant,
        conn: ConnectionId,
        message: &Message,
        sent: bool,
        event: &Event,
    ) {
        let Some(org) = self.whose.get(&conn).cloned() else {
            return;
        };
        let routine = self.routine.entry(org.clone()).or_default();
        if routine.is_older_than(at, self.cut) {
            self.unfold(&org);
        }
        let routine = self.routine.entry(org.clone()).or_default();
        if routine.take_in(at, conn, message, sent) {
            return;
        }
        if let Some(text) = says::message(conn, message, sent) {
            let ends = matches!(
                message,
                Message::Close { .. } | Message::Malformed(_) | Message::Eof | Message::Reset
            );
            let ends = ends
                || matches!(message, Message::Stanza(node)
                    if ["stream:error", "failure", "xmlstreamend"].contains(&node.tag.as_str()));
            let kind = if ends { MarkKind::End } else { MarkKind::Plain };
            self.put(Lane::Connections(org), at, kind, text, Some(event));
        }
    }

    /// Where an event that is no message is told, how, and in which words.
    fn said(&self, at: Instant, event: &Event) -> Option<(Lane, MarkKind, String)> {
        use MarkKind::{Alert, End, Fault, Plain};
        let of = |org: &OrgName| Lane::Session(org.clone());
        let on = |conn: &ConnectionId| match self.whose.get(conn) {
            Some(org) => Lane::Connections(org.clone()),
            None => Lane::Server,
        };
        let (lane, kind) = match event {
            Event::Request { org, ask } => {
                let what = match ask {
                    Ask::Stop => "stops",
                    _ => "scans the QR code of",
                };
                return Some((Lane::Operator, Plain, format!("{what} org {org}")));
            }
            Event::PermitSpent { org, attempt } => {
                let text = format!("org {org}: permit of attempt {attempt} spent");
                return Some((Lane::Limiter, Plain, text));
            }
            Event::Dial {
                conn,
                org,
                attempt,
                handoff,
            } => {
                let why = match (handoff, attempt) {
                    (true, _) => format!("the handoff of attempt {attempt}"),
                    (false, 0) => "no attempt".to_owned(),
                    _ => format!("attempt {attempt}"),
                };
                let text = format!("dials {conn} for {why}");
                return Some((Lane::Connections(org.clone()), Plain, text));
            }
            Event::Accepted { conn } => {
                return Some((on(conn), Plain, format!("{conn}: accepted")));
            }
            Event::KeepAliveLate { org } => {
                return Some((of(org), Alert, "keep-alive late".to_owned()));
            }
            Event::KeepAliveRecovered { org } => {
                return Some((of(org), Plain, "keep-alive recovered".to_owned()));
            }
            Event::PermitRevoked { .. } | Event::Withdrawn { .. } => (Lane::Limiter, Plain),
            Event::Disconnected { org, .. } => (of(org), End),
            Event::Alert { org: Some(org), .. } => (of(org), Alert),
            Event::Alert { org: None, .. }
            | Event::RefusedToStart { .. }
            | Event::StartedTwice { .. } => (Lane::Process, Alert),
            Event::Left { org, .. } => (of(org), Alert),
            Event::Qr { org, .. }
            | Event::PhoneScanned { org }
            | Event::ScanRefused { org }
            | Event::Revoked { org } => (of(org), Plain),
            Event::Penalty { org, .. } => (of(org), Alert),
            Event::ConnectRefused { conn } | Event::Unanswered { conn } => (on(conn), End),
            Event::Released { conn, .. } | Event::UnknownStanza { conn, .. } => (on(conn), Plain),
            Event::FaultOn { .. } | Event::FaultOff { .. } => (Lane::Faults, Fault),
            Event::FaultActed { conn, .. } => (on(conn), Fault),
            Event::ServerDown | Event::ServerUp => (Lane::Server, Plain),
            Event::SecretFound { .. } => (Lane::Process, Alert),
            Event::End => return None,
            _ => (Lane::Process, Plain),
        };
        Some((lane, kind, says::event(event, at, &self.stamp)))
    }

    /// Marks something; what was folded of the same organization is told before it.
    fn put(
        &mut self,
        lane: Lane,
        at: Instant,
        kind: MarkKind,
        text: String,
        event: Option<&Event>,
    ) {
        match &lane {
            Lane::Session(org) | Lane::Connections(org) => self.unfold(&org.clone()),
            _ => {}
        }
        let lane = self.lane(lane);
        self.marks.push(Mark {
            lane,
            at,
            until: None,
            kind,
            text,
            event: event.cloned(),
        });
    }

    fn unfold(&mut self, org: &OrgName) {
        let lane = self.lane(Lane::Connections(org.clone()));
        if let Some(routine) = self.routine.get_mut(org) {
            self.marks.extend(routine.unfold(lane));
        }
    }
}

/// So many folds at most, of all organizations together where nothing else happens.
const FOLDS: u64 = 400;
/// A fold holds about a dozen pings at least.
const SHORTEST: Millis = Millis::from_mins(5);

impl State {
    /// As a bar of the session's lane.
    const fn bar(self) -> BarKind {
        match self {
            Self::Connected => BarKind::Connected,
            Self::Degraded => BarKind::Degraded,
            Self::Waiting | Self::Connecting | Self::AwaitingQrScan | Self::Pairing => {
                BarKind::Connecting
            }
            Self::Blocked => BarKind::Block,
            Self::Idle | Self::LoggedOut | Self::DisconnectedManualReconnectRequired => {
                BarKind::Down
            }
        }
    }
}

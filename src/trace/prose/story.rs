//! What led to one moment of a trace, in three strands: what was injected, what the client knew, what it did.

use std::collections::{BTreeMap, VecDeque};

use squall_protocol::Instant;

use super::clock::Stamp;
use super::counted::counted;
use super::says;
use crate::trace::{Ask, ConnectionId, Entry, Event, Header, Message, OrgName, Side, Verdict};

/// Of each strand so many lines are told, the last ones: what is long past explains little.
const TOLD: usize = 10;

/// The strands, in lines of prose, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Strands {
    /// What was done to the client, its link and its server.
    pub injected: Vec<String>,
    /// What reached it, from the server and from the operator.
    pub knew: Vec<String>,
    /// What it did and said.
    pub did: Vec<String>,
}

/// Follows a trace up to a moment.
#[derive(Debug)]
pub struct Story {
    stamp: Stamp,
    until: Instant,
    org: Option<OrgName>,
    whose: BTreeMap<ConnectionId, OrgName>,
    injected: Strand,
    knew: Strand,
    did: Strand,
}

#[derive(Debug, Default)]
struct Strand {
    lines: VecDeque<String>,
    left_out: u64,
    /// Routine since the last line: how much, and when it was last.
    routine: Option<(u64, Instant)>,
}

/// Where an event belongs.
enum Says {
    Injected(String),
    Knew(String),
    Did(String),
    /// An answer or another stanza that ends nothing.
    Heard,
    /// A ping or another query.
    Asked,
    Nothing,
}

impl Story {
    /// Of what happened to this organization up to a moment, that millisecond included; to all of them without one.
    pub fn new(header: &Header, until: Instant, org: Option<OrgName>) -> Self {
        Self {
            stamp: Stamp::new(header),
            until,
            org,
            whose: BTreeMap::new(),
            injected: Strand::default(),
            knew: Strand::default(),
            did: Strand::default(),
        }
    }

    /// Takes in the next entry.
    pub fn observe(&mut self, entry: &Entry) {
        if entry.at > self.until {
            return;
        }
        if let Event::Dial { conn, org, .. } = &entry.event {
            self.whose.insert(*conn, org.clone());
        }
        let about = self.about(&entry.event);
        if about.is_some() && self.org.is_some() && about != self.org {
            return;
        }
        let who = about.map_or_else(String::new, |org| format!("org {org}"));
        let at = entry.at;
        match says(&entry.event, at, &self.stamp) {
            Says::Injected(said) => self.injected.tell(&self.stamp, at, &who, &said),
            Says::Knew(said) => self.knew.tell(&self.stamp, at, &who, &said),
            Says::Did(said) => self.did.tell(&self.stamp, at, &who, &said),
            Says::Heard => self.knew.count(at),
            Says::Asked => self.did.count(at),
            Says::Nothing => {}
        }
        if let Event::ClockStepped { by } = entry.event {
            self.stamp.step(by);
        }
    }

    /// The three strands.
    pub fn finish(self) -> Strands {
        let Self {
            stamp,
            injected,
            mut knew,
            mut did,
            ..
        } = self;
        knew.tell_routine(
            &stamp,
            "from the server, nothing that ends anything",
            "message",
        );
        did.tell_routine(&stamp, "asks the server", "time");
        Strands {
            injected: injected.told(),
            knew: knew.told(),
            did: did.told(),
        }
    }

    fn about(&self, event: &Event) -> Option<OrgName> {
        match event {
            Event::Request { org, .. }
            | Event::Verdict { org, .. }
            | Event::PermitSpent { org, .. }
            | Event::PermitRevoked { org, .. }
            | Event::Withdrawn { org, .. }
            | Event::Dial { org, .. }
            | Event::State { org, .. }
            | Event::Qr { org, .. }
            | Event::Disconnected { org, .. }
            | Event::KeepAliveLate { org }
            | Event::KeepAliveRecovered { org }
            | Event::Left { org, .. }
            | Event::Login { org, .. }
            | Event::LoginFailed { org, .. }
            | Event::PairSuccess { org, .. }
            | Event::PhoneScanned { org }
            | Event::ScanRefused { org }
            | Event::Revoked { org }
            | Event::Penalty { org, .. } => Some(org.clone()),
            Event::Alert { org, .. } => org.clone(),
            Event::ConnectRefused { conn }
            | Event::Unanswered { conn }
            | Event::Sent { conn, .. }
            | Event::Delivered { conn, .. }
            | Event::Released { conn, .. }
            | Event::FaultActed { conn, .. } => self.whose.get(conn).cloned(),
            _ => None,
        }
    }
}

impl Strand {
    fn tell(&mut self, stamp: &Stamp, at: Instant, who: &str, said: &str) {
        self.lines.push_back(stamp.line(at, who, said));
        if self.lines.len() > TOLD {
            self.lines.pop_front();
            self.left_out += 1;
        }
    }

    fn count(&mut self, at: Instant) {
        let (count, last) = self.routine.get_or_insert((0, at));
        *count += 1;
        *last = at;
    }

    fn tell_routine(&mut self, stamp: &Stamp, what: &str, unit: &str) {
        if let Some((count, last)) = self.routine.take() {
            let often = counted(count, unit, &format!("{unit}s"));
            let said = format!("{what}: {often} in all, then for the last time");
            self.tell(stamp, last, "", &said);
        }
    }

    fn told(self) -> Vec<String> {
        let earlier = (self.left_out > 0).then(|| {
            let lines = counted(self.left_out, "line", "lines");
            format!("{lines} before these")
        });
        earlier.into_iter().chain(self.lines).collect()
    }
}

/// To which strand an event belongs, and in which words.
fn says(event: &Event, at: Instant, stamp: &Stamp) -> Says {
    match event {
        Event::FaultOn { .. }
        | Event::FaultActed { .. }
        | Event::FaultOff { .. }
        | Event::Crashed { .. }
        | Event::Stopping
        | Event::Suspended
        | Event::Resumed
        | Event::Paused
        | Event::Continued
        | Event::ClockStepped { .. }
        | Event::ServerDown
        | Event::ServerUp
        | Event::Revoked { .. }
        | Event::Penalty { .. } => Says::Injected(says::event(event, at, stamp)),
        Event::Request { ask, .. } => Says::Knew(match ask {
            Ask::Start => "the operator asks it to start".to_owned(),
            Ask::Stop => "the operator stops it".to_owned(),
            Ask::ScanQr => "the operator scans the QR code".to_owned(),
        }),
        Event::Verdict { verdict, .. } => Says::Knew(match verdict {
            Verdict::Granted { attempt } => format!("the start is granted: attempt {attempt}"),
            Verdict::Denied { cause, .. } => format!("the start is refused: {cause}"),
            Verdict::Unreachable => "nobody answers the operator".to_owned(),
        }),
        Event::Delivered {
            conn,
            to: Side::Client,
            message,
        } => match is_routine(message) {
            true => Says::Heard,
            false => says::message(*conn, message, false).map_or(Says::Nothing, Says::Knew),
        },
        Event::ConnectRefused { .. } | Event::PermitRevoked { .. } => {
            Says::Knew(says::event(event, at, stamp))
        }
        Event::Sent {
            conn,
            from: Side::Client,
            message,
        } => match is_routine(message) {
            true => Says::Asked,
            false => says::message(*conn, message, true).map_or(Says::Nothing, Says::Did),
        },
        Event::PermitSpent { attempt, .. } => {
            Says::Did(format!("spends the permit of attempt {attempt}"))
        }
        Event::Dial {
            conn,
            attempt,
            handoff,
            ..
        } => Says::Did(match handoff {
            true => format!("dials {conn}, the handoff of attempt {attempt}"),
            false => format!("dials {conn} for attempt {attempt}"),
        }),
        Event::State { state, .. } => Says::Did(format!("says that it is {state}")),
        Event::KeepAliveLate { .. } => Says::Did("says that an answer is late".to_owned()),
        Event::KeepAliveRecovered { .. } => Says::Did("says that no answer is late".to_owned()),
        Event::Withdrawn { .. }
        | Event::Unanswered { .. }
        | Event::Released {
            by: Side::Client, ..
        }
        | Event::Qr { .. }
        | Event::Disconnected { .. }
        | Event::Alert { .. }
        | Event::Left { .. }
        | Event::Booted
        | Event::RefusedToStart { .. }
        | Event::StartedTwice { .. }
        | Event::Exited
        | Event::SecretFound { .. } => Says::Did(says::event(event, at, stamp)),
        _ => Says::Nothing,
    }
}

/// What a connection that holds carries all the time.
fn is_routine(message: &Message) -> bool {
    match message {
        Message::Stanza(node) => {
            let ends = ["stream:error", "failure", "xmlstreamend"].contains(&node.tag.as_str());
            let pairs = node.find("pair-device").is_some() || node.find("pair-success").is_some();
            !ends && !pairs
        }
        Message::UpgradeResponse { status, valid, .. } => *status == 101 && *valid,
        Message::UpgradeRequest | Message::Handshake(_) | Message::Ping(_) | Message::Pong(_) => {
            true
        }
        _ => false,
    }
}

//! What lasts: states, connections, faults, blocks and cooldowns.

use std::collections::BTreeMap;

use serde::Serialize;
use squall_protocol::Instant;

use crate::trace::{ConnectionId, FaultRef};
use crate::words::State;

/// Something that lasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bar {
    /// The place of its lane.
    pub lane: usize,
    /// From when.
    pub from: Instant,
    /// Until when; at most the end of the run.
    pub to: Instant,
    /// How it is drawn.
    pub kind: BarKind,
    /// In words.
    pub text: String,
}

/// How a bar is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BarKind {
    /// The session stands connected.
    Connected,
    /// Connected, and a ping is answered late.
    Degraded,
    /// On the way there.
    Connecting,
    /// At rest, and down.
    Down,
    /// A block.
    Block,
    /// A cooldown.
    Cooldown,
    /// A connection.
    Connection,
    /// A fault that stands.
    Fault,
    /// A process that is not there, or not polled.
    Away,
}

/// Bars that have ended, and those that have not.
#[derive(Debug, Default)]
pub(super) struct Bars {
    ended: Vec<Bar>,
    states: BTreeMap<usize, Bar>,
    connections: BTreeMap<ConnectionId, Bar>,
    faults: BTreeMap<FaultRef, Bar>,
    away: BTreeMap<usize, Bar>,
}

impl Bars {
    pub(super) fn state(&mut self, lane: usize, at: Instant, state: State) {
        let bar = open(lane, at, state.bar(), state.name().to_owned());
        let before = self.states.insert(lane, bar);
        self.end(at, before);
    }

    pub(super) fn connection(
        &mut self,
        lane: usize,
        at: Instant,
        conn: ConnectionId,
        text: String,
    ) {
        let bar = open(lane, at, BarKind::Connection, text);
        self.connections.insert(conn, bar);
    }

    pub(super) fn connection_ends(&mut self, at: Instant, conn: ConnectionId) {
        let bar = self.connections.remove(&conn);
        self.end(at, bar);
    }

    pub(super) fn fault(&mut self, lane: usize, at: Instant, fault: FaultRef, text: String) {
        self.faults
            .insert(fault, open(lane, at, BarKind::Fault, text));
    }

    pub(super) fn fault_ends(&mut self, at: Instant, fault: FaultRef) {
        let bar = self.faults.remove(&fault);
        self.end(at, bar);
    }

    /// A process goes away. One that is paused may be killed: what it is last is told.
    pub(super) fn away(&mut self, lane: usize, at: Instant, what: &str) {
        let before = self
            .away
            .insert(lane, open(lane, at, BarKind::Away, what.to_owned()));
        self.end(at, before);
    }

    pub(super) fn back(&mut self, lane: usize, at: Instant) {
        let bar = self.away.remove(&lane);
        self.end(at, bar);
    }

    /// What has its end in itself.
    pub(super) fn until(
        &mut self,
        lane: usize,
        kind: BarKind,
        from: Instant,
        to: Instant,
        text: String,
    ) {
        self.ended.push(Bar {
            lane,
            from,
            to,
            kind,
            text,
        });
    }

    /// All of them; what lasts still ends with the run.
    pub(super) fn finish(mut self, ends: Instant) -> Vec<Bar> {
        let open = std::mem::take(&mut self.states)
            .into_values()
            .chain(std::mem::take(&mut self.connections).into_values())
            .chain(std::mem::take(&mut self.faults).into_values())
            .chain(std::mem::take(&mut self.away).into_values());
        self.ended.extend(open.map(|bar| Bar { to: ends, ..bar }));
        for bar in &mut self.ended {
            bar.to = bar.to.min(ends);
        }
        self.ended.sort_by_key(|bar| (bar.from, bar.lane));
        self.ended
    }

    fn end(&mut self, at: Instant, bar: Option<Bar>) {
        // A state of no length was never anybody's.
        let lasted = bar.filter(|bar| bar.from < at || bar.kind != BarKind::Down);
        self.ended.extend(lasted.map(|bar| Bar { to: at, ..bar }));
    }
}

fn open(lane: usize, from: Instant, kind: BarKind, text: String) -> Bar {
    Bar {
        lane,
        from,
        to: from,
        kind,
        text,
    }
}

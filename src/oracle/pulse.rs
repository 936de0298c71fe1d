//! The rules of silence and of the zombie, recomputed for each connection.

use std::collections::VecDeque;

use compact_str::CompactString;
use squall_protocol::{Instant, Millis};

use super::link::Links;
use super::live::Live;
use super::stanza::{iq_answer_id, iq_ping_id};
use crate::trace::{ConnectionId, Entry, Event, Message, Policy, Side};

/// The pulse of every live connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Pulses(Live<Pulse>);

impl Pulses {
    /// Looks at the next entry, which `links` have seen already. Times are the client's own.
    pub(super) fn observe(&mut self, entry: &Entry, now: Instant, links: &Links) {
        match &entry.event {
            Event::Delivered {
                conn,
                to: Side::Client,
                message,
            } => {
                if let Some(pulse) = self.0.get_mut(*conn) {
                    pulse.received(message, now);
                }
            }
            Event::Sent {
                conn,
                from: Side::Client,
                message,
            } => {
                if let Some(pulse) = self.0.get_mut(*conn) {
                    pulse.sent(message, now);
                }
            }
            Event::Dial { conn, .. } => {
                self.0.retain(|conn, _| links.get(conn).is_some());
                self.0.insert(*conn, Pulse::new(now));
            }
            Event::Crashed { .. } | Event::Exited => drop(self.0.drain()),
            _ => {}
        }
    }

    pub(super) fn get(&self, conn: ConnectionId) -> Option<&Pulse> {
        self.0.get(conn)
    }

    pub(super) fn remove(&mut self, conn: ConnectionId) {
        self.0.remove(conn);
    }

    /// In the order of the dials.
    pub(super) fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Pulse)> {
        self.0.iter()
    }
}

/// When a connection was last alive. Times are the client's own.
#[derive(Clone, Debug)]
pub(super) struct Pulse {
    /// The last thing received, or the dial.
    pub(super) received: Instant,
    /// The first ping of either kind sent after the last thing received.
    pub(super) silent_since: Option<Instant>,
    /// The last answer to an IQ ping.
    pub(super) answered: Option<Instant>,
    /// The first IQ ping sent after the last answer to one.
    pub(super) unanswered_since: Option<Instant>,
    unsettled: VecDeque<CompactString>,
}

/// So many unsettled pings are remembered, seven hours of them at one each 25 s, so that a client which never gives up
/// costs no memory: an answer later than that is none. On a line that queues for longer and longer every answer may come,
/// and each come an hour late; they are answers, and there is no zombie.
const REMEMBERED_PINGS: usize = 1_024;

impl Pulse {
    fn new(now: Instant) -> Self {
        Self {
            received: now,
            silent_since: None,
            answered: None,
            unanswered_since: None,
            unsettled: VecDeque::new(),
        }
    }

    /// The client sent this.
    fn sent(&mut self, message: &Message, now: Instant) {
        if let Some(id) = iq_ping_id(message) {
            self.silent_since.get_or_insert(now);
            self.unanswered_since.get_or_insert(now);
            if self.unsettled.len() == REMEMBERED_PINGS {
                self.unsettled.pop_front();
            }
            self.unsettled.push_back(id.into());
        } else if matches!(message, Message::Ping(_)) {
            self.silent_since.get_or_insert(now);
        }
    }

    /// The client read this.
    fn received(&mut self, message: &Message, now: Instant) {
        self.received = now;
        self.silent_since = None;
        if let Some(id) = iq_answer_id(message)
            && let Some(place) = self.unsettled.iter().position(|ping| ping == id)
        {
            self.unsettled.drain(..=place);
            self.answered = Some(now);
            self.unanswered_since = None;
        }
    }

    /// Whether nothing was received for too long.
    pub(super) fn is_silent(&self, policy: &Policy, now: Instant) -> bool {
        self.silent_since
            .is_some_and(|since| now >= since + policy.dead_after)
    }

    /// Whether no IQ ping was answered for too long.
    pub(super) fn is_zombie(&self, policy: &Policy, now: Instant) -> bool {
        self.unanswered_since
            .is_some_and(|since| now >= since + policy.zombie_after)
    }

    /// When a client whose Noise transport is up since `secured` must have noticed silence.
    pub(super) fn silence_noticed_by(&self, policy: &Policy, secured: Instant) -> Instant {
        due(
            self.silent_since,
            self.received.max(secured),
            policy.keep_alive,
            policy.dead_after,
        )
    }

    /// When a client whose Noise transport is up since `secured` must have noticed a zombie.
    pub(super) fn zombie_noticed_by(&self, policy: &Policy, secured: Instant) -> Instant {
        due(
            self.unanswered_since,
            self.answered.unwrap_or(secured),
            policy.keep_alive,
            policy.zombie_after,
        )
    }
}

/// `bound` after the first unanswered ping, which itself is due one interval after the last sign of life: a client that
/// sends no ping at all gets no more time than one that does.
///
/// A ping of the very millisecond of that sign of life does not count. A read hands the client everything that is due at
/// once, and the ping may answer the first part of it (`<success>`) before the client has looked at the last.
fn due(ping: Option<Instant>, alive: Instant, interval: Millis, bound: Millis) -> Instant {
    let latest = alive + interval + bound;
    ping.filter(|since| *since > alive)
        .map_or(latest, |since| latest.min(since + bound))
}

//! The pings of one connection: the two beats, what is unsettled, and how long nothing was heard or answered.
//!
//! An IQ ping asks WhatsApp's server whether it still answers this session; a WebSocket Ping asks whether the other end
//! of the WebSocket still reads. An answer settles its ping and every earlier one of its kind. Only silence and unanswered
//! IQ pings end a connection; a pong that is late, missing or wrong never does.

use std::collections::VecDeque;

use squall_protocol::{Instant, Millis};

use crate::policy::Policy;

/// The pings of one connection, from the Noise transport on.
#[derive(Debug)]
pub(super) struct KeepAlive {
    /// When the next IQ ping is due.
    iq_beat: Option<Beat>,
    /// When the next WebSocket Ping is due; begins with `connected`.
    active_beat: Option<Beat>,
    iq: Unsettled,
    web_socket: Unsettled,
    /// When the first ping of either kind went out after the last thing heard.
    silent_since: Option<Instant>,
    /// When the first IQ ping went out after the last IQ answer.
    unanswered_since: Option<Instant>,
}

impl KeepAlive {
    pub(super) fn new() -> Self {
        Self {
            iq_beat: None,
            active_beat: None,
            iq: Unsettled::default(),
            web_socket: Unsettled::default(),
            silent_since: None,
            unanswered_since: None,
        }
    }

    /// The Noise transport is up: the first IQ ping is due one interval from now.
    pub(super) fn begin(&mut self, now: Instant, policy: &Policy) {
        self.iq_beat = Some(Beat::from(now, policy.keep_alive_interval));
    }

    /// The session is connected: the first WebSocket Ping is due one interval from now.
    pub(super) fn begin_active(&mut self, now: Instant, policy: &Policy) {
        self.active_beat = Some(Beat::from(now, policy.active_ping_interval));
    }

    /// Something was received, whatever it was.
    pub(super) fn heard(&mut self) {
        self.silent_since = None;
    }

    /// The IQ ping of this number went out.
    pub(super) fn iq_sent(&mut self, number: u64, now: Instant) {
        self.iq.sent(number, now);
        self.silent_since.get_or_insert(now);
        self.unanswered_since.get_or_insert(now);
    }

    /// The WebSocket Ping of this number went out.
    pub(super) fn web_socket_sent(&mut self, number: u64, now: Instant) {
        self.web_socket.sent(number, now);
        self.silent_since.get_or_insert(now);
    }

    /// An IQ of this number was answered. When it went out, if it was an unsettled ping.
    pub(super) fn iq_answered(&mut self, number: u64) -> Option<Instant> {
        let sent = self.iq.settle(number)?;
        self.unanswered_since = None;
        Some(sent)
    }

    /// A pong of this number came. When its ping went out, if it was unsettled.
    pub(super) fn web_socket_answered(&mut self, number: u64) -> Option<Instant> {
        self.web_socket.settle(number)
    }

    /// Whether every IQ ping up to this number is settled.
    pub(super) fn is_iq_settled(&self, number: u64) -> bool {
        self.iq.first().is_none_or(|(oldest, _)| oldest > number)
    }

    /// Whether an IQ ping is due; its beat then goes on.
    pub(super) fn take_iq_beat(&mut self, now: Instant) -> bool {
        self.iq_beat.as_mut().is_some_and(|beat| beat.take(now))
    }

    /// Whether a WebSocket Ping is due; its beat then goes on.
    pub(super) fn take_active_beat(&mut self, now: Instant) -> bool {
        self.active_beat.as_mut().is_some_and(|beat| beat.take(now))
    }

    pub(super) fn next_iq(&self) -> Option<Instant> {
        self.iq_beat.as_ref().map(|beat| beat.next)
    }

    pub(super) fn next_active(&self) -> Option<Instant> {
        self.active_beat.as_ref().map(|beat| beat.next)
    }

    /// When the oldest unsettled ping of either kind becomes late.
    pub(super) fn late_at(&self, policy: &Policy) -> Option<Instant> {
        let oldest = |pings: &Unsettled| pings.first().map_or(Instant::NEVER, |(_, at)| at);
        let at = oldest(&self.iq).min(oldest(&self.web_socket));
        (at < Instant::NEVER).then(|| at + policy.late_after)
    }

    /// When silence becomes death.
    pub(super) fn dead_at(&self, policy: &Policy) -> Option<Instant> {
        self.silent_since.map(|since| since + policy.dead_after)
    }

    /// When unanswered IQ pings become death.
    pub(super) fn zombie_at(&self, policy: &Policy) -> Option<Instant> {
        self.unanswered_since
            .map(|since| since + policy.zombie_after)
    }
}

/// A beat that is counted from where it began: a late wake sends one ping and skips the missed ones, and never shifts
/// those that follow.
#[derive(Debug)]
struct Beat {
    next: Instant,
    every: Millis,
}

impl Beat {
    fn from(start: Instant, every: Millis) -> Self {
        // A beat without length would never let time pass.
        let every = every.max(Millis::new(1));
        Self {
            next: start + every,
            every,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        if now < self.next {
            return false;
        }
        let missed = (now - self.next).get() / self.every.get();
        self.next += Millis::new((missed + 1).saturating_mul(self.every.get()));
        true
    }
}

/// The pings of one kind that no answer has settled: number and time of each, oldest first.
#[derive(Debug, Default)]
struct Unsettled(VecDeque<(u64, Instant)>);

impl Unsettled {
    fn sent(&mut self, number: u64, at: Instant) {
        if self.0.len() == MOST_UNSETTLED {
            // The oldest says since when pings are late, so the second oldest goes.
            self.0.remove(1);
        }
        self.0.push_back((number, at));
    }

    /// Settles this ping and every earlier one. When it went out, if it was unsettled.
    fn settle(&mut self, number: u64) -> Option<Instant> {
        let index = self.0.binary_search_by_key(&number, |ping| ping.0).ok()?;
        self.0.drain(..=index).next_back().map(|ping| ping.1)
    }

    fn first(&self) -> Option<(u64, Instant)> {
        self.0.front().copied()
    }
}

/// How many unsettled pings of a kind are remembered. A server may withhold every pong for a year and the connection
/// holds; memory then must not grow. With the defaults 1,024 WebSocket Pings are 34 hours, and an IQ ping that long
/// unanswered has ended the connection.
const MOST_UNSETTLED: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beat_is_counted_from_where_it_began() {
        let mut beat = Beat::from(Instant::at(1_000), Millis::from_secs(25));
        assert!(!beat.take(Instant::at(25_999)));
        assert!(beat.take(Instant::at(26_000)));
        assert!(!beat.take(Instant::at(26_000)));
        assert_eq!(beat.next, Instant::at(51_000));
    }

    #[test]
    fn a_late_wake_pings_once_and_returns_to_the_beat() {
        let mut beat = Beat::from(Instant::START, Millis::from_secs(25));
        assert!(beat.take(Instant::at(110_000)));
        assert!(!beat.take(Instant::at(110_000)));
        assert_eq!(beat.next, Instant::at(125_000));
        let mut beat = Beat::from(Instant::START, Millis::from_secs(25));
        assert!(beat.take(Instant::at(100_000)));
        assert_eq!(beat.next, Instant::at(125_000));
    }

    #[test]
    fn an_answer_settles_its_ping_and_the_earlier_ones_alone() {
        let mut pings = Unsettled::default();
        for number in [3, 5, 9] {
            pings.sent(number, Instant::at(number * 100));
        }
        assert_eq!(pings.settle(4), None);
        assert_eq!(pings.settle(5), Some(Instant::at(500)));
        assert_eq!(pings.first(), Some((9, Instant::at(900))));
        assert_eq!(pings.settle(3), None);
    }

    #[test]
    fn withheld_pongs_cost_no_memory_and_keep_the_oldest() {
        let mut pings = Unsettled::default();
        for number in 0..100_000 {
            pings.sent(number, Instant::at(number));
        }
        assert_eq!(pings.0.len(), MOST_UNSETTLED);
        assert_eq!(pings.first(), Some((0, Instant::at(0))));
        assert_eq!(pings.settle(99_999), Some(Instant::at(99_999)));
        assert_eq!(pings.first(), None);
    }

    #[test]
    fn the_zombie_clock_starts_with_the_first_ping_after_the_last_answer() {
        let policy = Policy::default();
        let mut pings = KeepAlive::new();
        pings.iq_sent(1, Instant::at(25_000));
        pings.iq_sent(2, Instant::at(50_000));
        assert_eq!(pings.iq_answered(1), Some(Instant::at(25_000)));
        assert_eq!(pings.zombie_at(&policy), None);
        pings.iq_sent(3, Instant::at(75_000));
        assert_eq!(pings.zombie_at(&policy), Some(Instant::at(375_000)));
        assert_eq!(pings.iq_answered(1), None);
        assert_eq!(pings.zombie_at(&policy), Some(Instant::at(375_000)));
    }
}

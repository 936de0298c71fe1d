//! Every point in time that the session waits for, and what it does there.
//!
//! The order of the list is the order of one millisecond: what ends the link comes before what would only use it.

use squall_protocol::{Instant, Now};

use super::end::Ending;
use super::{Phase, Session};
use crate::cause::Lost;
use crate::machine::{Event, Output, Timer};
use crate::state::State;

impl Session {
    /// The next time to wake, and why.
    pub(super) fn next_timer(&self) -> Option<(Instant, Timer)> {
        let mut next = Earliest(None);
        next.offer(self.draining.as_ref().map(|old| old.until), Timer::Drain);
        match &self.phase {
            Phase::AtRest => {
                if self.state == State::Blocked {
                    next.offer(self.blocked_until, Timer::Unblock);
                }
            }
            Phase::Waiting(permit) => next.offer(Some(permit.dial_at()), Timer::Dial),
            Phase::Confirming(_) => {}
            Phase::Live(live) => {
                next.offer(live.stage_until, Timer::Stage);
                next.offer(live.keep_alive.dead_at(&self.policy), Timer::Dead);
                next.offer(live.keep_alive.zombie_at(&self.policy), Timer::Zombie);
                next.offer(live.codes.as_ref().map(|codes| codes.until), Timer::Qr);
                next.offer(live.keep_alive.next_iq(), Timer::KeepAlive);
                next.offer(live.keep_alive.next_active(), Timer::ActivePing);
                if self.state == State::Connected {
                    next.offer(live.keep_alive.late_at(&self.policy), Timer::Late);
                }
                let overdue = live.ready.as_ref().and_then(|ready| ready.alert_at);
                next.offer(overdue, Timer::NotReady);
            }
        }
        next.0
    }

    /// Does everything that is due.
    pub(super) fn on_timeout(&mut self, now: Now) {
        while let Some((at, timer)) = self.next_timer()
            && at <= now.mono
        {
            self.on_timer(now, timer);
        }
    }

    /// Does what one timer is for; that timer is then gone or later.
    fn on_timer(&mut self, now: Now, timer: Timer) {
        match timer {
            Timer::Drain => self.on_drained(now.mono),
            Timer::Unblock => self.on_unblocked(now.mono),
            Timer::Dial => self.on_dial_time(),
            Timer::Stage => {
                if let Some(stage) = self.stage() {
                    self.end(now, Ending::timed_out(stage));
                }
            }
            Timer::Dead => self.end(now, Ending::lost(Lost::Silence)),
            Timer::Zombie => self.end(now, Ending::lost(Lost::Zombie)),
            Timer::Qr => self.on_qr_time(now),
            Timer::KeepAlive => {
                if self
                    .live()
                    .is_some_and(|live| live.keep_alive.take_iq_beat(now.mono))
                {
                    self.send_iq_ping(now);
                }
            }
            Timer::ActivePing => {
                if self
                    .live()
                    .is_some_and(|live| live.keep_alive.take_active_beat(now.mono))
                {
                    self.send_web_socket_ping(now);
                }
            }
            Timer::Late => {
                self.seen.late += 1;
                self.tell(Event::KeepAliveLate);
                self.set_state(State::Degraded);
            }
            Timer::NotReady => self.on_not_ready(now),
        }
    }

    /// The mandatory wait is over: the limiter is asked once more.
    fn on_dial_time(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::AtRest) {
            Phase::Waiting(permit) => {
                self.phase = Phase::Confirming(permit.attempt());
                self.outputs
                    .push_back(Output::Confirm(permit.attempt(), permit));
            }
            other => self.phase = other,
        }
    }
}

/// The earliest of the times that were offered; of equal ones the first.
struct Earliest(Option<(Instant, Timer)>);

impl Earliest {
    fn offer(&mut self, at: Option<Instant>, timer: Timer) {
        if let Some(at) = at
            && self.0.is_none_or(|(earliest, _)| at < earliest)
        {
            self.0 = Some((at, timer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_times_that_are_offered_the_earliest_wins_and_of_equal_ones_the_first() {
        let mut next = Earliest(None);
        for (at, timer, first) in [
            (None, Timer::Qr, None),
            (Some(20), Timer::Dead, Some((20, Timer::Dead))),
            (Some(20), Timer::KeepAlive, Some((20, Timer::Dead))),
            (Some(21), Timer::Late, Some((20, Timer::Dead))),
            (Some(19), Timer::Zombie, Some((19, Timer::Zombie))),
        ] {
            next.offer(at.map(Instant::at), timer);
            assert_eq!(next.0, first.map(|(at, timer)| (Instant::at(at), timer)));
        }
    }
}

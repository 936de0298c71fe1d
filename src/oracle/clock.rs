//! The client's own clocks, read off the trace: a suspend stops the monotonic one, a pause stops nothing but the client.

use squall_protocol::{Instant, Millis};

use crate::trace::{Entry, Event};

/// Tells the engine's time from the client's own. A boot begins a new life, in which nothing was slept through yet.
#[derive(Debug, Default)]
pub(super) struct OwnClock {
    away: Millis,
    asleep_since: Option<Instant>,
    paused: Millis,
    /// By its own time, as the next two.
    paused_since: Option<Instant>,
    last_pause: Option<(Instant, Instant)>,
    down: bool,
}

impl OwnClock {
    /// Takes in what the entry says of the clock, and gives the client's own time at it.
    pub(super) fn observe(&mut self, entry: &Entry) -> Instant {
        match entry.event {
            Event::Suspended => self.asleep_since = Some(self.asleep_since.unwrap_or(entry.at)),
            Event::Resumed => {
                if let Some(since) = self.asleep_since.take() {
                    self.away = self.away + (entry.at - since);
                }
            }
            Event::Paused => self.paused_since = Some(self.at(entry.at)),
            Event::Continued => {
                if let Some(since) = self.paused_since.take() {
                    let now = self.at(entry.at);
                    self.paused = self.paused + (now - since);
                    self.last_pause = Some((since, now));
                }
            }
            Event::Crashed { .. } | Event::Exited => {
                self.down = true;
                // What was due in the pause it never could do.
                if let Some(since) = self.paused_since.take() {
                    self.paused = self.paused + (self.at(entry.at) - since);
                    self.last_pause = Some((since, Instant::NEVER));
                }
            }
            Event::Booted => *self = Self::default(),
            _ => {}
        }
        self.at(entry.at)
    }

    /// Whether the client runs: it is up, and neither suspended nor paused.
    pub(super) fn runs(&self) -> bool {
        !self.down && self.asleep_since.is_none() && self.paused_since.is_none()
    }

    /// The client's own time when the engine's is `at`.
    pub(super) fn at(&self, at: Instant) -> Instant {
        let until = self.asleep_since.map_or(at, |since| since.min(at));
        until - self.away
    }

    /// The same, the time left out in which the client was paused: for what it could do, not for what its timers say.
    pub(super) fn polled_at(&self, at: Instant) -> Instant {
        let own = self.at(at);
        self.paused_since.map_or(own, |since| since.min(own)) - self.paused
    }

    /// When the client can do what is due at `due` of its own time: then, or at the end of the pause in which that falls.
    pub(super) fn once_polled(&self, due: Instant) -> Instant {
        if self.paused_since.is_some_and(|since| since < due) {
            return Instant::NEVER;
        }
        match self.last_pause {
            Some((since, end)) if since < due && due < end => end,
            _ => due,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(clock: &mut OwnClock, at: u64, event: Event) -> Instant {
        let at = Instant::at(at);
        clock.observe(&Entry { at, event })
    }

    #[test]
    fn a_suspend_stops_the_clients_own_clock_and_a_boot_starts_it_anew() {
        let mut clock = OwnClock::default();
        let mut own = |at, event| own(&mut clock, at, event);
        assert_eq!(own(10, Event::Suspended), Instant::at(10));
        assert_eq!(own(50, Event::End), Instant::at(10));
        assert_eq!(own(110, Event::Resumed), Instant::at(10));
        assert_eq!(own(120, Event::End), Instant::at(20));
        assert_eq!(own(130, Event::Booted), Instant::at(130));
    }

    #[test]
    fn a_pause_stops_what_the_client_does_and_not_its_clock() {
        let mut clock = OwnClock::default();
        assert_eq!(own(&mut clock, 10, Event::Paused), Instant::at(10));
        assert!(!clock.runs());
        assert_eq!(clock.once_polled(Instant::at(10)), Instant::at(10));
        assert_eq!(clock.once_polled(Instant::at(11)), Instant::NEVER);
        assert_eq!(own(&mut clock, 110, Event::Continued), Instant::at(110));
        assert!(clock.runs());
        assert_eq!(clock.polled_at(Instant::at(120)), Instant::at(20));
        for (due, done) in [(10, 10), (11, 110), (109, 110), (110, 110), (111, 111)] {
            assert_eq!(clock.once_polled(Instant::at(due)), Instant::at(done));
        }
    }

    #[test]
    fn a_process_that_dies_in_a_pause_is_paused_no_more() {
        let mut clock = OwnClock::default();
        own(&mut clock, 10, Event::Paused);
        let store = "kept".into();
        own(&mut clock, 20, Event::Crashed { store });
        assert!(!clock.runs());
        assert_eq!(clock.polled_at(Instant::at(20)), Instant::at(10));
        own(&mut clock, 30, Event::Booted);
        assert!(clock.runs());
        assert_eq!(clock.polled_at(Instant::at(40)), Instant::at(40));
    }
}

//! The client's own monotonic time, read off the trace: a suspend stops it.

use squall_protocol::{Instant, Millis};

use crate::trace::{Entry, Event};

/// Tells the engine's time from the client's own. A boot begins a new life, in which nothing was slept through yet.
#[derive(Debug, Default)]
pub(super) struct OwnClock {
    away: Millis,
    asleep_since: Option<Instant>,
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
            Event::Crashed { .. } => self.down = true,
            Event::Booted => *self = Self::default(),
            _ => {}
        }
        self.at(entry.at)
    }

    /// Whether the client runs: it is up, and not suspended.
    pub(super) fn runs(&self) -> bool {
        !self.down && self.asleep_since.is_none()
    }

    /// The client's own time when the engine's is `at`.
    pub(super) fn at(&self, at: Instant) -> Instant {
        let until = self.asleep_since.map_or(at, |since| since.min(at));
        until - self.away
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suspend_stops_the_clients_own_clock_and_a_boot_starts_it_anew() {
        let mut clock = OwnClock::default();
        let mut own = |at: u64, event: Event| {
            let at = Instant::at(at);
            clock.observe(&Entry { at, event })
        };
        assert_eq!(own(10, Event::Suspended), Instant::at(10));
        assert_eq!(own(50, Event::End), Instant::at(10));
        assert_eq!(own(110, Event::Resumed), Instant::at(10));
        assert_eq!(own(120, Event::End), Instant::at(20));
        assert_eq!(own(130, Event::Booted), Instant::at(130));
    }
}

//! The limiter's time, reckoned again: monotonic within a life of the process, and from one life to the next the mark that
//! the store remembers or the wall clock, whichever is later.

use jiff::Timestamp;
use squall_protocol::{Instant, Millis};

use crate::trace::{Entry, Event, Header};
use crate::words::Cause;

/// Follows the client's wall clock, its store's mark, and with both the limiter's time.
///
/// The limiter's time is told on the scale of the run: it is the wall clock's at the first boot.
#[derive(Debug)]
pub(super) struct LimiterClock {
    /// The wall clock at time zero, in milliseconds of the Unix epoch.
    starts: i64,
    /// By how much the wall clock was set since.
    stepped: i64,
    /// By how much the limiter's time is ahead of the client's own in this life.
    ahead: i64,
    /// What the store remembers.
    mark: Instant,
    /// When the mark moves next if nothing else is stored, by the client's own time.
    mark_due: Instant,
    runs: bool,
}

/// A moment, as the rules know it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The limiter's time.
    pub(super) now: Instant,
    /// The same as an instant of the epoch.
    pub(super) limiter: Timestamp,
    /// What the wall clock shows.
    pub(super) wall: Timestamp,
}

/// The mark is never older than this while the process lives.
const MARK: Millis = Millis::from_mins(10);

impl LimiterClock {
    pub(super) fn new(header: &Header) -> Self {
        Self {
            starts: header.starts.as_millisecond(),
            stepped: 0,
            ahead: 0,
            mark: Instant::START,
            mark_due: Instant::NEVER,
            runs: false,
        }
    }

    /// Takes in the next entry, at `own` of the client's own time.
    pub(super) fn observe(&mut self, entry: &Entry, own: Instant) {
        if self.runs && self.mark_due <= own {
            let late = (own - self.mark_due).get() % MARK.get();
            let last = own - Millis::new(late);
            self.mark_at(last);
            self.mark_due = last + MARK;
        }
        match &entry.event {
            Event::ClockStepped { by } => self.stepped = self.stepped.saturating_add(*by),
            Event::Crashed { .. } | Event::Exited | Event::Paused => self.runs = false,
            // What was due in the pause is done now.
            Event::Continued => {
                self.runs = true;
                if self.mark_due <= own {
                    self.mark_at(own);
                    self.mark_due = own + MARK;
                }
            }
            Event::Booted => {
                let wall = signed(entry.at).saturating_add(self.stepped);
                self.ahead = signed(self.mark).max(wall) - signed(own);
                self.runs = true;
                self.mark_at(own);
                self.mark_due = own + MARK;
            }
            _ if stores(&entry.event) => self.mark_at(own),
            _ => {}
        }
    }

    /// The moment of `entry`, which was observed, at `own` of the client's own time.
    pub(super) fn moment(&self, entry: &Entry, own: Instant) -> Moment {
        let now = self.at(own);
        let instant = |ms| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
        Moment {
            now,
            limiter: instant(self.starts.saturating_add(signed(now))),
            wall: instant(self.wall(entry.at)),
        }
    }

    /// What the wall clock shows at `at`, in milliseconds of the Unix epoch.
    pub(super) fn wall(&self, at: Instant) -> i64 {
        self.starts
            .saturating_add(signed(at))
            .saturating_add(self.stepped)
    }

    /// The limiter's time at `own` of the client's own, on the scale of the run.
    pub(super) fn at(&self, own: Instant) -> Instant {
        Instant::at(u64::try_from(signed(own).saturating_add(self.ahead)).unwrap_or(0))
    }

    /// By how much the limiter's time is ahead of the wall clock at `at`, in milliseconds; `own` is the client's own time
    /// then. As long as it stays the same, what people are told stays true.
    pub(super) fn lead(&self, at: Instant, own: Instant) -> i64 {
        signed(self.at(own)) - signed(at).saturating_add(self.stepped)
    }

    fn mark_at(&mut self, own: Instant) {
        self.mark = self.mark.max(self.at(own));
    }
}

/// Whether a limiter stores something then, and the mark with it.
fn stores(event: &Event) -> bool {
    match event {
        Event::Verdict { verdict, .. } => matches!(verdict, crate::trace::Verdict::Granted { .. }),
        Event::PermitSpent { .. } | Event::PermitRevoked { .. } | Event::Withdrawn { .. } => true,
        Event::Disconnected { cause, .. } => *cause != Cause::ProcessDied,
        _ => false,
    }
}

fn signed(at: Instant) -> i64 {
    i64::try_from(at.since_start().get()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::testing::header;
    use super::*;

    /// The limiter's time and the wall clock's, both since the start, after these entries; each with the engine's time,
    /// which is the client's own as long as nothing sleeps.
    fn after(events: &[(u64, Event)], asked: u64) -> (u64, i64) {
        let header = header();
        let mut clock = LimiterClock::new(&header);
        for (at, event) in events {
            let at = Instant::at(*at);
            clock.observe(
                &Entry {
                    at,
                    event: event.clone(),
                },
                at,
            );
        }
        let at = Instant::at(asked);
        let entry = Entry {
            at,
            event: Event::End,
        };
        clock.observe(&entry, at);
        let moment = clock.moment(&entry, at);
        let wall = moment.wall.as_millisecond() - header.starts.as_millisecond();
        (moment.now.since_start().get(), wall)
    }

    fn crashed() -> Event {
        Event::Crashed {
            store: "kept".into(),
        }
    }

    const MINUTE: u64 = 60_000;
    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_step_moves_the_wall_clock_alone() {
        let stepped = [
            (0, Event::Booted),
            (1_000, Event::ClockStepped { by: -HOUR }),
        ];
        assert_eq!(after(&stepped, 2_000), (2_000, 2_000 - HOUR));
    }

    #[test]
    fn across_a_restart_forward_is_believed_and_back_goes_on_from_the_mark() {
        let died = |by| {
            [
                (0, Event::Booted),
                (25 * MINUTE, Event::ClockStepped { by }),
                (29 * MINUTE, crashed()),
                (30 * MINUTE, Event::Booted),
            ]
        };
        assert_eq!(after(&died(HOUR), 30 * MINUTE).0, 90 * MINUTE);
        // The mark was moved last after 20 minutes.
        assert_eq!(after(&died(-HOUR), 30 * MINUTE).0, 20 * MINUTE);
        assert_eq!(after(&died(-HOUR), 31 * MINUTE).0, 21 * MINUTE);
    }

    #[test]
    fn a_mark_that_is_due_in_a_pause_is_moved_at_its_end() {
        let paused = [
            (0, Event::Booted),
            (9 * MINUTE, Event::Paused),
            (12 * MINUTE, Event::Continued),
            (13 * MINUTE, Event::ClockStepped { by: -HOUR }),
            (21 * MINUTE, crashed()),
            (22 * MINUTE, Event::Booted),
        ];
        assert_eq!(after(&paused, 22 * MINUTE).0, 12 * MINUTE);
        let dead = [
            (0, Event::Booted),
            (9 * MINUTE, Event::Paused),
            (10 * MINUTE, Event::ClockStepped { by: -HOUR }),
            (21 * MINUTE, crashed()),
            (22 * MINUTE, Event::Booted),
        ];
        assert_eq!(after(&dead, 22 * MINUTE).0, 0);
    }
}

//! The limiter's clock, the mark that it leaves in the store, and how its times are told to people.

use jiff::{SignedDuration, Timestamp};
use squall_protocol::{Instant, Millis, Now};

use crate::store::LimiterTime;

/// The limiter's time: what the store remembers or the wall clock at boot, whichever is later, plus monotonic time since.
/// So no step of the wall clock changes a window while the process runs, and none back shortens one across a restart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    base: LimiterTime,
    booted: Instant,
}

impl Clock {
    /// Starts the clock of a process. A wall clock set forward while it was down cannot be told from time passing, and
    /// is believed.
    pub(super) fn boot(high_water: Option<LimiterTime>, now: Now) -> Self {
        let wall = LimiterTime::from_wall(now.wall);
        Self {
            base: high_water.map_or(wall, |before| before.max(wall)),
            booted: now.mono,
        }
    }

    pub(super) fn time(self, now: Instant) -> LimiterTime {
        self.base + (now - self.booted)
    }

    pub(super) fn moment(self, now: Now) -> Moment {
        Moment {
            at: self.time(now.mono),
            wall: now.wall,
        }
    }
}

/// A moment, as the rules know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The limiter's own time.
    pub at: LimiterTime,
    /// What the wall clock shows.
    pub wall: Timestamp,
}

/// By how much the wall clock went ahead of what the store remembers.
pub(super) fn ahead(high_water: Option<LimiterTime>, now: Now) -> Millis {
    high_water.map_or(Millis::ZERO, |before| {
        LimiterTime::from_wall(now.wall) - before
    })
}

/// A time of the limiter as people are told it: the wall clock now, plus what remains, rounded up to the millisecond so
/// that whoever waits for it is never early.
pub(super) fn told(now: Now, at: LimiterTime, until: LimiterTime) -> Timestamp {
    let remaining =
        SignedDuration::from_millis(i64::try_from((until - at).get()).unwrap_or(i64::MAX));
    let told = now.wall.saturating_add(remaining).unwrap_or(Timestamp::MAX);
    let past = told.as_nanosecond().rem_euclid(NANOS_PER_MILLI);
    if past == 0 {
        return told;
    }
    Timestamp::from_nanosecond(told.as_nanosecond() - past + NANOS_PER_MILLI)
        .unwrap_or(Timestamp::MAX)
}

const NANOS_PER_MILLI: i128 = 1_000_000;

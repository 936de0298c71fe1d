//! `per_org` by `calendar`: at most so many attempts in the civil day, which has 23 or 25 hours where the clocks change.
//!
//! There must be room in two days. One is that of the limiter's own time, which no step of the wall clock moves. The other
//! is the day that the wall clock shows: it has lasted since its midnight, and attempts are placed in it by the time that
//! has truly passed since. So a wall clock set over midnight makes no room, and one that was put right is believed.

use jiff::Timestamp;
use jiff::civil::Date;
use squall_protocol::{Millis, Zone};

use crate::limiter::clock::Moment;
use crate::limiter::rule::Frees;
use crate::store::LimiterTime;

/// How long a civil day has lasted, and how long it will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    elapsed: Millis,
    remaining: Millis,
}

impl Day {
    /// The day of `zone` in which `now` lies. Beyond the years of the calendar no day ever ends.
    fn of(zone: &Zone, now: Timestamp) -> Self {
        let date = now.to_zoned_datetime(zone.rules().clone()).date();
        let now = now.as_millisecond();
        let tomorrow = date.tomorrow().ok();
        let mut day = (begins(zone, Some(date)), begins(zone, tomorrow));
        if day.1.is_some_and(|end| end <= now) {
            // The clock went back over midnight: the date is yesterday's again, and its second part is today's.
            day = (
                day.1,
                begins(zone, tomorrow.and_then(|it| it.tomorrow().ok())),
            );
        }
        let length = |from: i64, to: i64| Millis::new(u64::try_from(to - from).unwrap_or(0));
        Self {
            elapsed: day.0.map_or(Millis::ZERO, |from| length(from, now)),
            remaining: day.1.map_or(Millis::MAX, |end| length(now, end)),
        }
    }

    /// Whether what happened so long ago happened in it.
    fn holds(self, ago: Millis) -> bool {
        ago <= self.elapsed
    }
}

/// The first millisecond of a date.
fn begins(zone: &Zone, date: Option<Date>) -> Option<i64> {
    let midnight = date?.to_zoned_datetime(zone.rules().clone()).ok()?;
    Some(midnight.timestamp().as_millisecond())
}

/// The limiter's day and the wall clock's.
pub(super) fn days(zone: &Zone, now: Moment) -> [Day; 2] {
    let limiters = Timestamp::from_millisecond(now.at.as_millisecond()).unwrap_or(Timestamp::MAX);
    [Day::of(zone, limiters), Day::of(zone, now.wall)]
}

/// Whether an attempt counts: it is in one of the days.
pub(super) fn counts(days: [Day; 2], admitted_at: LimiterTime, now: Moment) -> bool {
    days.iter().any(|day| day.holds(now.at - admitted_at))
}

/// There is room once every day has ended that holds the `max`-th latest attempt. A quota of none never has any.
pub(super) fn frees(
    mut latest_first: impl Iterator<Item = LimiterTime>,
    max: u32,
    zone: &Zone,
    now: Moment,
) -> Frees {
    let Some(later) = max.checked_sub(1) else {
        return Frees::Never;
    };
    let Some(admitted_at) = latest_first.nth(usize::try_from(later).unwrap_or(usize::MAX)) else {
        return Frees::Now;
    };
    let full = days(zone, now)
        .into_iter()
        .filter(|day| day.holds(now.at - admitted_at));
    full.map(|day| Frees::from(now.at + day.remaining, now.at))
        .max()
        .unwrap_or(Frees::Now)
}

/// No civil day of any zone is longer.
pub(super) const LONGEST: Millis = Millis::from_days(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn day(zone: &str, now: &str) -> (String, String) {
        let Day { elapsed, remaining } = Day::of(&zone.parse().unwrap(), now.parse().unwrap());
        (elapsed.to_string(), remaining.to_string())
    }

    fn is((has, will): (String, String), elapsed: &str, remaining: &str) {
        assert_eq!([has, will], [elapsed, remaining]);
    }

    #[test]
    fn a_day_begins_at_its_midnight_and_ends_at_the_next() {
        is(day("UTC", "2026-01-19T00:00:00Z"), "0s", "1d");
        is(
            day("UTC", "2026-01-19T23:59:59.999Z"),
            "23h 59m 59s 999ms",
            "1ms",
        );
    }

    #[test]
    fn a_day_of_the_change_has_23_or_25_hours() {
        let berlin = "Europe/Berlin";
        is(day(berlin, "2026-03-28T23:00:00Z"), "0s", "23h");
        is(day(berlin, "2026-10-24T22:00:00Z"), "0s", "1d 1h");
        is(day(berlin, "2026-10-25T22:59:59Z"), "1d 59m 59s", "1s");
    }

    #[test]
    fn a_day_without_a_midnight_begins_with_its_first_hour() {
        // In Havana the clocks of the spring go from 00:00 to 01:00.
        is(day("America/Havana", "2026-03-08T05:00:00Z"), "0s", "23h");
    }

    #[test]
    fn a_date_that_never_was_is_no_day() {
        // Samoa crossed the date line: its 29 December 2011 was followed by the 31st.
        is(
            day("Pacific/Apia", "2011-12-30T09:59:59.999Z"),
            "23h 59m 59s 999ms",
            "1ms",
        );
        is(day("Pacific/Apia", "2011-12-30T10:00:00Z"), "0s", "1d");
    }

    #[test]
    fn a_clock_that_goes_back_over_midnight_begins_no_day_twice() {
        // St John's went from 00:01 back to 23:01 until 2011; this is the second 23:30 of 6 November 2010.
        let (_, remaining) = day("America/St_Johns", "2010-11-07T03:00:00Z");
        assert_eq!(remaining, "1d 30m");
    }
}

//! The civil days of a quota by `calendar`, reckoned again: the limiter's own day and the wall clock's.

use jiff::Timestamp;
use jiff::civil::Date;
use squall_protocol::{Instant, Millis, Zone};

use super::super::limiter_time::Moment;

/// No attempt older than this is in a civil day of any zone.
pub(super) const LONGEST: Millis = Millis::from_days(2);

/// When both days have room again, if they have none now. `admitted` are the attempts, in any order.
pub(super) fn frees(
    zone: &Zone,
    max: usize,
    admitted: &(impl Iterator<Item = Instant> + Clone),
    moment: Moment,
) -> Option<Instant> {
    if max == 0 {
        return Some(Instant::NEVER);
    }
    let frees = [moment.limiter, moment.wall]
        .into_iter()
        .filter_map(|shown| {
            let (began, ends) = midnights(zone, shown);
            // An attempt is so long ago, whatever the wall clock has shown since.
            let today = admitted.clone().filter(|at| {
                let ago = i64::try_from((moment.now - *at).get()).unwrap_or(i64::MAX);
                shown.as_millisecond().saturating_sub(ago) >= began
            });
            let left = u64::try_from(ends - shown.as_millisecond()).unwrap_or(0);
            (today.count() >= max).then(|| moment.now + Millis::new(left))
        });
    frees.max()
}

/// The last midnight that is not after `shown`, and the next one.
fn midnights(zone: &Zone, shown: Timestamp) -> (i64, i64) {
    let date = shown.to_zoned_datetime(zone.rules().clone()).date();
    let around = [
        date.yesterday().ok(),
        Some(date),
        date.tomorrow().ok(),
        date.tomorrow().and_then(Date::tomorrow).ok(),
    ];
    let shown = shown.as_millisecond();
    let (mut began, mut ends) = (i64::MIN, i64::MAX);
    for date in around.into_iter().flatten() {
        let Ok(midnight) = date.to_zoned_datetime(zone.rules().clone()) else {
            continue;
        };
        let midnight = midnight.timestamp().as_millisecond();
        if midnight <= shown {
            began = began.max(midnight);
        } else {
            ends = ends.min(midnight);
        }
    }
    (began, ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_lies_between_its_midnights_also_where_the_clocks_change() {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        for (shown, began, ends) in [
            (
                "2026-03-29T12:00:00Z",
                "2026-03-28T23:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (
                "2026-03-29T22:00:00Z",
                "2026-03-29T22:00:00Z",
                "2026-03-30T22:00:00Z",
            ),
            (
                "2026-10-25T22:59:59Z",
                "2026-10-24T22:00:00Z",
                "2026-10-25T23:00:00Z",
            ),
        ] {
            let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
            assert_eq!(
                midnights(&zone, shown.parse().unwrap()),
                (ms(began), ms(ends)),
                "{shown}"
            );
        }
    }

    #[test]
    fn a_quota_of_none_never_has_room() {
        let noon: Timestamp = "2026-01-19T12:00:00Z".parse().unwrap();
        let moment = Moment {
            now: Instant::at(1),
            limiter: noon,
            wall: noon,
        };
        let zone: Zone = "UTC".parse().unwrap();
        let none = std::iter::empty::<Instant>();
        assert_eq!(frees(&zone, 0, &none, moment), Some(Instant::NEVER));
        assert_eq!(frees(&zone, 1, &none, moment), None);
    }
}

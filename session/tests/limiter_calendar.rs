//! The quota of an organization by the civil day of a zone: its edges, the days of 23 and 25 hours, and wall clocks that
//! are set.

use jiff::Timestamp;
use proptest::prelude::*;
use squall_protocol::{Instant, Millis, Now, Zone};
use squall_session::limiter::{Admission, Denial, Limiter, MemoryStore};
use squall_session::policy::{Quota, Window};
use squall_session::{LimiterPolicy, OrgId};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A limiter, and the two clocks of its machine.
struct Desk {
    store: MemoryStore,
    limiter: Limiter<MemoryStore>,
    policy: LimiterPolicy,
    mono: u64,
    wall: Timestamp,
}

impl Desk {
    /// Booted when the wall clock shows this.
    fn at(zone: &str, max: u32, wall: &str) -> Self {
        let many = Quota {
            max: 1_000,
            per: Millis::from_hours(1),
        };
        let zone: Zone = zone.parse().expect("a zone");
        let policy = LimiterPolicy {
            global: many,
            per_org: Quota {
                max,
                per: Window::Calendar(zone),
            },
            cooldown: Millis::ZERO,
            ..LimiterPolicy::default()
        };
        let (store, wall) = (MemoryStore::new(), wall.parse().expect("an instant"));
        let now = Now {
            mono: Instant::START,
            wall,
        };
        let (limiter, _) = Limiter::boot(store.clone(), policy.clone(), now).expect("healthy");
        Self {
            store,
            limiter,
            policy,
            mono: 0,
            wall,
        }
    }

    fn now(&self) -> Now {
        Now {
            mono: Instant::at(self.mono),
            wall: self.wall,
        }
    }

    /// So much time passes.
    fn pass(&mut self, ms: i64) -> &mut Self {
        self.mono += u64::try_from(ms).expect("time goes on");
        self.step(ms)
    }

    /// Time passes until the wall clock shows this.
    fn until(&mut self, wall: &str) -> &mut Self {
        let wall: Timestamp = wall.parse().expect("an instant");
        let ms = wall.duration_since(self.wall).as_millis();
        self.pass(i64::try_from(ms).expect("soon"))
    }

    /// The wall clock is set.
    fn step(&mut self, ms: i64) -> &mut Self {
        self.wall += jiff::SignedDuration::from_millis(ms);
        self
    }

    /// The process dies, and boots where a new monotonic clock begins.
    fn reboot(&mut self) -> &mut Self {
        self.mono = 0;
        let (store, policy) = (self.store.clone(), self.policy.clone());
        (self.limiter, _) = Limiter::boot(store, policy, self.now()).expect("healthy");
        self
    }

    /// Asks; refused by the quota, it says until when.
    fn ask(&mut self) -> Result<(), Timestamp> {
        match self.limiter.admit(self.now(), &OrgId::new("a"), false) {
            Admission::Granted(_) => Ok(()),
            Admission::Denied {
                cause: Denial::PerOrg,
                retry_at: Some(retry_at),
                ..
            } => Err(retry_at),
            other @ Admission::Denied { .. } => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn is_granted(&mut self) -> &mut Self {
        assert_eq!(self.ask(), Ok(()), "at {}", self.wall);
        self
    }

    #[track_caller]
    fn is_refused_until(&mut self, wall: &str) -> &mut Self {
        let until = wall.parse().expect("an instant");
        assert_eq!(self.ask(), Err(until), "at {}", self.wall);
        self
    }
}

#[test]
fn a_day_has_room_again_at_its_midnight_to_the_millisecond() {
    let midnight = "2026-01-20T00:00:00-05:00";
    let mut desk = Desk::at("America/New_York", 2, "2026-01-19T23:59:30-05:00");
    desk.is_granted().pass(10_000).is_granted();
    desk.until("2026-01-19T23:59:59.999-05:00")
        .is_refused_until(midnight);
    desk.pass(1).is_granted().pass(1).is_granted();
    desk.pass(10_000)
        .is_refused_until("2026-01-21T00:00:00-05:00");
}

#[test]
fn an_attempt_at_midnight_is_the_new_days_first() {
    let mut desk = Desk::at("America/New_York", 1, "2026-01-19T23:59:59.999-05:00");
    desk.is_granted().pass(1).is_granted();
    desk.until("2026-01-20T23:59:59.999-05:00")
        .is_refused_until("2026-01-21T00:00:00-05:00");
}

#[test]
fn the_days_of_the_change_are_23_and_25_hours_long() {
    for (begins, hours) in [
        ("2026-03-29T00:00:00+01:00", 23),
        ("2026-10-25T00:00:00+02:00", 25),
    ] {
        let mut desk = Desk::at("Europe/Berlin", 1, begins);
        let ends = (desk.wall + jiff::SignedDuration::from_hours(hours)).to_string();
        desk.is_granted()
            .pass(hours * HOUR - 1)
            .is_refused_until(&ends);
        desk.pass(1).is_granted();
    }
}

#[test]
fn a_wall_clock_set_over_midnight_makes_no_room() {
    let mut desk = Desk::at("UTC", 2, "2026-01-19T10:00:00Z");
    desk.is_granted().pass(HOUR).is_granted();
    // Set to half past midnight: by the limiter's own time it is 11 o'clock, and its day has 13 hours more.
    desk.step(13 * HOUR + 30 * MINUTE)
        .is_refused_until("2026-01-20T13:30:00Z");
    desk.until("2026-01-20T13:30:00Z").is_granted();
}

#[test]
fn a_wall_clock_set_back_over_midnight_does_not_end_the_limiters_day() {
    let mut desk = Desk::at("UTC", 2, "2026-01-20T00:05:00Z");
    desk.is_granted().pass(5 * MINUTE).is_granted();
    // An hour back: the wall clock's midnight comes again in 50 minutes, and the limiter's in 23 h 50 min.
    desk.step(-HOUR).is_refused_until("2026-01-20T23:00:00Z");
    desk.until("2026-01-20T00:00:00Z")
        .is_refused_until("2026-01-20T23:00:00Z");
    desk.until("2026-01-20T22:59:59.999Z")
        .is_refused_until("2026-01-20T23:00:00Z");
    desk.pass(1).is_granted();
}

#[test]
fn across_a_restart_a_wall_clock_set_back_shortens_no_day() {
    let mut desk = Desk::at("UTC", 1, "2026-01-19T10:00:00Z");
    desk.is_granted();
    // The mark in the store stays at 10:00 of the nineteenth, and so the limiter's day goes on from there.
    desk.step(-24 * HOUR)
        .reboot()
        .is_refused_until("2026-01-19T00:00:00Z");
    desk.until("2026-01-18T23:59:59.999Z")
        .is_refused_until("2026-01-19T00:00:00Z");
}

proptest! {
    /// The rule stated once more, the simplest way: the dates of all that was granted, by the limiter's time and by the
    /// wall clock of now.
    #[test]
    fn what_is_granted_is_what_both_days_have_room_for(
        max in 1u32..4,
        history in prop::collection::vec((0i64..8 * HOUR, -3 * HOUR..3 * HOUR), 1..40),
    ) {
        let mut desk = Desk::at("Europe/Berlin", max, "2026-10-23T12:00:00+02:00");
        let (zone, begun) = ("Europe/Berlin".parse::<Zone>().unwrap(), desk.wall);
        let date = |at: Timestamp| at.to_zoned_datetime(zone.rules().clone()).date();
        let mut granted: Vec<u64> = Vec::new();
        for (passed, stepped) in history {
            desk.pass(passed).step(stepped);
            let mono = desk.mono;
            let days = [begun + jiff::SignedDuration::from_millis(i64::try_from(mono).unwrap()), desk.wall];
            let room = days.into_iter().all(|now| {
                let ago = |at: &u64| jiff::SignedDuration::from_millis(i64::try_from(mono - at).unwrap());
                let today = granted.iter().filter(|at| date(now - ago(at)) == date(now)).count();
                today < usize::try_from(max).unwrap()
            });
            match desk.ask() {
                Ok(()) => {
                    prop_assert!(room, "granted with no room at {}", desk.wall);
                    granted.push(mono);
                }
                Err(retry_at) => {
                    prop_assert!(!room, "refused with room at {}", desk.wall);
                    let wait = i64::try_from(retry_at.duration_since(desk.wall).as_millis()).unwrap();
                    desk.pass(wait - 1);
                    prop_assert!(desk.ask().is_err(), "granted 1 ms before retry_at {retry_at}");
                    desk.pass(1);
                    prop_assert_eq!(desk.ask(), Ok(()), "refused at retry_at {}", retry_at);
                    granted.push(desk.mono);
                }
            }
        }
    }
}

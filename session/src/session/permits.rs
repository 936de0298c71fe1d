//! Permits for the tests of this crate, from a real limiter that refuses nothing.

use jiff::{SignedDuration, Timestamp};
use squall_protocol::{Instant, Millis, Now};

use crate::id::OrgId;
use crate::limiter::{Admission, Go, Limiter, Permit};
use crate::policy::{LimiterPolicy, Quota, Window};
use crate::store::MemoryStore;

/// A limiter that refuses nobody.
pub(crate) struct Permits {
    limiter: Limiter<MemoryStore>,
}

impl Permits {
    pub(crate) fn new() -> Self {
        let endless = Quota {
            max: u32::MAX,
            per: Millis::from_hours(1),
        };
        let policy = LimiterPolicy {
            global: endless,
            per_org: Quota {
                max: u32::MAX,
                per: Window::Rolling(endless.per),
            },
            ..LimiterPolicy::default()
        };
        let (limiter, _) = Limiter::boot(MemoryStore::new(), policy, at(Instant::START))
            .expect("a store in memory can be read");
        Self { limiter }
    }

    /// A permit to dial for this organization 30 s from now.
    pub(crate) fn admit(&mut self, now: Instant, org: &OrgId) -> Permit {
        match self.limiter.admit(at(now), org, false) {
            Admission::Granted(permit) => permit,
            denied @ Admission::Denied { .. } => panic!("the test's limiter refused: {denied:?}"),
        }
    }

    /// What the limiter says at the permit's own time.
    pub(crate) fn confirm(&mut self, permit: Permit) -> Go {
        let now = at(permit.dial_at());
        self.limiter
            .confirm(now, permit)
            .expect("nothing stands in the way of a test's permit")
    }
}

/// A time on the clocks of the tests, which begin together.
pub(crate) fn at(mono: Instant) -> Now {
    let start: Timestamp = "2026-01-19T14:00:00Z".parse().expect("a timestamp");
    let since = i64::try_from(mono.since_start().get()).expect("a short test");
    Now {
        mono,
        wall: start + SignedDuration::from_millis(since),
    }
}

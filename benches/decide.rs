//! One decision of the limiter, over a ledger with little in it and over one with the attempts, failures and blocks of a
//! thousand organizations.

use std::hint::black_box;

use criterion::Criterion;
use squall_protocol::Millis;
use squall_session::limiter::{Moment, decide};
use squall_session::store::{Attempt, Ledger, LimiterTime};
use squall_session::{AttemptId, LimiterPolicy, OrgId};

fn begins() -> LimiterTime {
    LimiterTime::from_wall("2026-01-19T14:00:00Z".parse().expect("a timestamp"))
}

/// Two attempts of each organization, a minute apart; each tenth has failed, each hundredth is blocked.
fn ledger(organizations: u64) -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0..organizations {
        let org = OrgId::new(number.to_string());
        for attempt in [2 * number + 1, 2 * number + 2] {
            ledger.attempts.insert(
                AttemptId(attempt),
                Attempt {
                    org: org.clone(),
                    admitted_at: begins() + Millis::from_mins(attempt),
                    open: false,
                    spent: true,
                },
            );
        }
        let ended = begins() + Millis::from_mins(2 * number + 3);
        if number % 10 == 0 {
            ledger.failures.insert(org.clone(), ended);
        }
        if number % 100 == 0 {
            ledger.blocks.insert(org, ended + Millis::from_hours(24));
        }
    }
    ledger.attempts_ever = 2 * organizations;
    ledger
}

/// Granted and refused, small and large.
pub(crate) fn bench(criterion: &mut Criterion) {
    let policy = LimiterPolicy::default();
    let mut group = criterion.benchmark_group("decide");
    for organizations in [1, 1_000] {
        let ledger = ledger(organizations);
        let last = begins() + Millis::from_mins(2 * organizations);
        let org = OrgId::new("0");
        for (what, at) in [("refused", last), ("granted", last + Millis::from_days(30))] {
            let wall = jiff::Timestamp::from_millisecond(at.as_millisecond()).expect("in range");
            let now = Moment { at, wall };
            let decided = decide(&ledger, &policy, &org, now).is_ok();
            assert_eq!(decided, what == "granted", "{organizations} organizations");
            group.bench_function(
                format!("{what}, {organizations} organizations"),
                |bencher| {
                    bencher.iter(|| decide(black_box(&ledger), &policy, &org, now));
                },
            );
        }
    }
    group.finish();
}

//! The limiter from outside: every edge at one millisecond before, on and after it, and a store that fails.

use jiff::Timestamp;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Millis, Now};
use squall_session::limiter::{Admission, Denial, Limiter, MemoryStore, Permit};
use squall_session::machine::Revocation;
use squall_session::policy::BlockScope;
use squall_session::store::{Contents, Ledger, Store, StoreError};
use squall_session::{AttemptId, Consequence, LimiterPolicy, OrgId, State};

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

const FAILED: Consequence = Consequence {
    failure: true,
    clear: false,
    block: None,
    ban: false,
};

/// A time `ms` after both clocks began.
fn at(ms: u64) -> Now {
    clocks(ms, ms)
}

fn clocks(mono: u64, wall: u64) -> Now {
    // 2026-01-19T14:00:00Z
    let wall = 1_768_831_200_000 + i64::try_from(wall).expect("a time within a few years");
    Now {
        mono: Instant::at(mono),
        wall: Timestamp::from_millisecond(wall).expect("in range"),
    }
}

fn org(name: &str) -> OrgId {
    OrgId::new(name)
}

fn boot(store: &MemoryStore, policy: LimiterPolicy, now: Now) -> Limiter<MemoryStore> {
    Limiter::boot(store.clone(), policy, now)
        .expect("healthy")
        .0
}

fn fresh(policy: LimiterPolicy) -> (MemoryStore, Limiter<MemoryStore>) {
    let store = MemoryStore::new();
    let limiter = boot(&store, policy, at(0));
    (store, limiter)
}

fn granted<S: Store>(limiter: &mut Limiter<S>, now: Now, name: &str) -> Permit {
    match limiter.admit(now, &org(name), false) {
        Admission::Granted(permit) => permit,
        denied @ Admission::Denied { .. } => panic!("{name} was refused: {denied:?}"),
    }
}

fn refusal<S: Store>(limiter: &mut Limiter<S>, now: Now, name: &str) -> Option<Denial> {
    match limiter.admit(now, &org(name), false) {
        Admission::Granted(_) => None,
        Admission::Denied { cause, .. } => Some(cause),
    }
}

fn block(hours: u64) -> Consequence {
    Consequence {
        block: Some(Millis::from_hours(hours)),
        ..Consequence::default()
    }
}

/// Asks at one millisecond before, on and after an edge, each time on the same history.
fn edge(edge: u64, denial: Denial, name: &str, history: impl Fn() -> Limiter<MemoryStore>) {
    for (asked, expected) in [(edge - 1, Some(denial)), (edge, None), (edge + 1, None)] {
        assert_eq!(
            refusal(&mut history(), at(asked), name),
            expected,
            "{denial:?} at {asked} ms, the edge being {edge}"
        );
    }
}

#[test]
fn the_global_window_is_open_at_its_early_edge() {
    edge(HOUR + 7, Denial::Global, "d", || {
        let (_, mut limiter) = fresh(LimiterPolicy::default());
        for (ms, name) in [(7, "a"), (8, "b"), (9, "c")] {
            let _ = granted(&mut limiter, at(ms), name);
        }
        limiter
    });
}

#[test]
fn the_window_of_an_organization_is_open_at_its_early_edge() {
    edge(DAY + 7, Denial::PerOrg, "a", || {
        let (_, mut limiter) = fresh(LimiterPolicy::default());
        let _ = granted(&mut limiter, at(7), "a");
        let _ = granted(&mut limiter, at(5 * HOUR), "a");
        limiter
    });
}

#[test]
fn a_cooldown_is_over_on_its_edge() {
    edge(2 * HOUR + 7, Denial::Cooldown, "a", || {
        let (_, mut limiter) = fresh(LimiterPolicy::default());
        limiter
            .ended(at(7), &org("a"), FAILED, None)
            .expect("healthy");
        limiter
    });
}

#[test]
fn a_block_is_over_on_its_edge_for_one_and_for_all() {
    for (block_scope, kept_out) in [(BlockScope::Org, "a"), (BlockScope::All, "b")] {
        edge(DAY + 7, Denial::Block, kept_out, || {
            let policy = LimiterPolicy {
                block_scope,
                ..LimiterPolicy::default()
            };
            let (_, mut limiter) = fresh(policy);
            limiter
                .ended(at(7), &org("a"), block(24), None)
                .expect("healthy");
            limiter
        });
    }
}

#[test]
fn a_permit_is_good_up_to_thirty_seconds_late_by_each_clock() {
    let due = 30 * SECOND;
    for (mono, wall, good) in [
        (due, due, true),
        (2 * due - 1, due, true),
        (2 * due, due, true),
        (2 * due + 1, due, false),
        (due, 2 * due - 1, true),
        (due, 2 * due, true),
        (due, 2 * due + 1, false),
    ] {
        let (_, mut limiter) = fresh(LimiterPolicy::default());
        let permit = granted(&mut limiter, at(0), "a");
        let confirmed = limiter.confirm(clocks(mono, wall), permit);
        assert_eq!(confirmed.is_ok(), good, "mono {mono}, wall {wall}");
    }
}

#[test]
#[should_panic(expected = "attempt 1 may be confirmed from 30s on")]
fn nothing_is_confirmed_before_the_mandatory_wait_is_over() {
    let (_, mut limiter) = fresh(LimiterPolicy::default());
    let permit = granted(&mut limiter, at(0), "a");
    let _ = limiter.confirm(at(30 * SECOND - 1), permit);
}

#[test]
fn a_permit_of_an_attempt_that_was_given_back_is_worth_nothing() {
    let (store, mut limiter) = fresh(LimiterPolicy::default());
    let permit = granted(&mut limiter, at(0), "a");
    limiter.withdraw(at(1), permit.attempt()).expect("healthy");
    assert_eq!(attempts(&store), 0);
    let confirmed = limiter.confirm(at(30 * SECOND), permit);
    assert_eq!(confirmed.unwrap_err(), Revocation::Late);
}

#[test]
fn an_attempt_that_was_dialed_or_revoked_is_not_given_back() {
    for asked in [30 * SECOND, 90 * SECOND] {
        let (store, mut limiter) = fresh(LimiterPolicy::default());
        let permit = granted(&mut limiter, at(0), "a");
        let attempt = permit.attempt();
        let _ = limiter.confirm(at(asked), permit);
        limiter.withdraw(at(asked), attempt).expect("healthy");
        assert_eq!(attempts(&store), 1, "asked at {asked}");
    }
}

#[test]
fn a_commit_that_fails_makes_no_permit_and_takes_no_slot() {
    let (store, mut limiter) = fresh(LimiterPolicy::default());
    store.tear_next_commit();
    assert_eq!(
        refusal(&mut limiter, at(0), "a"),
        Some(Denial::StoreUnavailable)
    );
    assert_eq!(attempts(&store), 0);
    // Nor in what a later process finds.
    let mut later = boot(&store, LimiterPolicy::default(), at(1));
    assert_eq!(refusal(&mut later, at(1), "a"), None);
}

#[test]
fn what_happened_while_the_store_was_away_counts_from_when_it_happened() {
    let (store, mut limiter) = fresh(LimiterPolicy::default());
    store.set_available(false);
    assert!(limiter.ended(at(7), &org("a"), block(24), None).is_err());
    assert!(limiter.ended(at(8), &org("b"), FAILED, None).is_err());
    assert!(limiter.failure().is_some());
    store.set_available(true);
    assert_eq!(refusal(&mut limiter, at(HOUR), "a"), Some(Denial::Block));
    assert_eq!(limiter.failure(), None);
    assert_eq!(
        refusal(&mut limiter, at(2 * HOUR + 7), "b"),
        Some(Denial::Cooldown)
    );
    // Durable by now: the process may die.
    let mut later = boot(&store, LimiterPolicy::default(), at(2 * HOUR + 8));
    assert_eq!(refusal(&mut later, at(2 * HOUR + 8), "b"), None);
    assert_eq!(refusal(&mut later, at(DAY + 6), "a"), Some(Denial::Block));
    assert_eq!(refusal(&mut later, at(DAY + 7), "a"), None);
}

#[test]
fn a_permit_is_revoked_where_the_store_cannot_say_that_no_block_stands() {
    let (store, mut limiter) = fresh(LimiterPolicy::default());
    let permit = granted(&mut limiter, at(0), "a");
    let attempt = permit.attempt();
    store.set_available(false);
    let confirmed = limiter.confirm(at(30 * SECOND), permit);
    assert_eq!(confirmed.unwrap_err(), Revocation::Unasked);
    store.set_available(true);
    limiter.withdraw(at(31 * SECOND), attempt).expect("healthy");
    assert_eq!(attempts(&store), 1, "a revoked attempt counts");
}

#[test]
fn an_attempt_whose_commit_was_never_confirmed_counts_and_is_not_found_cut_short() {
    let (store, mut limiter) = unconfirmed();
    limiter.store().confirms = false;
    assert_eq!(
        refusal(&mut limiter, at(0), "a"),
        Some(Denial::StoreUnavailable)
    );
    assert_eq!(attempts(&store), 1);
    limiter.store().confirms = true;
    limiter.try_again(at(1)).expect("healthy");
    let (_, found) = Limiter::boot(store, LimiterPolicy::default(), at(2)).expect("healthy");
    assert_eq!(found.cut_short, []);
}

#[test]
fn a_second_start_while_the_store_fails_does_not_touch_the_one_under_way() {
    let (store, mut limiter) = unconfirmed();
    let permit = granted(&mut limiter, at(0), "a");
    limiter.store().confirms = false;
    let again = limiter.admit(at(1), &org("a"), true);
    assert!(matches!(again, Admission::Denied { .. }), "{again:?}");
    limiter.store().confirms = true;
    limiter.try_again(at(2)).expect("healthy");
    let (_, found) = Limiter::boot(store, LimiterPolicy::default(), at(3)).expect("healthy");
    assert_eq!(found.cut_short, [(org("a"), permit.attempt())]);
}

#[test]
fn a_rest_that_is_told_late_does_not_close_the_attempt_admitted_since() {
    let (store, mut limiter) = fresh(LimiterPolicy::default());
    let permit = granted(&mut limiter, at(0), "a");
    limiter
        .rest(&org("a"), State::DisconnectedManualReconnectRequired)
        .expect("healthy");
    let (_, found) = Limiter::boot(store, LimiterPolicy::default(), at(1)).expect("healthy");
    assert_eq!(found.cut_short, [(org("a"), permit.attempt())]);
}

#[test]
fn a_connection_that_ended_is_not_found_cut_short() {
    let (store, mut limiter) = fresh(LimiterPolicy::default());
    let permit = granted(&mut limiter, at(0), "a");
    let go = limiter.confirm(at(30 * SECOND), permit).expect("in time");
    let _ = go.spend();
    limiter
        .ended(at(HOUR), &org("a"), FAILED, None)
        .expect("healthy");
    limiter
        .rest(&org("a"), State::DisconnectedManualReconnectRequired)
        .expect("healthy");
    let (_, found) = Limiter::boot(store, LimiterPolicy::default(), at(DAY)).expect("healthy");
    assert_eq!(found.cut_short, []);
}

#[test]
fn what_is_told_is_never_earlier_than_what_is_granted() {
    let (_, mut limiter) = fresh(LimiterPolicy::default());
    limiter
        .ended(at(0), &org("a"), FAILED, None)
        .expect("healthy");
    let mut now = at(HOUR);
    now.wall += jiff::SignedDuration::from_nanos(1);
    let Admission::Denied {
        retry_at: Some(retry_at),
        ..
    } = limiter.admit(now, &org("a"), false)
    else {
        panic!("the cooldown runs");
    };
    assert_eq!(retry_at, at(2 * HOUR + 1).wall);
}

#[test]
fn a_year_of_attempts_leaves_no_more_rows_than_a_day() {
    let (store, mut limiter) = fresh(LimiterPolicy::default());
    for step in 0..365 * 24 {
        let now = step * HOUR;
        for name in NAMES {
            if let Admission::Granted(permit) = limiter.admit(at(now), &org(name), false) {
                let due = at(now + 30 * SECOND);
                let _ = limiter.confirm(due, permit);
                limiter
                    .ended(due, &org(name), FAILED, None)
                    .expect("healthy");
                limiter
                    .rest(&org(name), State::DisconnectedManualReconnectRequired)
                    .expect("healthy");
            }
        }
        assert!(attempts(&store) <= 2 * NAMES.len(), "after {step} h");
    }
}

fn attempts(store: &MemoryStore) -> usize {
    store
        .clone()
        .transact(|ledger| ledger.attempts.len())
        .expect("healthy")
}

/// A limiter on a store that can leave its commits unconfirmed, and what that store keeps.
fn unconfirmed() -> (MemoryStore, Limiter<Confirming>) {
    let keeps = MemoryStore::new();
    let store = Confirming {
        keeps: keeps.clone(),
        confirms: true,
    };
    let (limiter, _) = Limiter::boot(store, LimiterPolicy::default(), at(0)).expect("healthy");
    (keeps, limiter)
}

/// Commits, and then may say that it could not.
struct Confirming {
    keeps: MemoryStore,
    confirms: bool,
}

impl Store for Confirming {
    fn transact<R>(&mut self, work: impl FnOnce(&mut Ledger) -> R) -> Result<R, StoreError> {
        let done = self.keeps.transact(work)?;
        match self.confirms {
            true => Ok(done),
            false => Err(StoreError::Unavailable("the sync failed".to_owned())),
        }
    }

    fn device(&self, org: &OrgId) -> Result<Option<Device>, StoreError> {
        self.keeps.device(org)
    }

    fn put_device(&mut self, org: &OrgId, device: Device) -> Result<(), StoreError> {
        self.keeps.put_device(org, device)
    }

    fn set_device_aside(&mut self, org: &OrgId, attempt: AttemptId) -> Result<(), StoreError> {
        self.keeps.set_device_aside(org, attempt)
    }

    fn contents(&self) -> Result<Contents, StoreError> {
        self.keeps.contents()
    }
}

use jiff::Timestamp;
use squall_protocol::{Instant, Millis, Now};

use super::*;
use crate::cause::Cause;
use crate::policy::{BlockScope, Quota, Window};
use crate::store::LimiterTime;

pub(super) const HOUR: u64 = 3_600_000;
pub(super) const DAY: u64 = 24 * HOUR;

pub(super) fn now(ms: u64) -> Now {
    let since = i64::try_from(ms).expect("a time within a few years");
    Now {
        mono: Instant::at(ms),
        wall: Timestamp::from_millisecond(since).expect("in range"),
    }
}

pub(super) fn org(name: &str) -> OrgId {
    OrgId::new(name)
}

pub(super) fn limiter(policy: LimiterPolicy) -> Limiter<MemoryStore> {
    Limiter::boot(MemoryStore::new(), policy, now(0))
        .expect("a new store is healthy")
        .0
}

pub(super) fn granted(limiter: &mut Limiter<MemoryStore>, at: u64, name: &str) -> Permit {
    match limiter.admit(now(at), &org(name), false) {
        Admission::Granted(permit) => permit,
        Admission::Denied { cause, .. } => panic!("at {at} ms {name} was refused: {cause:?}"),
    }
}

/// A session of `who` ended, with these consequences.
fn ended(limiter: &mut Limiter<MemoryStore>, ms: u64, who: &str, then: Consequence) {
    limiter
        .ended(now(ms), &org(who), then, None)
        .expect("stored");
}

fn denied(
    limiter: &mut Limiter<MemoryStore>,
    at: u64,
    name: &str,
) -> (Denial, Vec<Denial>, Option<i64>) {
    match limiter.admit(now(at), &org(name), false) {
        Admission::Granted(permit) => panic!("at {at} ms {name} was admitted: {permit:?}"),
        Admission::Denied {
            cause,
            also,
            retry_at,
        } => (cause, also, retry_at.map(Timestamp::as_millisecond)),
    }
}

pub(super) const FAILED: Consequence = Consequence {
    failure: true,
    clear: false,
    block: None,
    ban: false,
};
pub(super) const BLOCKED: Consequence = Consequence {
    failure: true,
    clear: false,
    block: Some(Millis::from_hours(24)),
    ban: false,
};

#[test]
fn the_fourth_attempt_of_all_waits_until_the_first_is_an_hour_old() {
    let mut limiter = limiter(LimiterPolicy::default());
    for (at, name) in [(0, "a"), (10, "b"), (20, "c")] {
        let _ = granted(&mut limiter, at, name);
    }
    let hour = i64::try_from(HOUR).expect("small");
    assert_eq!(
        denied(&mut limiter, HOUR - 1, "d"),
        (Denial::Global, vec![], Some(hour))
    );
    let _ = granted(&mut limiter, HOUR, "d");
    assert_eq!(
        denied(&mut limiter, HOUR + 1, "e"),
        (Denial::Global, vec![], Some(hour + 10))
    );
}

#[test]
fn the_third_attempt_of_one_waits_until_the_first_is_a_day_old() {
    let mut limiter = limiter(LimiterPolicy::default());
    let _ = granted(&mut limiter, 0, "a");
    let _ = granted(&mut limiter, 2 * HOUR, "a");
    assert_eq!(denied(&mut limiter, DAY - 1, "a").0, Denial::PerOrg);
    let _ = granted(&mut limiter, DAY, "a");
    assert_eq!(denied(&mut limiter, DAY + 1, "a").0, Denial::PerOrg);
}

#[test]
fn a_cooldown_ends_on_its_edge() {
    let mut limiter = limiter(LimiterPolicy::default());
    let _ = granted(&mut limiter, 0, "a");
    ended(&mut limiter, 1_000, "a", FAILED);
    let edge = 1_000 + 2 * HOUR;
    assert_eq!(denied(&mut limiter, edge - 1, "a").0, Denial::Cooldown);
    let _ = granted(&mut limiter, edge - 1, "b");
    let _ = granted(&mut limiter, edge, "a");
}

#[test]
fn a_block_ends_on_its_edge_and_the_cooldown_beneath_it_is_told_too() {
    let mut limiter = limiter(LimiterPolicy::default());
    let _ = granted(&mut limiter, 0, "a");
    ended(&mut limiter, 1_000, "a", BLOCKED);
    let edge = i64::try_from(1_000 + DAY).expect("small");
    assert_eq!(
        denied(&mut limiter, 2_000, "a"),
        (Denial::Block, vec![Denial::Cooldown], Some(edge))
    );
    assert_eq!(
        denied(&mut limiter, 1_000 + DAY - 1, "a"),
        (Denial::Block, vec![], Some(edge))
    );
    let _ = granted(&mut limiter, 1_000 + DAY, "a");
}

#[test]
fn a_block_of_all_keeps_everybody_out() {
    let policy = LimiterPolicy {
        block_scope: BlockScope::All,
        ..LimiterPolicy::default()
    };
    let mut limiter = limiter(policy);
    ended(&mut limiter, 0, "a", BLOCKED);
    assert_eq!(denied(&mut limiter, DAY - 1, "b").0, Denial::Block);
    let _ = granted(&mut limiter, DAY, "b");
}

#[test]
fn a_ban_keeps_out_its_own_organization_alone_whatever_the_scope() {
    let policy = LimiterPolicy {
        block_scope: BlockScope::All,
        ..LimiterPolicy::default()
    };
    let ban = Cause::TemporaryBan.consequence(&policy, Some(Millis::from_hours(3)));
    let mut limiter = limiter(policy);
    limiter.ended(now(0), &org("a"), ban, None).expect("stored");
    let _ = granted(&mut limiter, 1, "b");
    assert_eq!(denied(&mut limiter, 3 * HOUR - 1, "a").0, Denial::Block);
    let _ = granted(&mut limiter, 3 * HOUR, "a");
}

#[test]
fn a_shorter_block_never_shortens_one_that_stands() {
    let mut limiter = limiter(LimiterPolicy::default());
    ended(&mut limiter, 0, "a", BLOCKED);
    let short = Consequence {
        block: Some(Millis::from_hours(1)),
        ..FAILED
    };
    ended(&mut limiter, 1, "a", short);
    assert_eq!(denied(&mut limiter, DAY - 1, "a").0, Denial::Block);
}

#[test]
fn ties_are_told_in_the_order_of_the_rules() {
    let day = Quota {
        max: 1,
        per: Millis::from_days(1),
    };
    let mut limiter = limiter(LimiterPolicy {
        global: day,
        per_org: Quota {
            max: 1,
            per: Window::Rolling(day.per),
        },
        ..LimiterPolicy::default()
    });
    let _ = granted(&mut limiter, 0, "a");
    assert_eq!(denied(&mut limiter, 1, "a").0, Denial::Global);
    assert_eq!(denied(&mut limiter, 1, "a").1, [Denial::PerOrg]);
}

#[test]
fn a_quota_of_none_never_frees() {
    let none = Quota {
        max: 0,
        per: Millis::from_hours(1),
    };
    let mut limiter = limiter(LimiterPolicy {
        global: none,
        ..LimiterPolicy::default()
    });
    assert_eq!(
        denied(&mut limiter, 5 * DAY, "a"),
        (Denial::Global, vec![], None)
    );
}

#[test]
fn active_comes_before_every_rule_and_the_store_before_active() {
    let mut limiter = limiter(LimiterPolicy::default());
    ended(&mut limiter, 0, "a", BLOCKED);
    let active = limiter.admit(now(1), &org("a"), true);
    assert!(matches!(
        active,
        Admission::Denied {
            cause: Denial::AlreadyActive,
            retry_at: None,
            ..
        }
    ));
    limiter.store().set_available(false);
    let unavailable = limiter.admit(now(1), &org("a"), true);
    assert!(matches!(
        unavailable,
        Admission::Denied {
            cause: Denial::StoreUnavailable,
            retry_at: None,
            ..
        }
    ));
}

#[test]
fn an_attempt_that_could_not_be_stored_makes_no_permit_and_takes_no_slot() {
    let mut limiter = limiter(LimiterPolicy::default());
    limiter.store().set_available(false);
    assert_eq!(denied(&mut limiter, 0, "a").0, Denial::StoreUnavailable);
    limiter.store().set_available(true);
    assert_eq!(
        limiter
            .status(now(0), &org("a"))
            .expect("healthy")
            .global_attempts,
        0
    );
}

#[test]
fn only_a_cancel_before_the_dial_gives_a_slot_back() {
    let mut limiter = limiter(LimiterPolicy::default());
    let permit = granted(&mut limiter, 0, "a");
    limiter
        .ended(now(1), &org("a"), Consequence::default(), None)
        .expect("stored");
    assert_eq!(
        limiter
            .status(now(1), &org("a"))
            .expect("healthy")
            .org_attempts,
        1,
        "success gives nothing back"
    );
    limiter.withdraw(now(2), permit.attempt()).expect("stored");
    assert_eq!(
        limiter
            .status(now(2), &org("a"))
            .expect("healthy")
            .org_attempts,
        0
    );
}

#[test]
fn the_death_of_the_process_is_a_failure_at_boot_and_its_attempt_counts() {
    let mut before = limiter(LimiterPolicy::default());
    let permit = granted(&mut before, 0, "a");
    let store = before.store().clone();
    drop(before);
    let (mut after, found) =
        Limiter::boot(store, LimiterPolicy::default(), now(60_000)).expect("kept");
    assert_eq!(found.cut_short, [(org("a"), permit.attempt())]);
    assert_eq!(
        denied(&mut after, 60_000 + 2 * HOUR - 1, "a").0,
        Denial::Cooldown
    );
    let _ = granted(&mut after, 60_000 + 2 * HOUR, "a");
    assert_eq!(denied(&mut after, 3 * HOUR, "a").0, Denial::PerOrg);
}

#[test]
fn a_wall_clock_set_back_across_a_restart_shortens_nothing() {
    let mut before = limiter(LimiterPolicy::default());
    ended(&mut before, 10 * DAY, "a", BLOCKED);
    let store = before.store().clone();
    let back = Now {
        mono: Instant::START,
        wall: now(9 * DAY).wall,
    };
    let (mut after, found) = Limiter::boot(store, LimiterPolicy::default(), back).expect("kept");
    assert_eq!(found.jumped, None);
    let at = |ms| Now {
        mono: Instant::at(ms),
        wall: now(9 * DAY + ms).wall,
    };
    let edge = after.admit(at(DAY - 1), &org("a"), false);
    assert!(
        matches!(
            edge,
            Admission::Denied {
                cause: Denial::Block,
                ..
            }
        ),
        "{edge:?}"
    );
    assert!(matches!(
        after.admit(at(DAY), &org("a"), false),
        Admission::Granted(_)
    ));
}

#[test]
fn a_wall_clock_step_changes_no_window_and_moves_what_is_told() {
    let mut limiter = limiter(LimiterPolicy::default());
    ended(&mut limiter, 0, "a", BLOCKED);
    let stepped = Now {
        mono: Instant::at(HOUR),
        wall: now(5 * DAY).wall,
    };
    let Admission::Denied {
        cause: Denial::Block,
        retry_at: Some(retry_at),
        ..
    } = limiter.admit(stepped, &org("a"), false)
    else {
        panic!("the step of the wall clock ended the block");
    };
    assert_eq!(retry_at, now(5 * DAY + 23 * HOUR).wall);
}

#[test]
fn a_jump_of_a_day_is_told_to_nobody() {
    let before = limiter(LimiterPolicy::default());
    let ahead = Now {
        mono: Instant::START,
        wall: now(DAY).wall,
    };
    let store = before.store.clone();
    let (_, found) = Limiter::boot(store, LimiterPolicy::default(), ahead).expect("kept");
    assert_eq!(found.jumped, None);
}

#[test]
fn a_jump_of_more_than_a_day_while_down_is_believed_and_told() {
    let mut before = limiter(LimiterPolicy::default());
    ended(&mut before, HOUR, "a", BLOCKED);
    let store = before.store().clone();
    let ahead = Now {
        mono: Instant::START,
        wall: now(HOUR + DAY + 1).wall,
    };
    let (mut after, found) = Limiter::boot(store, LimiterPolicy::default(), ahead).expect("kept");
    assert_eq!(found.jumped, Some(Millis::new(DAY + 1)));
    assert!(matches!(
        after.admit(ahead, &org("a"), false),
        Admission::Granted(_)
    ));
}

#[test]
fn a_permit_is_confirmed_at_its_time_and_up_to_thirty_seconds_late() {
    let mut limiter = limiter(LimiterPolicy::default());
    let permit = granted(&mut limiter, 0, "a");
    assert_eq!(permit.dial_at(), Instant::at(30_000));
    assert!(limiter.confirm(now(60_000), permit).is_ok());
    let permit = granted(&mut limiter, HOUR, "b");
    assert_eq!(
        limiter.confirm(now(HOUR + 60_001), permit).unwrap_err(),
        Revocation::Late
    );
}

#[test]
fn a_permit_late_by_the_wall_clock_alone_is_revoked() {
    let mut limiter = limiter(LimiterPolicy::default());
    let permit = granted(&mut limiter, 0, "a");
    let suspended = Now {
        mono: Instant::at(30_000),
        wall: now(60_001).wall,
    };
    assert_eq!(
        limiter.confirm(suspended, permit).unwrap_err(),
        Revocation::Late
    );
}

#[test]
fn a_block_that_began_during_the_wait_revokes_the_permit_and_the_attempt_counts() {
    let mut limiter = limiter(LimiterPolicy {
        block_scope: BlockScope::All,
        ..LimiterPolicy::default()
    });
    let permit = granted(&mut limiter, 0, "a");
    ended(&mut limiter, 5_000, "b", BLOCKED);
    let until = Instant::at(5_000 + DAY);
    assert_eq!(
        limiter.confirm(now(30_000), permit).unwrap_err(),
        Revocation::Blocked { until }
    );
    assert_eq!(
        limiter
            .status(now(30_000), &org("a"))
            .expect("healthy")
            .org_attempts,
        1
    );
}

#[test]
fn a_quiet_process_leaves_a_mark_so_that_its_days_are_no_jump() {
    let mut before = limiter(LimiterPolicy::default());
    let mut wakes = 0;
    while before.poll_timeout() <= Instant::at(3 * DAY) {
        let at = before.poll_timeout().since_start().get();
        before.handle_timeout(now(at));
        wakes += 1;
    }
    assert_eq!(wakes, 3 * 24 * 6);
    let store = before.store().clone();
    let (_, found) =
        Limiter::boot(store, LimiterPolicy::default(), now(3 * DAY + HOUR)).expect("kept");
    assert_eq!(found.jumped, None);
}

#[test]
fn a_mark_is_not_moved_before_its_time_and_a_late_wake_moves_it_once() {
    let mut limiter = limiter(LimiterPolicy::default());
    limiter.handle_timeout(now(HOUR / 6 - 1));
    assert_eq!(limiter.poll_timeout(), Instant::at(HOUR / 6));
    limiter.handle_timeout(now(2 * HOUR));
    assert_eq!(limiter.poll_timeout(), Instant::at(2 * HOUR + HOUR / 6));
    let mark = limiter
        .store()
        .transact(|ledger| ledger.high_water)
        .expect("healthy");
    assert_eq!(mark.map(LimiterTime::as_millisecond), Some(7_200_000));
}

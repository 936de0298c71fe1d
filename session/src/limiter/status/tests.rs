use squall_protocol::{Instant, Millis};

use crate::limiter::tests::{BLOCKED, DAY, FAILED, HOUR, granted, limiter, now, org};
use crate::policy::{LimiterPolicy, Quota, Window};
use crate::session::StoredEnd;
use crate::state::State;

#[test]
fn an_attempt_is_counted_until_its_window_is_over_to_the_millisecond() {
    let mut limiter = limiter(LimiterPolicy::default());
    let _ = granted(&mut limiter, 0, "a");
    let _ = granted(&mut limiter, 10, "b");
    let mut counted = |at| {
        let status = limiter.status(now(at), &org("a")).expect("healthy");
        (status.global_attempts, status.org_attempts)
    };
    assert_eq!(counted(10), (2, 1));
    assert_eq!(counted(HOUR - 1), (2, 1));
    assert_eq!(counted(HOUR), (1, 1));
    assert_eq!(counted(HOUR + 10), (0, 1));
    assert_eq!(counted(DAY - 1), (0, 1));
    assert_eq!(counted(DAY), (0, 0));
}

#[test]
fn an_attempt_is_counted_until_its_civil_day_is_over() {
    let per_org = Quota {
        max: 2,
        per: Window::Calendar("UTC".parse().expect("a zone")),
    };
    let mut limiter = limiter(LimiterPolicy {
        per_org,
        ..LimiterPolicy::default()
    });
    let _ = granted(&mut limiter, HOUR, "a");
    let mut counted = |at| {
        let status = limiter.status(now(at), &org("a")).expect("healthy");
        status.org_attempts
    };
    assert_eq!(counted(DAY - 1), 1);
    assert_eq!(counted(DAY), 0);
}

#[test]
fn a_block_is_told_until_its_edge() {
    let mut limiter = limiter(LimiterPolicy::default());
    limiter
        .ended(now(1_000), &org("a"), BLOCKED, None)
        .expect("stored");
    let mut until = |at, name| limiter.blocked_until(now(at), &org(name)).expect("healthy");
    let edge = 1_000 + DAY;
    assert_eq!(until(2_000, "a"), Some(Instant::at(edge)));
    assert_eq!(until(edge - 1, "a"), Some(Instant::at(edge)));
    assert_eq!(until(edge, "a"), None);
    assert_eq!(until(2_000, "b"), None);
}

#[test]
fn a_stored_end_comes_with_the_end_of_its_block_if_it_is_one() {
    let mut limiter = limiter(LimiterPolicy::default());
    assert_eq!(
        limiter.stored_end(now(0), &org("a")).expect("healthy"),
        None
    );
    limiter
        .ended(now(1_000), &org("a"), BLOCKED, None)
        .expect("stored");
    for (state, blocked_until) in [
        (State::Blocked, Some(Instant::at(1_000 + DAY))),
        (State::LoggedOut, None),
    ] {
        limiter.rest(&org("a"), state).expect("stored");
        let stored = limiter.stored_end(now(5_000), &org("a")).expect("healthy");
        assert_eq!(
            stored,
            Some(StoredEnd {
                state,
                blocked_until,
            })
        );
    }
    limiter.rest(&org("a"), State::Blocked).expect("stored");
    let stored = limiter
        .stored_end(now(1_000 + DAY), &org("a"))
        .expect("healthy");
    assert_eq!(stored.and_then(|end| end.blocked_until), None);
}

#[test]
fn a_refusal_says_when_to_come_back_and_an_open_door_says_nothing() {
    let mut limiter = limiter(LimiterPolicy::default());
    limiter
        .ended(now(1_000), &org("a"), FAILED, None)
        .expect("stored");
    let status = limiter.status(now(2_000), &org("a")).expect("healthy");
    let edge = now(1_000 + Millis::from_hours(2).get()).wall;
    assert_eq!(
        (status.refused.is_some(), status.retry_at),
        (true, Some(edge))
    );
    let free = limiter.status(now(2_000), &org("b")).expect("healthy");
    assert_eq!((free.refused, free.retry_at), (None, None));
}

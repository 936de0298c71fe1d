//! From the start to the dial: the wait, the confirmation, the cancel, the revocation.

use super::*;
use crate::cause::{Cause, Revoked};

#[test]
fn a_start_waits_until_its_time_and_then_asks_once_more() {
    let mut bench = Bench::paired();
    bench.start();
    assert_eq!(bench.did(), ["state waiting"]);
    bench.until(29_999);
    assert_eq!(bench.did(), [""; 0]);
    bench.until(30_000);
    assert_eq!(bench.did(), ["confirm"]);
    bench.confirm();
    assert_eq!(bench.did(), ["state connecting", "dial 1 for attempt 1"]);
}

#[test]
fn a_boot_never_dials_whatever_the_store_says() {
    for state in [
        State::Idle,
        State::LoggedOut,
        State::Connected,
        State::Waiting,
        State::Blocked,
    ] {
        let end = StoredEnd {
            state,
            blocked_until: Some(Instant::at(1_000)),
        };
        let mut bench = Bench::with(Policy::default(), paired_device(), Some(end));
        assert!(bench.state().is_at_rest(), "{state}");
        bench.until(86_400_000);
        assert!(
            !bench.did().iter().any(|line| line.starts_with("dial")),
            "{state}"
        );
    }
}

#[test]
fn a_stored_block_ends_at_its_time() {
    let end = StoredEnd {
        state: State::Blocked,
        blocked_until: Some(Instant::at(1_000)),
    };
    let mut bench = Bench::with(Policy::default(), paired_device(), Some(end));
    bench.until(999);
    assert_eq!(bench.state(), State::Blocked);
    bench.until(1_000);
    assert_eq!(
        bench.did(),
        ["ask block", "state disconnected_manual_reconnect_required"]
    );
    assert_eq!(bench.next(), None);
}

#[test]
fn a_block_that_was_lengthened_meanwhile_is_no_shorter_for_the_session() {
    let end = StoredEnd {
        state: State::Blocked,
        blocked_until: Some(Instant::at(1_000)),
    };
    let mut bench = Bench::with(Policy::default(), paired_device(), Some(end));
    bench.block = Some(Instant::at(5_000));
    bench.until(4_999);
    assert_eq!(bench.did(), ["ask block"]);
    assert_eq!(bench.state(), State::Blocked);
    bench.block = None;
    bench.until(5_000);
    assert_eq!(bench.state(), State::DisconnectedManualReconnectRequired);
    assert_eq!(bench.next(), None);
}

#[test]
fn a_cancel_before_the_dial_gives_the_slot_back_and_nothing_is_dialed() {
    let mut bench = Bench::paired();
    bench.start();
    bench.until(29_999);
    bench.did();
    bench.input(Input::Stop);
    assert_eq!(
        bench.did(),
        ["withdraw attempt 1", "disconnected stopped", "state idle"]
    );
    bench.until(86_400_000);
    assert_eq!(bench.did(), [""; 0]);
}

#[test]
fn a_go_that_comes_after_the_cancel_is_lost_unspent() {
    let mut bench = Bench::paired();
    bench.start();
    bench.until(30_000);
    bench.input(Input::Stop);
    bench.did();
    bench.confirm();
    assert_eq!(bench.did(), [""; 0]);
    assert_eq!(bench.state(), State::Idle);
}

#[test]
fn a_revoked_permit_dials_nothing_and_is_no_failure() {
    for (why, told) in [
        (Revocation::Late, Revoked::Late),
        (Revocation::Unasked, Revoked::Unasked),
    ] {
        let mut bench = Bench::paired();
        bench.start();
        bench.until(30_000);
        bench.did();
        bench.input(Input::Revoked(AttemptId(1), why));
        assert_eq!(
            bench.did(),
            [
                "disconnected permit_revoked",
                "state disconnected_manual_reconnect_required"
            ]
        );
        assert_eq!(bench.last_end().cause, Cause::PermitRevoked(told));
        assert!(!bench.last_end().then.failure);
    }
}

#[test]
fn a_permit_revoked_by_a_block_is_blocked_while_that_stands() {
    let mut bench = Bench::paired();
    bench.start();
    bench.until(30_000);
    bench.did();
    let until = Instant::at(90_000);
    bench.input(Input::Revoked(AttemptId(1), Revocation::Blocked { until }));
    assert_eq!(
        bench.did(),
        ["disconnected permit_revoked", "state blocked"]
    );
    bench.until(89_999);
    assert_eq!(bench.state(), State::Blocked);
    bench.until(90_000);
    assert_eq!(bench.state(), State::DisconnectedManualReconnectRequired);
}

#[test]
fn a_revocation_of_the_attempt_that_was_cancelled_does_not_touch_the_next() {
    let mut bench = Bench::paired();
    bench.start();
    bench.until(30_000);
    bench.input(Input::Stop);
    bench.start();
    bench.until(60_000);
    bench.did();
    bench.input(Input::Revoked(AttemptId(1), Revocation::Late));
    assert_eq!(bench.did(), [""; 0]);
    bench.confirm();
    assert_eq!(bench.did(), ["state connecting", "dial 1 for attempt 2"]);
}

#[test]
fn the_start_of_another_organization_is_given_back_and_dials_nothing() {
    let mut bench = Bench::paired();
    let permit = bench.permits.admit(Instant::START, &OrgId::new("3"));
    bench.input(Input::Start(permit));
    assert_eq!(bench.did(), ["withdraw attempt 1"]);
    assert_eq!((bench.state(), bench.next()), (State::Idle, None));
}

#[test]
fn a_second_start_is_given_back_and_disturbs_nothing() {
    let mut bench = Bench::paired().connected();
    bench.start();
    assert_eq!(bench.did(), ["withdraw attempt 2"]);
    assert_eq!(bench.state(), State::Connected);
}

#[test]
fn each_stage_has_its_time_and_one_millisecond_less_is_enough() {
    use crate::cause::{Cause, Stage};

    let advance = |bench: &mut Bench, stage| match stage {
        Stage::Connect => {}
        Stage::Handshake => bench.link(1, LinkInput::Upgraded),
        _ => {
            bench.link(1, LinkInput::Upgraded);
            bench.link(1, LinkInput::Secured);
        }
    };
    for (stage, limit) in [
        (Stage::Connect, 20_000),
        (Stage::Handshake, 20_000),
        (Stage::Login, 60_000),
    ] {
        let mut bench = Bench::paired().dialed();
        advance(&mut bench, stage);
        bench.until(30_000 + limit - 1);
        assert_eq!(bench.ends, []);
        bench.until(30_000 + limit);
        assert_eq!(bench.last_end().cause, Cause::ConnectTimedOut { stage });
        assert!(bench.last_end().then.failure);
        assert_eq!(
            bench.did().last().map(String::as_str),
            Some("drop 1"),
            "at once"
        );
        assert_eq!(bench.next(), None);
    }
}

#[test]
fn what_comes_in_the_millisecond_of_a_time_out_but_before_it_counts() {
    let mut bench = Bench::paired().dialed();
    bench.at = 50_000;
    bench.link(1, LinkInput::Upgraded);
    bench.input(Input::Timeout);
    assert_eq!(bench.ends, []);
    assert_eq!(bench.next(), Some((70_000, Timer::Stage)));
}

//! A trace that breaks each rule, and those that keep them.

mod clocks;

use squall_protocol::Node;

use super::super::testing::Tape;
use super::*;
use crate::trace::{Ask, Per};
use crate::words::{Stage, State};

const HOUR: u64 = 3_600_000;

/// Started, closed by the server at 40 s; the cooldown ends at 2 h 40 s.
fn failed() -> Tape {
    let mut tape = Tape::new();
    tape.start().at(40_000).close().ended();
    tape
}

/// Started, stopped by the operator at 40 s: no failure.
fn stopped() -> Tape {
    let mut tape = Tape::new();
    tape.start().at(40_000).ask(Ask::Stop);
    tape.disconnected(Cause::Stopped, None).state(State::Idle);
    tape
}

/// Blocked at 40 s for a day.
fn blocked() -> Tape {
    let mut tape = Tape::new();
    tape.start().at(40_000).stream_error("515");
    tape.disconnected(Cause::RateLimited, None);
    tape
}

#[test]
fn a_lawful_operator_and_a_lawful_limiter_are_fine() {
    let mut tape = failed();
    tape.at(HOUR).denied(Denial::Cooldown, &[], Some(7_240_000));
    tape.at(7_240_000).start().pass(1_000);
    tape.denied(Denial::AlreadyActive, &[], None);
    tape.denied(Denial::AlreadyActive, &[Denial::PerOrg], None);
    tape.pass(1_000).close().ended();
    let free = 24 * HOUR;
    tape.at(4 * HOUR).denied(
        Denial::PerOrg,
        &[Denial::Cooldown],
        Some(i64::try_from(free).unwrap()),
    );
    tape.at(free).start();
    tape.assert_clean(LimiterShadow::new);
}

#[test]
fn an_admission_beyond_the_global_window_is_too_much() {
    let four = |last: u64| {
        let mut tape = Tape::new();
        for org in 1..=3u64 {
            tape.org(&org.to_string()).on(org - 1).granted(org);
        }
        tape.org("4").at(last).granted(4);
        tape
    };
    four(HOUR - 1).assert_says(LimiterShadow::new, &["global stands for 1ms more"]);
    four(HOUR).assert_clean(LimiterShadow::new);
}

#[test]
fn an_admission_beyond_the_organizations_window_is_too_much() {
    let third = |at: u64| {
        let mut tape = stopped();
        tape.at(2 * HOUR).start().ask(Ask::Stop);
        tape.disconnected(Cause::Stopped, None).at(at).granted(3);
        tape
    };
    third(24 * HOUR - 1).assert_says(LimiterShadow::new, &["per_org stands for 1ms more"]);
    third(24 * HOUR).assert_clean(LimiterShadow::new);
}

#[test]
fn an_admission_inside_the_cooldown_is_too_much() {
    let mut tape = failed();
    tape.at(7_239_999).granted(2);
    tape.assert_says(LimiterShadow::new, &["cooldown stands for 1ms more"]);
    let mut tape = failed();
    tape.at(7_240_000).granted(2);
    tape.assert_clean(LimiterShadow::new);
}

#[test]
fn an_admission_inside_a_block_is_too_much() {
    let mut tape = blocked();
    tape.at(40_000 + 24 * HOUR - 1).granted(2);
    tape.assert_says(LimiterShadow::new, &["block stands for 1ms more"]);
    let mut tape = blocked();
    tape.at(40_000 + 24 * HOUR).granted(2);
    tape.assert_clean(LimiterShadow::new);
}

#[test]
fn a_block_counts_by_what_was_delivered_not_by_what_was_said() {
    let mut tape = Tape::new();
    tape.start().at(40_000).stream_error("515").ended();
    tape.at(12 * HOUR).granted(2);
    tape.assert_says(LimiterShadow::new, &["block stands for 12h 40s more"]);
}

#[test]
fn a_block_is_as_long_as_the_server_asks() {
    let mut tape = Tape::new();
    tape.granted(1).at(30_000).spent(1).dial(1, 1, false);
    tape.upgrade(429, Some("172800"));
    tape.disconnected(Cause::RateLimited, None);
    tape.at(47 * HOUR).granted(2);
    tape.assert_says(LimiterShadow::new, &["block stands for 1h 30s more"]);

    let mut tape = Tape::new();
    let ban = Node::new("failure")
        .attr("reason", 402)
        .attr("expire", 86_400);
    tape.start_secured().server_says(ban);
    tape.disconnected(Cause::TemporaryBan, None);
    tape.at(23 * HOUR).granted(2);
    tape.assert_says(LimiterShadow::new, &["block stands for 1h 30s more"]);
}

#[test]
fn a_block_of_all_keeps_the_others_out_too() {
    for (all, findings) in [(true, 1), (false, 0)] {
        let mut tape = blocked();
        tape.header.policy.block_all = all;
        tape.at(HOUR).org("3").granted(2);
        assert_eq!(tape.judged(LimiterShadow::new).len(), findings);
    }
}

#[test]
fn a_ban_keeps_nobody_else_out_whatever_the_policy() {
    let other = |verdict: fn(&mut Tape)| {
        let ban = Node::new("failure")
            .attr("reason", 402)
            .attr("expire", 86_400);
        let mut tape = Tape::new();
        tape.header.policy.block_all = true;
        tape.start_secured().server_says(ban);
        tape.disconnected(Cause::TemporaryBan, None);
        tape.at(HOUR).org("3");
        verdict(&mut tape);
        tape
    };
    other(|tape| {
        tape.granted(2);
    })
    .assert_clean(LimiterShadow::new);
    other(|tape| {
        tape.denied(Denial::Block, &[], None);
    })
    .assert_says(LimiterShadow::new, &["no rule stood in the way"]);
}

#[test]
fn who_says_that_it_is_blocked_says_so_while_the_block_stands() {
    let over = |at: u64| {
        let mut tape = blocked();
        tape.state(State::Blocked).at(at);
        tape.state(State::DisconnectedManualReconnectRequired);
        tape
    };
    over(24 * HOUR + 40_000 - 1).assert_says(LimiterShadow::new, &["stands for 1ms more"]);
    over(24 * HOUR + 40_000).assert_clean(LimiterShadow::new);
    let mut tape = failed();
    tape.state(State::Blocked);
    tape.assert_says(LimiterShadow::new, &["blocked, and no block stands"]);
}

#[test]
fn an_admission_while_active_is_too_much() {
    let mut tape = Tape::new();
    tape.start().at(HOUR).granted(2);
    tape.assert_says(LimiterShadow::new, &["already_active was to refuse it"]);
}

#[test]
fn a_dial_before_the_wait_is_over_is_too_much_where_the_wait_is_claimed() {
    let mut tape = Tape::new();
    tape.granted(1).at(29_999).dial(1, 1, false);
    tape.assert_says(LimiterShadow::new, &["dialed 1ms before its wait was over"]);
    tape.header.claims.waits = false;
    tape.assert_clean(LimiterShadow::new);
}

#[test]
fn suspended_time_is_no_waiting() {
    let mut tape = Tape::new();
    tape.granted(1).at(10_000).suspended(10_000);
    tape.at(30_000).dial(1, 1, false);
    tape.assert_says(LimiterShadow::new, &["dialed 10s before its wait was over"]);
}

#[test]
fn a_dial_much_too_late_is_too_much() {
    for (at, words) in [
        (60_000, &[][..]),
        (60_001, &["dialed 30s 1ms after its wait"][..]),
    ] {
        let mut tape = Tape::new();
        tape.granted(1).at(at).spent(1).dial(1, 1, false);
        tape.assert_says(LimiterShadow::new, words);
    }
}

#[test]
fn a_dial_in_a_block_is_too_much() {
    let mut tape = Tape::new();
    tape.header.policy.block_all = true;
    tape.start().at(20 * 60_000).org("3").granted(2);
    tape.org("2").stream_error("515");
    tape.disconnected(Cause::RateLimited, None);
    tape.pass(30_000).org("3").dial(2, 2, false);
    tape.assert_says(LimiterShadow::new, &["dialed in a block"]);
}

#[test]
fn a_second_dial_of_one_attempt_is_too_much_and_says_what_stands() {
    let mut tape = failed();
    tape.at(45_000).dial(2, 1, false);
    tape.assert_says(
        LimiterShadow::new,
        &["a dial that no admission pays for, and cooldown stands for 1h 59m 55s more"],
    );
}

#[test]
fn dials_that_nothing_pays_for_fill_the_windows() {
    let mut tape = failed();
    for n in 1..=3 {
        tape.at(40_000 + n * 5_000).dial(n + 1, 1, false);
        tape.upgrade(101, None).close();
        tape.disconnected(Cause::ConnectionClosed, Some(Stage::Handshake));
    }
    let said = tape.judged(LimiterShadow::new);
    assert!(said[2].contains("global stands"), "{said:#?}");
    assert!(said[2].contains("per_org stands"), "{said:#?}");
}

#[test]
fn one_handoff_is_free_and_a_second_is_too_much() {
    let mut tape = Tape::new();
    tape.pair().dial(2, 1, true);
    tape.assert_clean(LimiterShadow::new);
    tape.dial(3, 1, true);
    tape.assert_says(
        LimiterShadow::new,
        &["a handoff that no admission pays for"],
    );
}

#[test]
fn a_refusal_that_the_rules_would_grant_is_too_little() {
    let mut tape = failed();
    tape.at(7_240_000)
        .denied(Denial::Cooldown, &[], Some(7_240_001));
    tape.assert_says(LimiterShadow::new, &["but no rule stood in the way"]);
    let mut tape = Tape::new();
    tape.denied(Denial::StoreUnavailable, &[], None);
    tape.assert_says(LimiterShadow::new, &["the store was healthy"]);
}

#[test]
fn a_refusal_names_the_rule_that_frees_last() {
    let mut tape = failed();
    tape.at(HOUR).denied(Denial::Block, &[], Some(7_240_000));
    tape.assert_says(
        LimiterShadow::new,
        &["refused by block, but cooldown stands"],
    );
    let mut tape = Tape::new();
    tape.start().denied(Denial::Cooldown, &[], None);
    tape.assert_says(LimiterShadow::new, &["but it was already_active"]);
}

#[test]
fn a_refusal_names_all_other_rules_that_stand() {
    let mut tape = failed();
    tape.at(HOUR)
        .denied(Denial::Cooldown, &[Denial::Global], Some(7_240_000));
    tape.assert_says(LimiterShadow::new, &["and also by global, but"]);
}

#[test]
fn a_refusal_tells_the_right_millisecond_to_come_back() {
    for (off, words) in [(-1, "1ms too early"), (1, "1ms too late")] {
        let mut tape = failed();
        tape.at(HOUR)
            .denied(Denial::Cooldown, &[], Some(7_240_000 + off));
        tape.assert_says(LimiterShadow::new, &[words]);
    }
    let mut tape = failed();
    tape.at(HOUR).denied(Denial::Cooldown, &[], None);
    tape.assert_says(LimiterShadow::new, &["not told when to come back"]);
    let mut tape = Tape::new();
    tape.start()
        .denied(Denial::AlreadyActive, &[], Some(7_240_000));
    tape.assert_says(LimiterShadow::new, &["which nobody can know"]);
}

#[test]
fn a_suspend_moves_the_instant_to_come_back() {
    let mut tape = failed();
    tape.suspended(600_000).at(HOUR);
    tape.denied(Denial::Cooldown, &[], Some(7_840_000));
    tape.assert_clean(LimiterShadow::new);
}

#[test]
fn an_attempt_given_back_counts_no_more_and_only_before_its_dial() {
    let mut tape = Tape::new();
    for attempt in 1..=4 {
        tape.granted(attempt).pass(1_000).ask(Ask::Stop);
        tape.withdrawn(attempt).state(State::Idle);
    }
    tape.assert_clean(LimiterShadow::new);
    let mut tape = Tape::new();
    tape.start().withdrawn(1);
    tape.assert_says(LimiterShadow::new, &["given back after its dial"]);
    let mut tape = Tape::new();
    tape.withdrawn(1);
    tape.assert_says(LimiterShadow::new, &["which is not under way"]);
}

#[test]
fn an_attempt_given_back_at_its_time_counts() {
    let mut tape = Tape::new();
    tape.header.policy.per_org = (1, Per::Rolling(Millis::from_days(1)));
    tape.granted(1).at(30_000).spent(1).withdrawn(1);
    tape.at(HOUR).granted(2);
    tape.assert_says(LimiterShadow::new, &["per_org stands for 23h more"]);
}

#[test]
fn a_retry_after_may_be_a_date() {
    let mut tape = Tape::new();
    tape.granted(1).at(30_000).spent(1).dial(1, 1, false);
    tape.upgrade(429, Some("Wed, 21 Jan 2026 14:00:00 GMT"));
    tape.disconnected(Cause::RateLimited, None);
    tape.at(47 * HOUR).granted(2);
    tape.assert_says(LimiterShadow::new, &["block stands for 1h more"]);
}

#[test]
fn a_revocation_needs_a_block_or_a_delay() {
    let revoked = |at: u64, blocked: bool| {
        let mut tape = Tape::new();
        tape.granted(1).at(at).revoked(1, blocked);
        tape
    };
    revoked(60_001, false).assert_clean(LimiterShadow::new);
    revoked(60_000, false).assert_says(LimiterShadow::new, &["revoked as late"]);
    revoked(30_000, true).assert_says(LimiterShadow::new, &["and none stood"]);
}

#[test]
fn a_revoked_attempt_counts() {
    let mut tape = Tape::new();
    tape.header.policy.per_org = (1, Per::Rolling(Millis::from_days(1)));
    tape.granted(1).at(60_001).revoked(1, false);
    tape.at(HOUR).granted(2);
    tape.assert_says(LimiterShadow::new, &["per_org stands for 23h more"]);
}

#[test]
fn a_crash_forgets_no_attempt_and_is_a_failure_at_boot() {
    let mut tape = Tape::new();
    tape.start().at(40_000).crash().at(45_000).boot();
    tape.disconnected(Cause::ProcessDied, None);
    tape.at(7_244_999).granted(2);
    tape.assert_says(LimiterShadow::new, &["cooldown stands for 1ms more"]);
}

#[test]
fn down_time_passes_by_the_wall_clock() {
    let mut tape = failed();
    tape.suspended(HOUR).crash().at(2 * HOUR).boot();
    tape.at(7_240_000).granted(2);
    tape.assert_clean(LimiterShadow::new);
}

//! A word that is not true, of each kind, and those that are.

use super::super::testing::Tape;
use super::*;
use crate::trace::Message;
use crate::words::{Cause, Stage};

const HOUR: u64 = 3_600_000;

#[test]
fn a_session_that_says_what_is_true_is_fine() {
    let mut tape = Tape::new();
    tape.start().keep_alive(30_000, 30_000, HOUR);
    tape.state(State::Degraded).state(State::Connected);
    tape.close().ended();
    let free = i64::try_from(3 * HOUR).unwrap();
    tape.at(2 * HOUR).denied(Denial::Cooldown, &[], Some(free));
    tape.pass(1_000).denied(Denial::Cooldown, &[], Some(free));
    tape.at(3 * HOUR).start();
    tape.assert_clean(StatusHonesty::new);
}

#[test]
fn connected_before_the_success_was_delivered_is_a_lie() {
    let mut tape = Tape::new();
    tape.start_secured().state(State::Connected);
    tape.assert_says(StatusHonesty::new, &["<success> was not delivered"]);
    let mut tape = Tape::new();
    tape.state(State::Connected);
    tape.assert_says(StatusHonesty::new, &["no connection of it is open"]);
}

#[test]
fn connected_of_a_connection_that_was_ended_is_a_lie_after_that_millisecond() {
    let mut tape = Tape::new();
    tape.start().at(40_000).close().pass(1);
    tape.assert_says(
        StatusHonesty::new,
        &["still says connected, and a close frame"],
    );
    let mut tape = Tape::new();
    tape.start().at(40_000).close().ended().pass(1);
    tape.assert_clean(StatusHonesty::new);
    let mut tape = Tape::new();
    tape.start().at(40_000).close();
    tape.disconnected(Cause::ConnectionClosed, Some(Stage::Open))
        .pass(1);
    tape.assert_says(StatusHonesty::new, &["its connection has ended"]);
}

#[test]
fn connected_in_silence_is_a_lie_after_its_bound() {
    for (late, words) in [(0, &[][..]), (1, &["nothing is heard any more"][..])] {
        let mut tape = Tape::new();
        tape.start().at(55_000).iq_ping().at(80_000).iq_ping();
        tape.at(115_000 + late);
        tape.assert_says(StatusHonesty::new, words);
    }
}

#[test]
fn connected_in_silence_is_a_lie_too_where_no_ping_was_sent() {
    for (late, words) in [(0, &[][..]), (1, &["nothing is heard any more"][..])] {
        let mut tape = Tape::new();
        tape.start().at(30_000 + 85_000 + late);
        tape.assert_says(StatusHonesty::new, words);
    }
}

#[test]
fn connected_of_a_zombie_is_a_lie_after_its_bound() {
    for (late, words) in [(0, &[][..]), (1, &["no ping is answered any more"][..])] {
        let mut tape = Tape::new();
        tape.start();
        for beat in 1..=12 {
            tape.at(30_000 + beat * 25_000).iq_ping();
            tape.carried(Side::Server, &Message::Ping(vec![]));
        }
        tape.at(355_000 + late);
        tape.assert_says(StatusHonesty::new, words);
    }
}

#[test]
fn a_lie_is_told_once_and_another_one_again() {
    let mut tape = Tape::new();
    tape.start().at(40_000).close().pass(1).pass(HOUR);
    tape.state(State::Connecting).state(State::Connected);
    tape.pass(1);
    tape.assert_says(
        StatusHonesty::new,
        &["a close frame", "still says connected, and a close frame"],
    );
}

#[test]
fn whoever_comes_back_when_told_is_let_in() {
    let back = |after: u64| {
        let mut tape = Tape::new();
        let free = i64::try_from(2 * HOUR).unwrap();
        tape.denied(Denial::Cooldown, &[], Some(free));
        tape.at(after).denied(Denial::PerOrg, &[], Some(free));
        tape
    };
    back(2 * HOUR - 1).assert_clean(StatusHonesty::new);
    back(2 * HOUR).assert_says(StatusHonesty::new, &["is refused by per_org"]);
}

#[test]
fn a_time_told_stays_the_same_unless_something_moves_it() {
    let again = |between: fn(&mut Tape)| {
        let mut tape = Tape::new();
        tape.denied(Denial::Cooldown, &[], Some(7_200_000));
        between(&mut tape);
        tape.pass(1_000)
            .denied(Denial::Cooldown, &[], Some(7_300_000));
        tape
    };
    again(|_| {}).assert_says(StatusHonesty::new, &["another time to come back"]);
    again(|tape| {
        tape.suspended(60_000);
    })
    .assert_clean(StatusHonesty::new);
    again(|tape| {
        tape.org("3").granted(1).org("2");
    })
    .assert_clean(StatusHonesty::new);
    again(|tape| {
        tape.withdrawn(1);
    })
    .assert_clean(StatusHonesty::new);
    again(|tape| {
        tape.disconnected(Cause::ProcessDied, None);
    })
    .assert_clean(StatusHonesty::new);
}

#[test]
fn a_boot_after_a_sleep_moves_the_times_that_were_told() {
    for (slept, words) in [(true, &[][..]), (false, &["another time to come back"])] {
        let mut tape = Tape::new();
        if slept {
            tape.suspended(100_000);
        }
        tape.denied(Denial::Cooldown, &[], Some(7_200_000));
        tape.crash().boot().pass(1_000);
        tape.denied(Denial::Cooldown, &[], Some(7_100_000));
        tape.assert_says(StatusHonesty::new, words);
    }
}

#[test]
fn a_boot_goes_on_from_the_mark_where_the_wall_clock_is_behind() {
    for (by, words) in [(-7_200_000, &[][..]), (0, &["another time to come back"])] {
        let mut tape = Tape::new();
        tape.boot().pass(1_000);
        tape.event(Event::ClockStepped { by }).crash().boot();
        tape.denied(Denial::Cooldown, &[], Some(7_200_000));
        // The mark in the store is five minutes old by now.
        tape.pass(300_000).crash().boot();
        tape.denied(Denial::Cooldown, &[], Some(7_500_000));
        tape.assert_says(StatusHonesty::new, words);
    }
}

#[test]
fn a_process_that_dies_in_a_pause_owes_nothing_that_was_due_in_it() {
    let mut tape = Tape::new();
    tape.start().at(55_000).iq_ping();
    tape.event(Event::Paused).pass(600_000).crash();
    tape.assert_clean(StatusHonesty::new);
}

#[test]
fn a_dial_makes_connected_a_lie_until_it_is_logged_in() {
    let mut tape = Tape::new();
    tape.start()
        .at(40_000)
        .dial(2, 1, false)
        .accepted(2)
        .pass(1);
    tape.assert_says(StatusHonesty::new, &["is not logged in"]);
}

#[test]
fn a_dead_process_says_nothing() {
    let mut tape = Tape::new();
    tape.start().at(40_000).crash().at(HOUR).boot();
    tape.disconnected(Cause::ProcessDied, None);
    tape.state(State::DisconnectedManualReconnectRequired);
    tape.assert_clean(StatusHonesty::new);
}

#[test]
fn a_boot_that_says_connected_lies() {
    let mut tape = Tape::new();
    tape.start().at(40_000).crash().pass(5_000).boot();
    tape.state(State::Connected);
    tape.assert_says(StatusHonesty::new, &["no connection of it is open"]);
}

#[test]
fn a_wall_clock_that_is_set_moves_the_time_that_was_told() {
    let told = |by: i64, later: i64| {
        let mut tape = Tape::new();
        let free = i64::try_from(3 * HOUR).unwrap();
        tape.at(HOUR).denied(Denial::Cooldown, &[], Some(free));
        tape.pass(1_000).event(Event::ClockStepped { by });
        tape.denied(Denial::Cooldown, &[], Some(free + by)).pass(1);
        tape.denied(Denial::Cooldown, &[], Some(free + by + later));
        tape
    };
    for by in [-7_200_000, 7_200_000] {
        told(by, 0).assert_clean(StatusHonesty::new);
        told(by, 1).assert_says(StatusHonesty::new, &["another time to come back"]);
    }
}

#[test]
fn connected_may_be_said_longer_by_as_long_as_a_pause() {
    let paused = |late: u64| {
        let mut tape = Tape::new();
        tape.start()
            .at(55_000)
            .iq_ping()
            .paused(600_000)
            .pass(60_000 + late);
        tape
    };
    paused(0).assert_clean(StatusHonesty::new);
    paused(1).assert_says(StatusHonesty::new, &["nothing is heard any more"]);
}

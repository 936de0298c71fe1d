//! The prose reads aloud, folds what is routine, and forgets nothing else.

use squall_protocol::{Millis, Node};

use super::*;
use crate::oracle::testing::Tape;
use crate::words::{Cause, Denial};

fn prose(tape: &Tape) -> Vec<String> {
    let mut lines = Vec::new();
    let mut prose = Prose::new(&tape.header, |line: &str| lines.push(line.to_owned()));
    tape.entries.iter().for_each(|entry| prose.observe(entry));
    prose.finish();
    lines
}

#[track_caller]
fn reads(tape: &Tape, lines: &[&str]) {
    let told = prose(tape);
    let told: Vec<_> = told.iter().map(String::as_str).collect();
    assert_eq!(told, lines);
}

#[test]
fn the_founding_story_reads_aloud() {
    let mut tape = Tape::new();
    tape.header.runs_for = Millis::from_hours(12);
    tape.start().keep_alive(30_000, 30_000, 21_600_000);
    tape.pass(62).fault_on(2, 1).fault_acted(2, 1);
    tape.stream_error("515");
    tape.disconnected(Cause::RateLimited, None)
        .state(State::Blocked);
    let retry_at = Some(108_000_062);
    for hour in 7..=9 {
        tape.at(hour * 3_600_000)
            .denied(Denial::Block, &[], retry_at);
    }
    tape.event(Event::End);
    reads(
        &tape,
        &[
            "           0.000s   org 2     start admitted: attempt 1",
            "           0.000s   org 2     state: waiting",
            "          30.000s   org 2     permit of attempt 1 spent: dials conn 1",
            "          30.000s   org 2     state: connecting",
            "          30.000s   org 2     conn 1: accepted, upgraded, secured, logged in",
            "          30.000s   org 2     keep-alive ok: 1 IQ ping",
            "          30.000s   org 2     state: connected",
            "   5h 59m 40.000s   org 2     keep-alive ok: 862 IQ pings, 179 WebSocket Pings, since 55.000s",
            "     6h 0m 0.062s   step 2    fault close: once",
            "     6h 0m 0.062s   org 2     conn 1: fault close acts (step 2)",
            "     6h 0m 0.062s   org 2     conn 1: <stream:error code=\"515\"/>",
            "     6h 0m 0.062s   org 2     disconnected: rate_limited, blocked until 2026-01-20T15:00:00.062-05:00 (conn 1)",
            "     6h 0m 0.062s   org 2     state: blocked",
            "     9h 0m 0.000s   org 2     start refused 3 times since 7h 0m 0.000s: block, retry at 2026-01-20T15:00:00.062-05:00",
            "     9h 0m 0.000s             the run ends",
        ],
    );
}

#[test]
fn a_day_of_keep_alive_is_a_handful_of_lines() {
    let mut tape = Tape::new();
    tape.start();
    let day = 86_400_000;
    tape.keep_alive(30_000, 30_000, day);
    let lines = prose(&tape);
    assert_eq!(lines.len(), 8, "{lines:#?}");
    assert!(
        lines[7].contains("keep-alive ok: 3,454 IQ pings, 719 WebSocket Pings, since 55.000s"),
        "{lines:#?}"
    );
}

#[test]
fn late_pings_that_recover_fold_and_one_that_does_not_is_told() {
    let mut tape = Tape::new();
    let org: OrgName = "2".into();
    tape.start();
    for _ in 0..3 {
        tape.pass(60_000)
            .event(Event::KeepAliveLate { org: org.clone() });
        tape.state(State::Degraded).pass(2_000);
        tape.event(Event::KeepAliveRecovered { org: org.clone() });
        tape.state(State::Connected);
    }
    tape.pass(60_000)
        .event(Event::KeepAliveLate { org: org.clone() });
    tape.state(State::Degraded).pass(50_000);
    tape.disconnected(Cause::ConnectionLost, None);
    let lines = prose(&tape);
    let end: Vec<_> = lines[lines.len() - 3..]
        .iter()
        .map(|line| line.trim_start())
        .collect();
    assert_eq!(
        end,
        [
            "3m 36.000s   org 2     keep-alive late and recovered 3 times since 1m 30.000s",
            "4m 36.000s   org 2     keep-alive late",
            "5m 26.000s   org 2     disconnected: connection_lost, a failure (conn 1)",
        ]
    );
}

#[test]
fn what_a_dead_connection_left_unanswered_is_told() {
    let mut tape = Tape::new();
    tape.start().at(55_000).iq_ping().at(80_000).iq_ping();
    tape.at(115_000).disconnected(Cause::ConnectionLost, None);
    let lines = prose(&tape);
    assert!(
        lines[lines.len() - 2].ends_with("left unanswered: 2 IQ pings, the first at 55.000s"),
        "{lines:#?}"
    );
}

#[test]
fn a_backlog_folds_by_kind() {
    let mut tape = Tape::new();
    tape.start().at(40_000);
    for _ in 0..8_000 {
        tape.server_says(Node::new("message"));
    }
    tape.client_says(Node::new("presence"));
    let lines = prose(&tape);
    assert!(
        lines
            .last()
            .unwrap()
            .ends_with("received 8,000 message; sent 1 presence"),
        "{lines:#?}"
    );
}

#[test]
fn pongs_that_nobody_asked_for_fold_and_every_ping_of_a_flood_finds_its_answer() {
    let mut tape = Tape::new();
    tape.start().at(40_000);
    let payloads: Vec<Vec<u8>> = (0..500_u32).map(|ping| ping.to_be_bytes().into()).collect();
    for payload in &payloads {
        tape.carried(Side::Server, &Message::Ping(payload.clone()));
    }
    for payload in &payloads {
        tape.carried(Side::Client, &Message::Pong(payload.clone()));
    }
    for _ in 0..3 {
        tape.carried(Side::Server, &Message::Pong(b"nobody asked".to_vec()));
    }
    let lines = prose(&tape);
    assert!(
        lines
            .last()
            .unwrap()
            .ends_with("org 2     500 server pings answered; received 3 unasked pong"),
        "{lines:#?}"
    );
}

#[test]
fn an_error_is_an_answer_and_is_told_as_one() {
    let mut tape = Tape::new();
    tape.start().at(55_000).iq_ping();
    let id = "ping-2";
    tape.server_says(Node::new("iq").attr("type", "error").attr("id", id));
    let lines = prose(&tape);
    assert!(
        lines
            .last()
            .unwrap()
            .ends_with("keep-alive ok: 1 IQ ping; 1 of these with an error"),
        "{lines:#?}"
    );
}

#[test]
fn a_permit_that_led_to_no_dial_is_told() {
    let mut tape = Tape::new();
    tape.granted(1).at(30_000).spent(1).event(Event::End);
    let lines = prose(&tape);
    assert!(
        lines[1].ends_with("permit of attempt 1 spent, and no dial"),
        "{lines:#?}"
    );
}

#[test]
fn a_fault_is_told_at_its_first_touch_of_a_connection() {
    let mut tape = Tape::new();
    tape.start().fault_acted(1, 1);
    for _ in 0..100 {
        tape.pass(10)
            .fault_acted(1, 1)
            .server_says(Node::new("message"));
    }
    let lines = prose(&tape);
    let acts = lines.iter().filter(|line| line.contains("acts"));
    assert_eq!(acts.count(), 1, "{lines:#?}");
    assert!(lines.last().unwrap().contains("received 100 message"));
}

#[test]
fn refusals_with_another_cause_are_another_line() {
    let mut tape = Tape::new();
    tape.denied(Denial::Block, &[], None);
    tape.pass(1_000)
        .denied(Denial::Cooldown, &[Denial::Global], Some(0));
    let lines = prose(&tape);
    assert!(lines[0].ends_with("start refused: block"), "{lines:#?}");
    assert!(
        lines[1].ends_with(
            "start refused: cooldown, also global, retry at 2026-01-19T09:00:00.000-05:00"
        ),
        "{lines:#?}"
    );
}

#[test]
fn a_window_shows_what_led_to_a_finding_and_what_followed() {
    let mut tape = Tape::new();
    tape.start()
        .keep_alive(30_000, 30_000, 600_000)
        .close()
        .ended();
    let found = tape.entries.len();
    tape.pass(5_000).dial(2, 1, false).accepted(2);
    tape.upgrade(101, None).close();
    let mut window = Window::new(&tape.header, 3, 2);
    for (place, entry) in tape.entries.iter().enumerate() {
        window.observe(entry);
        if place == found {
            window.mark();
        }
    }
    let excerpts = window.finish();
    assert_eq!(excerpts.len(), 1);
    let lines: Vec<_> = excerpts[0]
        .lines
        .iter()
        .map(|line| line.split("org 2").last().unwrap().trim())
        .collect();
    assert_eq!(
        lines,
        [
            "disconnected: connection_closed, a failure (conn 1; stage open)",
            "state: disconnected_manual_reconnect_required",
            "dials conn 2 for attempt 1",
            "conn 2: accepted, upgraded",
            "conn 2: close frame 1011",
        ]
    );
}

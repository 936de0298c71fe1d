//! Pings, answers, lateness, silence and zombies, each edge at −1, 0 and +1 ms.

use super::*;
use crate::cause::{Cause, Lost};

/// When the nth IQ ping of the beat is due, from 1.
fn beat(n: u64) -> u64 {
    SECURED + n * 25_000
}

#[test]
fn the_beat_is_counted_from_the_noise_transport_and_nothing_moves_it() {
    let mut bench = Bench::paired().secured();
    let mut beats = Vec::new();
    // A late login, answers, pings and stanzas in between.
    bench.until(SECURED + 7_000);
    bench.stanza(1, Node::new("success"));
    bench.answer_all();
    for step in 1..=400 {
        let at = SECURED + 7_000 + step * 911;
        while let Some((due, timer)) = bench.next()
            && due <= at
        {
            bench.until(due);
            if timer == Timer::KeepAlive {
                beats.push(due);
            }
            bench.answer_all();
            bench.pong_all();
        }
        bench.until(at);
        bench.stanza(1, Node::new("message"));
        bench.link(1, LinkInput::Ping);
    }
    let expected: Vec<u64> = (1..=beats.len() as u64).map(beat).collect();
    assert_eq!(beats, expected);
    assert_eq!(beats.len(), 14);
}

#[test]
fn the_server_is_pinged_before_login_too() {
    let mut bench = Bench::unpaired().secured();
    bench.did();
    bench.until(beat(1) - 1);
    assert_eq!(bench.did(), [""; 0]);
    bench.until(beat(1));
    assert_eq!(
        bench.did(),
        [r#"send 1 <iq id="1" to="s.whatsapp.net" type="get" xmlns="w:p"><ping/></iq>"#]
    );
}

#[test]
fn a_websocket_ping_goes_out_every_interval_from_connected_on() {
    let mut bench = Bench::paired().greeted();
    bench.until(SECURED + 3_000);
    bench.answer_all();
    assert_eq!(bench.state(), State::Connected);
    let mut pings = Vec::new();
    while pings.len() < 3 {
        let (due, timer) = bench
            .next()
            .expect("a connected session always wakes again");
        bench.until(due);
        if timer == Timer::ActivePing {
            pings.push(due - SECURED);
        }
        bench.answer_all();
        bench.pong_all();
    }
    assert_eq!(pings, [123_000, 243_000, 363_000]);
}

#[test]
fn a_pong_says_keep_alive_ok_and_how_long_it_took() {
    let mut bench = Bench::paired().connected();
    bench.healthy_until(SECURED + 119_999);
    bench.until(SECURED + 120_000);
    bench.until(SECURED + 120_080);
    bench.did();
    bench.pong_all();
    assert_eq!(bench.did(), ["keep-alive ok 80ms"]);
}

#[test]
fn a_ping_of_the_server_is_answered_in_its_millisecond_in_every_stage() {
    let ping = Node::new("iq")
        .attr("from", "s.whatsapp.net")
        .attr("type", "get")
        .attr("xmlns", "urn:xmpp:ping")
        .attr("id", "srv-1");
    for mut bench in [
        Bench::unpaired().secured(),
        Bench::paired().secured(),
        Bench::paired().connected(),
    ] {
        bench.did();
        bench.stanza(1, ping.clone());
        assert_eq!(
            bench.did(),
            [r#"send 1 <iq to="s.whatsapp.net" type="result" id="srv-1"/>"#]
        );
    }
}

#[test]
fn a_ping_is_late_at_ten_seconds_and_degraded_until_none_is() {
    let mut bench = Bench::paired().connected();
    bench.until(beat(1) + 9_999);
    assert_eq!(bench.state(), State::Connected);
    bench.did();
    bench.until(beat(1) + 10_000);
    assert_eq!(bench.did(), ["late", "state degraded"]);
    assert!(bench.session.status().connected);
    bench.until(beat(1) + 24_000);
    bench.answer_all();
    assert_eq!(bench.did(), ["recovered", "state connected"]);
    assert_eq!(bench.session.status().late, 1);
}

#[test]
fn an_answer_in_the_millisecond_of_lateness_is_not_late() {
    let mut bench = Bench::paired().connected();
    bench.until(beat(1));
    bench.at = beat(1) + 10_000;
    bench.answer_all();
    bench.did();
    bench.input(Input::Timeout);
    assert_eq!(bench.did(), [""; 0]);
}

#[test]
fn an_answer_that_leaves_an_old_ping_unsettled_does_not_recover() {
    let mut bench = Bench::paired().connected();
    bench.until(beat(2) + 10_000);
    assert_eq!(bench.state(), State::Degraded);
    bench.did();
    let first = bench.sent.remove(0);
    bench.stanza(1, result(id(&first)));
    assert_eq!(bench.did(), [""; 0]);
    assert_eq!(bench.state(), State::Degraded);
}

#[test]
fn an_answer_settles_every_earlier_ping_of_its_kind() {
    let mut bench = Bench::paired().connected();
    bench.until(beat(2) + 1_000);
    let second = bench.sent.remove(1);
    bench.did();
    bench.stanza(1, result(id(&second)));
    assert_eq!(bench.did(), ["recovered", "state connected"]);
}

#[test]
fn a_missing_pong_degrades_and_never_ends_a_connection() {
    let mut bench = Bench::paired().connected();
    let end = SECURED + 30 * 86_400_000;
    while let Some((due, _)) = bench.next()
        && due <= end
    {
        bench.until(due);
        bench.answer_all();
    }
    assert_eq!(bench.ends, []);
    assert_eq!(bench.state(), State::Degraded);
    assert_eq!(bench.session.status().late, 1);
    bench.pong_all();
    assert_eq!(bench.state(), State::Connected);
}

#[test]
fn a_pong_with_another_payload_settles_nothing() {
    let mut bench = Bench::paired().connected();
    bench.healthy_until(SECURED + 119_999);
    bench.until(SECURED + 120_000);
    bench.did();
    for payload in [vec![], vec![0; 8], vec![1; 8], b"hello".to_vec()] {
        bench.link(1, LinkInput::Pong(payload));
    }
    assert_eq!(bench.did(), [""; 0]);
}

#[test]
fn silence_is_death_sixty_seconds_after_the_first_ping_into_it() {
    let mut bench = Bench::paired().connected();
    // The last thing heard is right before a ping, so that the bound of 85 s is not reached.
    bench.until(beat(1) - 1);
    bench.link(1, LinkInput::Ping);
    bench.until(beat(1) + 59_999);
    assert_eq!(bench.ends, []);
    bench.did();
    bench.until(beat(1) + 60_000);
    assert_eq!(
        bench.did(),
        [
            "disconnected connection_lost",
            "state disconnected_manual_reconnect_required",
            "drop 1"
        ]
    );
    assert_eq!(bench.last_end().cause, Cause::ConnectionLost(Lost::Silence));
    assert_eq!(bench.next(), None);
}

#[test]
fn silence_is_found_within_85_seconds_of_the_last_delivery() {
    let mut bench = Bench::paired().connected();
    bench.until(beat(1));
    bench.link(1, LinkInput::Ping);
    bench.until(beat(1) + 84_999);
    assert_eq!(bench.ends, []);
    bench.until(beat(1) + 85_000);
    assert_eq!(bench.ends.len(), 1);
}

#[test]
fn anything_heard_in_the_last_millisecond_keeps_the_connection() {
    for heard in [
        LinkInput::Ping,
        LinkInput::Pong(vec![9]),
        LinkInput::Stanza(Node::new("message")),
    ] {
        let mut bench = Bench::paired().connected();
        bench.until(beat(1) + 59_999);
        bench.at = beat(1) + 60_000;
        bench.link(1, heard);
        bench.input(Input::Timeout);
        assert_eq!(bench.ends, []);
    }
}

#[test]
fn a_websocket_ping_too_starts_the_silence() {
    let policy = Policy {
        active_ping_interval: Millis::from_secs(10),
        ..Policy::default()
    };
    let mut bench = Bench::with(policy, paired_device(), None).connected();
    bench.until(SECURED + 69_999);
    assert_eq!(bench.ends, []);
    bench.until(SECURED + 70_000);
    assert_eq!(bench.last_end().cause, Cause::ConnectionLost(Lost::Silence));
}

#[test]
fn a_zombie_is_found_five_minutes_after_the_first_unanswered_ping_whatever_else_comes() {
    let mut bench = Bench::paired().connected();
    let zombie = beat(1) + 300_000;
    while bench.at < zombie - 1 {
        bench.until((bench.at + 1_000).min(zombie - 1));
        bench.stanza(1, Node::new("message"));
        bench.pong_all();
    }
    assert_eq!(bench.ends, []);
    bench.until(zombie);
    assert_eq!(bench.last_end().cause, Cause::ConnectionLost(Lost::Zombie));
    assert_eq!(bench.did().last().map(String::as_str), Some("drop 1"));
}

#[test]
fn a_login_that_answers_nothing_is_a_zombie_too() {
    let mut bench = Bench::paired().greeted();
    while bench.ends.is_empty() {
        bench.until(bench.at + 1_000);
        bench.link(1, LinkInput::Ping);
    }
    // The ping right after `<success>` is the first that went unanswered.
    assert_eq!(bench.at, SECURED + 300_000);
    assert_eq!(bench.last_end().cause, Cause::ConnectionLost(Lost::Zombie));
}

#[test]
fn answers_that_grow_later_by_less_than_a_minute_never_cut() {
    let mut bench = Bench::paired().connected();
    // Each answer comes 59,999 ms after its ping: with pings every 25 s, three are always under way.
    let mut due: std::collections::VecDeque<(u64, String)> = std::collections::VecDeque::new();
    while bench.at < SECURED + 3_600_000 {
        bench.until(bench.at + 1);
        for node in std::mem::take(&mut bench.sent) {
            if is_ping(&node) {
                due.push_back((bench.at + 59_999, id(&node).to_owned()));
            }
        }
        while due.front().is_some_and(|(at, _)| *at <= bench.at) {
            let (_, id) = due.pop_front().expect("there is one");
            bench.stanza(1, result(&id));
        }
    }
    assert_eq!(bench.ends, []);
}

#[test]
fn a_wake_after_a_pause_sends_one_ping_and_keeps_the_beat() {
    let mut bench = Bench::paired().connected();
    bench.at = beat(5) + 1_234;
    // What arrived during the pause is delivered first.
    bench.link(1, LinkInput::Ping);
    bench.input(Input::Timeout);
    assert_eq!(bench.sent.iter().filter(|node| is_ping(node)).count(), 1);
    assert!(
        bench
            .session
            .live()
            .is_some_and(|live| { live.keep_alive.next_iq() == Some(Instant::at(beat(6))) })
    );
}

#[test]
fn last_activity_is_any_frame_received() {
    let mut bench = Bench::paired().connected();
    for heard in [
        LinkInput::Ping,
        LinkInput::Pong(vec![]),
        LinkInput::Stanza(Node::new("message")),
    ] {
        bench.until(bench.at + 5);
        bench.link(1, heard);
        assert_eq!(bench.session.status().last_activity, Some(bench.now().wall));
    }
}

//! The machine alone, told line by line what happens and asked what it wants done.

use crate::script::{Script, said};
use squall_mock_server::fault::{
    Backlog, Blackhole, Carry, Close, Connect, DelayReply, Direction, EndStream, Failure,
    FaultSpec, Latency, RefuseConnect, RefuseUpgrade, Reset, Revoke, StreamError, Target, Upgrade,
    Ways, Which, WithholdReply, Zombie,
};
use squall_mock_server::server::{
    Guard, GuardAnswer, Phone, Pings, ScansAfter, ServerEvent, Settings, Timer, UnknownIq,
};
use squall_mock_server::{ConnectionId, Peer};
use squall_protocol::{Millis, Node};

fn stream_error(code: u16) -> StreamError {
    StreamError {
        code: Some(code.into()),
        ..StreamError::default()
    }
}

fn of(account: &str) -> Target {
    Target {
        account: Some(account.into()),
        ..Target::default()
    }
}

#[test]
fn success_comes_150_ms_after_the_clients_last_handshake_message() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    let conn = script.secured("2", &device);
    assert_eq!(script.sent(), said(&[]));
    assert_eq!(
        script.next_timer(),
        Some((150, Timer::Login(ConnectionId(conn))))
    );
    script.run_until(150);
    let sent = script.sent();
    assert_eq!(sent.len(), 3);
    assert!(
        sent[0].starts_with(r#"1 <success t="1768831200" lid="77"#),
        "{}",
        sent[0]
    );
    assert_eq!(
        sent[1..],
        said(&[
            r#"1 <ib from="s.whatsapp.net"><offline_preview count="0" message="0" receipt="0" notification="0" appdata="0"/></ib>"#,
            r#"1 <ib from="s.whatsapp.net"><offline count="0"/></ib>"#,
        ])
    );
    assert_eq!(script.event_names(), ["accepted", "upgraded", "login"]);
}

#[test]
fn a_device_that_the_server_does_not_know_is_logged_out() {
    let mut script = Script::new(Settings::default());
    let mut stranger = script.device(1);
    let owner = script.paired("2");
    stranger.jid = owner.jid;
    script.secured("2", &stranger);
    script.run_until(150);
    assert_eq!(
        script.sent(),
        said(&[
            r#"1 <failure reason="401" location="mock"/>"#,
            "1 close 1000"
        ])
    );
    assert_eq!(
        script.event_names(),
        ["accepted", "upgraded", "login_failed"]
    );
}

#[test]
fn the_fourth_dial_within_58_minutes_is_punished_and_so_is_the_next_day() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    for minute in [0, 20, 40] {
        script.run_until(minute * 60_000);
        script.login("2", &device);
        script.close_all();
    }
    script.run_until(57 * 60_000);
    script.sent();
    script.secured("2", &device);
    script.run_until(57 * 60_000 + 150);
    let sent = script.sent();
    assert!(sent[0].starts_with("4 <success"), "{sent:?}");
    assert_eq!(
        sent[1..],
        said(&[r#"4 <stream:error code="515"/>"#, "4 close 1000"])
    );
    let day = Millis::from_hours(24).get();
    for later in [day - 1, 2 * day - 2, 3 * day] {
        script.close_all();
        script.run_until(57 * 60_000 + later);
        script.secured("2", &device);
        script.run_until(57 * 60_000 + later + 150);
        script.sent();
    }
    let names = script.event_names();
    let penalties = names.iter().filter(|name| **name == "penalty").count();
    assert_eq!(penalties, 3, "the last dial came when the penalty was over");
    let other = script.paired("3");
    script.login("3", &other);
    assert_ne!(
        script.event_names().last(),
        Some(&"penalty"),
        "each account by itself"
    );
}

#[test]
fn the_guard_can_say_403_or_nothing() {
    for (answer, expected) in [
        (
            GuardAnswer::Forbidden,
            said(&[
                r#"1 <failure reason="403" location="mock"/>"#,
                "1 close 1000",
            ]),
        ),
        (GuardAnswer::Silence, said(&[])),
    ] {
        let guard = Guard {
            max: 0,
            answer,
            ..Guard::default()
        };
        let mut script = Script::new(Settings {
            guard: Some(guard),
            ..Settings::default()
        });
        let device = script.paired("2");
        script.secured("2", &device);
        script.run_until(5_000);
        assert_eq!(script.sent(), expected, "{answer:?}");
    }
}

#[test]
fn a_guard_of_all_refuses_every_upgrade_within_the_penalty() {
    let guard = Guard {
        max: 1,
        in_all: true,
        ..Guard::default()
    };
    let mut script = Script::new(Settings {
        guard: Some(guard),
        ..Settings::default()
    });
    let devices = [script.paired("2"), script.paired("3")];
    script.login("2", &devices[0]);
    script.login("3", &devices[1]);
    assert_eq!(script.event_names().last(), Some(&"login"));
    assert!(script.event_names().contains(&"penalty"));
    let refused = script.dial("4");
    assert!(
        matches!(script.upgrade(refused, "4"), Upgrade::Refuse { status, .. } if status.get() == 429)
    );
    script.run_until(Millis::from_hours(25).get());
    let passed = script.dial("4");
    assert_eq!(script.upgrade(passed, "4"), Upgrade::Switch);
}

#[test]
fn the_same_device_twice_replaces_the_first_connection() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    let other = script.paired("3");
    script.login("2", &device);
    script.login("3", &other);
    script.login("2", &device);
    assert_eq!(
        script
            .all_sent()
            .iter()
            .filter(|line| line.contains("conflict"))
            .collect::<Vec<_>>(),
        [r#"1 <stream:error><conflict type="replaced"/></stream:error>"#]
    );
    assert_eq!(
        script.all_sent().last().map(String::as_str),
        Some(r#"3 <ib from="s.whatsapp.net"><offline count="0"/></ib>"#)
    );
}

#[test]
fn a_companion_is_paired_by_the_phone_and_told_to_come_back() {
    let mut script = Script::new(Settings::default());
    let device = script.device(1);
    script.create("2");
    let conn = script.secured("2", &device);
    script.run_until(150);
    let request = script.last_node();
    let reference = request.find("pair-device").unwrap().children()[0].clone();
    let text = std::str::from_utf8(reference.content_bytes().unwrap()).unwrap();
    script.phone_sees("2", &device, text);
    script.run_until(5_149);
    assert!(!script.event_names().contains(&"phone"));
    script.run_until(5_150);
    assert_eq!(script.event_names()[2..], ["phone", "pair_success"]);
    let request = script.last_node();
    let paired = device
        .on_pair_success(request.find("pair-success").unwrap(), &mut script.rng())
        .unwrap();
    script.sent();
    script.answer(conn, &request, Some(paired.reply));
    assert_eq!(
        script.sent(),
        said(&[r#"1 <stream:error code="515"/>"#, "1 close 1000"])
    );
    script.close_all();
    script.login("2", &paired.device);
    assert_eq!(script.event_names().last(), Some(&"login"));
}

#[test]
fn a_reply_that_is_not_signed_pairs_nobody() {
    let mut script = Script::new(Settings::default());
    let device = script.device(1);
    let conn = script.secured("2", &device);
    script.run_until(150);
    script.scan(&device);
    let request = script.last_node();
    script.sent();
    script.answer(conn, &request, None);
    assert_eq!(script.sent(), said(&["1 <xmlstreamend/>", "1 close 1000"]));
}

#[test]
fn a_code_of_another_device_or_another_ref_is_not_scanned() {
    let mut script = Script::new(Settings::default());
    let device = script.device(1);
    script.secured("2", &device);
    script.run_until(150);
    script.phone_sees("2", &device, "2@never-handed-out");
    script.run_until(10_000);
    let scanned = ServerEvent::Phone {
        account: Some("2".into()),
        scanned: false,
    };
    assert_eq!(script.events().last(), Some(&scanned));
}

#[test]
fn a_phone_that_never_scans_does_not() {
    let mut script = Script::new(Settings {
        phone: Phone {
            scans_after: ScansAfter::Never,
        },
        ..Settings::default()
    });
    let device = script.device(1);
    script.secured("2", &device);
    script.run_until(150);
    script.phone_sees("2", &device, "2@whatever");
    script.run_until(Millis::from_hours(1).get());
    assert!(!script.event_names().contains(&"phone"));
}

#[test]
fn a_phone_does_not_scan_what_is_shown_no_more() {
    let mut script = Script::new(Settings::default());
    let device = script.device(1);
    script.secured("2", &device);
    script.run_until(150);
    script.phone_sees("2", &device, "2@whatever");
    script.run_until(3_000);
    script.close_all();
    script.run_until(20_000);
    assert!(!script.event_names().contains(&"phone"));
}

#[test]
fn an_unknown_iq_is_refused_told_once_and_counted() {
    for (policy, kind) in [(UnknownIq::Error, "error"), (UnknownIq::Empty, "result")] {
        let mut script = Script::new(Settings {
            unknown_iq: policy,
            ..Settings::default()
        });
        let device = script.paired("2");
        let conn = script.login("2", &device);
        script.sent();
        let iq = Node::new("iq")
            .attr("type", "get")
            .attr("xmlns", "w:new")
            .attr("id", "1");
        for _ in 0..3 {
            script.stanza(conn, iq.clone());
            assert!(script.sent()[0].contains(&format!(r#"type="{kind}""#)));
        }
        script.stanza(conn, Node::new("presence"));
        assert_eq!(script.sent(), said(&[]));
        let told = script
            .event_names()
            .iter()
            .filter(|name| **name == "unknown")
            .count();
        assert_eq!(told, 1);
        let counted = script.server.unknown_stanzas();
        assert_eq!(counted.get("iq xmlns=w:new type=get"), Some(&3));
    }
}

#[test]
fn an_injected_stream_error_ends_the_live_connection_and_no_other() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.login("2", &device);
    script.sent();
    script.fault(1, stream_error(515), Target::default(), true);
    assert_eq!(
        script.sent(),
        said(&[r#"1 <stream:error code="515"/>"#, "1 close 1000"])
    );
    let names = script.event_names();
    assert_eq!(
        names[names.len() - 3..],
        ["fault_on", "fault_acted", "fault_off"]
    );
    script.close_all();
    script.login("2", &device);
    assert_eq!(script.event_names().last(), Some(&"login"));
}

#[test]
fn a_standing_fault_meets_every_login_until_it_is_taken_off() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.fault(1, EndStream {}, Target::default(), false);
    for _ in 0..2 {
        script.login("2", &device);
        assert!(
            script
                .all_sent()
                .contains(&format!("{} <xmlstreamend/>", script.dialed()))
        );
        script.close_all();
    }
    script.fault_off(1);
    script.login("2", &device);
    assert!(!script.all_sent().contains(&"3 <xmlstreamend/>".to_owned()));
}

#[test]
fn a_fault_touches_its_account_alone() {
    let mut script = Script::new(Settings::default());
    let devices = [script.paired("2"), script.paired("3")];
    script.login("2", &devices[0]);
    script.login("3", &devices[1]);
    script.sent();
    script.fault(1, stream_error(503), of("3"), true);
    assert_eq!(
        script.sent(),
        said(&[r#"2 <stream:error code="503"/>"#, "2 close 1000"])
    );
}

#[test]
fn the_nth_connection_of_an_account_counts_refused_dials() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    let third = Target {
        account: Some("2".into()),
        connection: Which::Nth(3),
    };
    script.fault(1, RefuseConnect {}, of("2"), true);
    script.fault(2, stream_error(503), third, false);
    assert_eq!(script.connect("2"), Connect::Refuse);
    script.dial("9");
    script.login("2", &device);
    assert_eq!(script.event_names().last(), Some(&"login"));
    script.close_all();
    script.login("2", &device);
    assert_eq!(script.event_names().last(), Some(&"fault_acted"));
}

#[test]
fn the_old_connection_is_the_one_that_was_dialed_before() {
    let mut script = Script::new(Settings::default());
    let devices = [script.paired("2"), script.paired("2")];
    script.login("2", &devices[0]);
    script.login("2", &devices[1]);
    script.sent();
    let old = Target {
        account: Some("2".into()),
        connection: Which::Old,
    };
    script.fault(1, stream_error(401), old, true);
    assert_eq!(
        script.sent(),
        said(&[r#"1 <stream:error code="401"/>"#, "1 close 1000"])
    );
}

#[test]
fn an_injected_failure_waits_for_the_next_dial() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.login("2", &device);
    script.sent();
    let fault = Failure {
        reason: Some(403.into()),
        ..Failure::default()
    };
    script.fault(1, fault, of("2"), true);
    assert_eq!(script.sent(), said(&[]));
    script.close_all();
    script.login("2", &device);
    assert_eq!(
        script.sent(),
        said(&[
            r#"2 <failure reason="403" location="mock"/>"#,
            "2 close 1000"
        ])
    );
    script.close_all();
    script.login("2", &device);
    assert_eq!(script.event_names().last(), Some(&"login"));
}

#[test]
fn an_injected_refusal_waits_for_the_dial_of_its_account() {
    let mut script = Script::new(Settings::default());
    let refusal = RefuseUpgrade {
        status: 503.try_into().unwrap(),
        retry_after: None,
    };
    script.fault(1, refusal, of("2"), true);
    let other = script.dial("3");
    assert_eq!(script.upgrade(other, "3"), Upgrade::Switch);
    let this = script.dial("2");
    assert!(matches!(script.upgrade(this, "2"), Upgrade::Refuse { .. }));
    let next = script.dial("2");
    assert_eq!(script.upgrade(next, "2"), Upgrade::Switch);
}

#[test]
fn a_fault_that_waits_for_a_dial_outlives_one_that_came_to_nothing() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.fault(1, Failure::default(), of("2"), true);
    script.dial("2");
    script.close_all();
    script.login("2", &device);
    assert_eq!(script.sent()[0], r#"2 <failure location="mock"/>"#);
}

#[test]
fn a_fault_injected_before_the_login_waits_for_it() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.secured("2", &device);
    script.fault(1, stream_error(515), Target::default(), true);
    assert_eq!(script.sent(), said(&[]));
    script.run_until(150);
    let sent = script.sent();
    assert_eq!(sent[sent.len() - 2], r#"1 <stream:error code="515"/>"#);
}

#[test]
fn a_fault_injected_where_nobody_is_touches_nobody_and_is_over() {
    let mut script = Script::new(Settings::default());
    script.fault(1, stream_error(515), Target::default(), true);
    assert_eq!(script.event_names(), ["fault_on", "fault_off"]);
    assert!(script.server.faults().is_empty());
}

#[test]
fn replies_are_late_or_missing_while_pings_of_others_are_answered() {
    let mut script = Script::new(Settings::default());
    let devices = [script.paired("2"), script.paired("3")];
    let conn = script.login("2", &devices[0]);
    let other = script.login("3", &devices[1]);
    let begin = script.now;
    script.sent();
    let late = DelayReply {
        by: Millis::from_secs(9),
        iq: Default::default(),
        nth: None,
    };
    script.fault(1, late, of("2"), false);
    script.ping(conn, "a");
    script.ping(other, "b");
    assert_eq!(
        script.sent(),
        said(&[r#"2 <iq from="s.whatsapp.net" type="result" id="b"/>"#])
    );
    script.run_until(begin + 8_999);
    assert_eq!(script.sent(), said(&[]));
    script.run_until(begin + 9_000);
    assert_eq!(
        script.sent(),
        said(&[r#"1 <iq from="s.whatsapp.net" type="result" id="a"/>"#])
    );

    script.fault(2, WithholdReply::default(), of("3"), true);
    script.ping(other, "c");
    assert_eq!(script.sent(), said(&[]));
    script.ping(other, "d");
    assert_eq!(script.sent().len(), 1, "an injected one withholds one");
}

#[test]
fn a_zombie_stays_one_as_long_as_it_lives() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    let conn = script.login("2", &device);
    script.sent();
    script.fault(1, Zombie {}, Target::default(), true);
    for id in ["1", "2", "3"] {
        script.ping(conn, id);
    }
    assert_eq!(script.sent(), said(&[]));
    let acted = script
        .event_names()
        .iter()
        .filter(|name| **name == "fault_acted")
        .count();
    assert_eq!(acted, 1, "told once");
    script.close_all();
    let conn = script.login("2", &device);
    script.sent();
    script.ping(conn, "4");
    assert_eq!(script.sent().len(), 1);
}

#[test]
fn a_backlog_comes_evenly_and_a_ping_between_is_answered_at_once() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    let conn = script.login("2", &device);
    let begin = script.now;
    script.sent();
    let backlog = Backlog {
        stanzas: 8_000.try_into().unwrap(),
        over: Millis::from_secs(30),
    };
    script.fault(1, backlog, Target::default(), true);
    script.run_until(begin + 15_000);
    let half = script.sent().len();
    assert!((3_999..=4_001).contains(&half), "{half}");
    script.ping(conn, "x");
    assert_eq!(script.sent().len(), 1);
    script.run_until(begin + 30_000);
    assert_eq!(half + script.sent().len(), 8_000);
    assert_eq!(script.event_names().last(), Some(&"fault_off"));
    assert_eq!(script.next_timer(), None);
}

#[test]
fn a_revoked_device_is_told_so_at_once_and_at_every_login() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.login("2", &device);
    script.sent();
    script.fault(1, Revoke {}, of("2"), true);
    assert_eq!(
        script.sent(),
        said(&[
            r#"1 <stream:error code="401"><conflict type="device_removed"/></stream:error>"#,
            "1 close 1000"
        ])
    );
    assert!(script.event_names().contains(&"revoked"));
    for conn in [2, 3] {
        script.close_all();
        script.login("2", &device);
        assert_eq!(
            script.sent()[0],
            format!(r#"{conn} <failure reason="401" location="mock"/>"#)
        );
    }
}

#[test]
fn a_device_revoked_while_it_is_away_finds_out_when_it_comes_back() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.fault(1, Revoke {}, of("2"), true);
    script.login("2", &device);
    assert_eq!(
        script.sent()[0],
        r#"1 <failure reason="401" location="mock"/>"#
    );
    assert_eq!(script.event_names().last(), Some(&"login_failed"));
}

#[test]
fn a_blackhole_keeps_messages_until_it_is_taken_off() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    let conn = script.login("2", &device);
    assert_eq!(script.carry(conn, Direction::ToClient), Carry::Pass);
    let fault = Blackhole {
        direction: Ways::ToClient,
        reads: true,
    };
    script.fault(1, fault, Target::default(), false);
    assert_eq!(script.carry(conn, Direction::ToClient), Carry::Hold);
    assert_eq!(script.carry(conn, Direction::ToServer), Carry::Pass);
    script.sent();
    script.fault_off(1);
    assert_eq!(script.sent(), said(&["1 resume"]));
    assert_eq!(script.carry(conn, Direction::ToClient), Carry::Pass);
}

#[test]
fn latency_is_drawn_from_seed_fault_connection_and_message_alone() {
    let draws = |order: [u64; 2]| {
        let mut script = Script::new(Settings::default());
        script.dial("2");
        script.dial("3");
        let jitter = Millis::from_secs(100);
        let fault = Latency {
            base: Millis::ZERO,
            jitter,
        };
        script.fault(1, fault, Target::default(), false);
        let mut drawn = order.map(|conn| {
            (
                conn,
                [(); 3].map(|()| script.carry(conn, Direction::ToClient)),
            )
        });
        drawn.sort_by_key(|(conn, _)| *conn);
        drawn
    };
    let [one, two] = draws([1, 2]);
    assert_eq!(draws([2, 1]), [one, two]);
    assert_ne!(one.1, two.1);
    assert_ne!(one.1[0], one.1[1]);
}

#[test]
fn the_first_fault_with_a_verdict_wins() {
    let mut script = Script::new(Settings::default());
    let conn = script.dial("2");
    let slow = |base| Latency {
        base: Millis::new(base),
        jitter: Millis::ZERO,
    };
    for (id, base) in [(1, 0), (2, 20), (3, 30)] {
        script.fault(id, slow(base), Target::default(), false);
    }
    assert_eq!(
        script.carry(conn, Direction::ToClient),
        Carry::After(Millis::new(20))
    );
}

#[test]
fn nothing_is_left_of_what_has_gone() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    let standing: [FaultSpec; 2] = [Close::default().into(), Zombie {}.into()];
    for (id, fault) in (1..).zip(standing) {
        script.fault(id, fault, Target::default(), false);
    }
    script.login("2", &device);
    script.close_all();
    script.clear_faults();
    assert_eq!(script.next_timer(), None);
    assert_eq!(script.server.connections().ids().count(), 0);
    script.stanza(1, Node::new("iq").attr("type", "get").attr("xmlns", "w:p"));
    script.sent();
    assert_eq!(script.sent(), said(&[]));
}

#[test]
fn a_connection_that_was_never_announced_is_accepted_at_its_upgrade() {
    let mut script = Script::new(Settings::default());
    let peer = Peer {
        connection: ConnectionId(7),
        account: None,
    };
    let now = script.at();
    assert_eq!(script.server.on_upgrade(now, peer), Upgrade::Switch);
    script.drain();
    assert_eq!(script.event_names(), ["accepted"]);
}

#[test]
fn the_servers_own_pings_keep_their_beat_and_their_answers_are_no_news() {
    let mut script = Script::new(Settings {
        pings: Pings {
            iq: Some(Millis::from_secs(20)),
            websocket: Some(Millis::from_secs(30)),
        },
        ..Settings::default()
    });
    let device = script.paired("2");
    let conn = script.login("2", &device);
    script.sent();
    script.run_until(150 + 40_000);
    let ping = |id| {
        format!(r#"1 <iq from="s.whatsapp.net" type="get" xmlns="urn:xmpp:ping" id="mock-{id}"/>"#)
    };
    assert_eq!(
        script.sent(),
        [ping(1), "1 ping mock-2".to_owned(), ping(3)]
    );
    let request = script.last_node();
    script.answer(conn, &request, None);
    assert_eq!(script.sent(), said(&[]));
    assert_eq!(script.event_names().last(), Some(&"login"));
    script.close_all();
    assert_eq!(script.next_timer(), None);
}

#[test]
fn a_connection_that_the_server_has_ended_is_no_target() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.login("2", &device);
    script.fault(1, stream_error(515), Target::default(), true);
    script.sent();
    script.fault(2, stream_error(503), Target::default(), true);
    assert_eq!(script.sent(), said(&[]));
    let names = script.event_names();
    assert_eq!(names[names.len() - 2..], ["fault_on", "fault_off"]);
}

#[test]
fn a_dial_whose_account_the_login_tells_is_its_accounts_next_dial() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.fault(1, Failure::default(), of("2"), true);
    script.secured_by_nobody(&device);
    script.run_until(150);
    assert_eq!(script.sent()[0], r#"1 <failure location="mock"/>"#);
}

#[test]
fn a_standing_reset_meets_each_upgrade_request() {
    let mut script = Script::new(Settings::default());
    script.fault(1, Reset {}, Target::default(), false);
    for conn in ["1 reset", "2 reset"] {
        let dialed = script.dial("2");
        assert_eq!(script.sent(), said(&[]), "the link is yet to be made");
        assert_eq!(script.upgrade(dialed, "2"), Upgrade::Stall);
        assert_eq!(script.sent(), said(&[conn]));
    }
}

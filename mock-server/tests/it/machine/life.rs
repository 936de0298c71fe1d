//! Logins, the guard, pairings, requests: what the machine does when nothing goes wrong.

use crate::script::{Script, said};
use squall_mock_server::fault::{Close, FaultSpec, RotateKey, Target, Upgrade, Zombie};
use squall_mock_server::server::{
    Guard, GuardAnswer, Phone, Pings, ScansAfter, ServerEvent, Settings, Timer, UnknownIq,
};
use squall_mock_server::{ConnectionId, Peer};
use squall_protocol::certificate::verify;
use squall_protocol::{Millis, Node};

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
    let mut upgrade_at = |hour| {
        script.run_until(Millis::from_hours(hour).get());
        let dialed = script.dial("4");
        script.upgrade(dialed, "4")
    };
    // The second and the third are within a day of the one before.
    for hour in [1, 24, 47] {
        assert!(matches!(upgrade_at(hour), Upgrade::Refuse { status, .. } if status.get() == 429));
    }
    assert_eq!(upgrade_at(71), Upgrade::Switch);
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
fn a_changed_key_is_certified_for_the_same_dates() {
    let mut script = Script::new(Settings::default());
    script.create("2");
    let chain = |script: &mut Script, connection| {
        let now = script.at();
        script.server.on_hello(now, ConnectionId(connection));
        let chain = script.server.certificate_chain(now, None);
        (chain, script.server.keys().public())
    };
    let first = script.dial("2");
    let (_, key) = chain(&mut script, first);
    let client_is_late = script.at().wall;
    script.run_until(Millis::from_hours(3).get());
    script.fault(1, RotateKey {}, Target::default(), false);
    let second = script.dial("2");
    let (chain, another) = chain(&mut script, second);
    assert_ne!(key, another);
    let root = script.server.root();
    assert_eq!(verify(&chain, &another, &root, client_is_late), Ok(()));
}

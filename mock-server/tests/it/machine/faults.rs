//! Faults: whom they touch, and what becomes of them.

use crate::machine::{of, stream_error};
use crate::script::{Script, said};
use squall_mock_server::fault::{
    Backlog, Connect, DelayReply, EndStream, Failure, RefuseConnect, RefuseUpgrade, Reset, Revoke,
    Target, Upgrade, Which, WithholdReply, Zombie,
};
use squall_mock_server::server::Settings;
use squall_protocol::Millis;

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

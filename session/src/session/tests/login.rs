//! From `<success>` to `connected`.

use super::*;

#[test]
fn a_greeting_is_answered_by_a_ping_and_two_requests_and_is_not_connected_yet() {
    let mut bench = Bench::paired().secured();
    bench.did();
    bench.stanza(1, Node::new("success"));
    assert_eq!(
        bench.did(),
        [
            r#"send 1 <iq id="1" to="s.whatsapp.net" type="get" xmlns="w:p"><ping/></iq>"#,
            r#"send 1 <iq id="2" to="s.whatsapp.net" type="set" xmlns="passive"><active/></iq>"#,
            r#"send 1 <iq id="3" to="s.whatsapp.net" type="get" xmlns="encrypt"><count/></iq>"#,
        ]
    );
    assert_eq!(bench.state(), State::Connecting);
}

#[test]
fn connected_is_said_when_all_three_are_answered_in_whatever_order() {
    for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1]] {
        let mut bench = Bench::paired().greeted();
        bench.did();
        for number in order {
            assert_eq!(bench.state(), State::Connecting);
            bench.stanza(1, result(&number.to_string()));
        }
        assert_eq!(
            bench.did(),
            ["state connected", r#"send 1 <presence type="available"/>"#]
        );
        assert!(bench.session.status().connected);
        assert_eq!(
            bench.session.status().last_connected,
            Some(bench.now().wall)
        );
    }
}

#[test]
fn a_ping_from_before_the_login_makes_nobody_connected_sooner_or_later() {
    let mut bench = Bench::paired().secured();
    // The first beat finds the login unfinished, and its ping is never answered.
    bench.until(SECURED + 25_000);
    bench.stanza(1, Node::new("success"));
    for number in [3, 4] {
        bench.stanza(1, result(&number.to_string()));
        assert_eq!(bench.state(), State::Connecting);
    }
    bench.stanza(1, result("2"));
    assert_eq!(bench.state(), State::Connected);
}

#[test]
fn a_later_ping_without_an_answer_keeps_nobody_from_being_connected() {
    let mut bench = Bench::paired().greeted();
    bench.stanza(1, result("1"));
    bench.until(SECURED + 25_000);
    for number in [2, 3] {
        assert_eq!(bench.state(), State::Connecting);
        bench.stanza(1, result(&number.to_string()));
    }
    assert_eq!(bench.state(), State::Connected);
}

#[test]
fn an_error_is_an_answer_even_a_rate_overlimit() {
    let mut bench = Bench::paired().greeted();
    for number in 1..=3 {
        let error = Node::new("error")
            .attr("code", 429)
            .attr("text", "rate-overlimit");
        let node = Node::new("iq")
            .attr("type", "error")
            .attr("id", number)
            .child(error);
        bench.stanza(1, node);
    }
    assert_eq!(bench.state(), State::Connected);
}

#[test]
fn two_of_three_answers_alert_after_a_minute_and_never_time_out() {
    for missing in 1..=3 {
        let mut bench = Bench::paired().greeted();
        for number in (1..=3).filter(|number| *number != missing) {
            bench.stanza(1, result(&number.to_string()));
        }
        bench.sent.clear();
        bench.until(SECURED + 59_999);
        let told = bench.did();
        assert!(
            !told.iter().any(|line| line.starts_with("alert")),
            "{missing}"
        );
        // Something is heard, so that silence is not what ends it.
        bench.link(1, LinkInput::Ping);
        bench.until(SECURED + 60_000);
        assert_eq!(bench.did(), ["alert not_ready"], "{missing}");
        assert_eq!(bench.state(), State::Connecting);
        if missing != 1 {
            bench.healthy_until(SECURED + 86_400_000);
            assert_eq!(bench.state(), State::Connecting);
            assert_eq!(bench.ends, []);
            assert!(!bench.did().contains(&"alert not_ready".to_owned()));
        }
    }
}

#[test]
fn a_foreign_id_is_no_answer() {
    let mut bench = Bench::paired().greeted();
    for id in ["01", "1x", "4", "", "-1"] {
        bench.stanza(1, result(id));
    }
    for number in 2..=3 {
        bench.stanza(1, result(&number.to_string()));
    }
    assert_eq!(bench.state(), State::Connecting);
}

#[test]
fn the_lid_of_the_greeting_is_stored() {
    let mut bench = Bench::paired().secured();
    bench.did();
    bench.stanza(1, Node::new("success").attr("lid", "777:1@lid"));
    assert_eq!(bench.did()[0], "device 15550100:1@s.whatsapp.net");
    assert_eq!(bench.session.device().lid.as_deref(), Some("777:1@lid"));
}

#[test]
fn a_login_that_registers_is_not_greeted() {
    let mut bench = Bench::unpaired().secured();
    bench.did();
    bench.stanza(1, Node::new("success"));
    assert_eq!(bench.did(), [""; 0]);
}

#[test]
fn a_backlog_neither_moves_a_ping_nor_ends_anything() {
    let mut bench = Bench::paired().connected();
    let mut beats = Vec::new();
    for n in 0..8_000u64 {
        bench.until(SECURED + n * 30_000 / 8_000);
        bench.stanza(1, Node::new("message").attr("offline", n));
        for node in std::mem::take(&mut bench.sent) {
            beats.push((bench.at - SECURED, is_ping(&node)));
        }
    }
    // The wake-up at 25 s falls between two stanzas, 3.75 ms apart.
    assert_eq!(beats.len(), 1, "{beats:?}");
    assert!(
        beats[0].1 && (25_000..25_004).contains(&beats[0].0),
        "{beats:?}"
    );
    assert_eq!(bench.state(), State::Connected);
}

//! Answers that refuse or answer something else, and what comes unasked.

use crate::machine::of;
use crate::script::{Script, said};
use squall_mock_server::fault::{
    PingFlood, Replies, ReplyError, Target, Undecryptable, UnsolicitedPong, WrongReplyId,
};
use squall_mock_server::server::Settings;
use squall_protocol::Millis;

fn acted(script: &Script) -> usize {
    let names = script.event_names();
    names.iter().filter(|name| **name == "fault_acted").count()
}

#[test]
fn pings_are_refused_or_answered_under_another_id_and_then_answered_again() {
    let mut script = Script::new(Settings::default());
    let devices = [script.paired("2"), script.paired("3")];
    let conn = script.login("2", &devices[0]);
    let other = script.login("3", &devices[1]);
    script.sent();
    let refused = ReplyError {
        code: 429.into(),
        text: None,
        iq: Replies::Ping,
        nth: None,
    };
    script.fault(1, refused, of("2"), false);
    script.fault(2, WrongReplyId::default(), of("3"), true);
    for (conn, id) in [(conn, "1"), (other, "2"), (other, "3")] {
        script.ping(conn, id);
    }
    assert_eq!(
        script.sent(),
        said(&[
            r#"1 <iq type="error" from="s.whatsapp.net" id="1"><error code="429"/></iq>"#,
            r#"2 <iq from="s.whatsapp.net" type="result" id="2999999999"/>"#,
            r#"2 <iq from="s.whatsapp.net" type="result" id="3"/>"#,
        ])
    );
    script.fault_off(1);
    script.ping(conn, "4");
    assert_eq!(
        script.sent(),
        said(&[r#"1 <iq from="s.whatsapp.net" type="result" id="4"/>"#])
    );
}

#[test]
fn a_flood_of_pings_comes_evenly_is_told_once_and_ends() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.login("2", &device);
    let begin = script.now;
    script.sent();
    let flood = PingFlood {
        pings: 1_001.try_into().unwrap(),
        over: Millis::from_secs(10),
    };
    script.fault(1, flood, Target::default(), true);
    assert_eq!(script.sent(), said(&["1 ping flood-0"]));
    script.run_until(begin + 5_000);
    assert_eq!(script.sent().len(), 500);
    script.run_until(begin + 60_000);
    assert_eq!(script.sent().len(), 500);
    assert_eq!(acted(&script), 1);
    assert_eq!(script.event_names().last(), Some(&"fault_off"));
}

#[test]
fn nothing_is_sent_where_no_web_socket_is_open_yet_or_any_more() {
    let mut script = Script::new(Settings::default());
    let pongs: UnsolicitedPong = serde_json::from_str(r#"{"pongs":3,"over":"2s"}"#).unwrap();
    script.fault(1, pongs, Target::default(), false);
    script.dial("2");
    assert_eq!(script.sent(), said(&[]));
    let device = script.paired("2");
    script.login("2", &device);
    assert_eq!(script.sent()[0], "2 pong nobody asked");
    script.fault(2, super::stream_error(503), Target::default(), true);
    script.sent();
    script.run_until(script.now + 5_000);
    assert_eq!(script.sent(), said(&[]));
}

#[test]
fn undecryptable_messages_come_at_their_rate_until_the_fault_is_taken_off() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    script.login("2", &device);
    let begin = script.now;
    script.sent();
    let rate = 25.try_into().unwrap();
    script.fault(1, Undecryptable { rate }, of("2"), false);
    script.run_until(begin + 9_999);
    assert_eq!(script.sent().len(), 250);
    script.fault_off(1);
    script.run_until(begin + 60_000);
    assert_eq!(script.sent(), said(&[]));
    assert_eq!((acted(&script), script.next_timer()), (1, None));
}

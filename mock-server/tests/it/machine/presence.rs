//! Who is there, and who is writing.

use super::{hidden, user};
use crate::script::Script;
use squall_mock_server::server::Settings;
use squall_protocol::Node;
use squall_protocol::pairing::Device;

fn two() -> (Script, [Device; 2], [u64; 2]) {
    let mut script = Script::new(Settings::default());
    let devices = ["Ann", "Ben"].map(|name| script.pair(Some(name)));
    let conns = [0, 1].map(|index| script.come(&devices[index]));
    for conn in conns {
        script.heard(conn);
    }
    (script, devices, conns)
}

/// What a connection heard, as one text.
fn heard(script: &mut Script, conn: u64) -> String {
    let heard = script.heard(conn);
    heard.iter().map(ToString::to_string).collect()
}

fn presence(kind: &str) -> Node {
    Node::new("presence").attr("type", kind)
}

#[test]
fn a_subscriber_hears_how_things_stand_and_each_change() {
    let (mut script, [ann, ben], [anns, bens]) = two();
    script.stanza(bens, presence("subscribe").attr("to", user(&ann)));
    let gone = format!(r#"<presence from="{}" type="unavailable"/>"#, user(&ann));
    assert_eq!(heard(&mut script, bens), gone);
    let here = format!(r#"<presence from="{}"/>"#, user(&ann));
    for _ in 0..2 {
        script.stanza(anns, presence("available").attr("name", "Annabel"));
        assert_eq!(heard(&mut script, bens), here, "also if unchanged");
    }
    script.close(anns);
    let seconds = script.at().wall.as_second();
    let last = format!(
        r#"<presence from="{}" type="unavailable" last="{seconds}"/>"#,
        user(&ann)
    );
    assert_eq!(heard(&mut script, bens), last);

    // Who has unsubscribed hears no more, and neither does a connection that is no more.
    let anns = script.come(&ann);
    script.stanza(bens, presence("unsubscribe").attr("to", hidden(&ann)));
    script.heard(bens);
    script.stanza(anns, presence("available"));
    assert_eq!(heard(&mut script, bens), "");
    script.stanza(bens, presence("subscribe").attr("to", hidden(&ann)));
    assert_eq!(heard(&mut script, bens), here);
    script.close(bens);
    script.stanza(anns, presence("unavailable"));
    assert_eq!(script.heard(bens), []);
    script.come(&ben);
}

#[test]
fn an_account_is_there_as_long_as_one_of_its_devices_is() {
    let (mut script, [ann, _], [anns, bens]) = two();
    let second = script.pair(Some("Ann"));
    let seconds = script.come(&second);
    script.stanza(bens, presence("subscribe").attr("to", user(&ann)));
    for conn in [anns, seconds] {
        script.stanza(conn, presence("available"));
    }
    script.heard(bens);
    script.close(anns);
    let here = format!(r#"<presence from="{}"/>"#, user(&ann));
    assert_eq!(heard(&mut script, bens), here);
    script.stanza(seconds, presence("unavailable"));
    assert!(script.heard(bens)[0].is("presence", &[("type", "unavailable")]));
}

fn writing(to: &str) -> Node {
    Node::new("chatstate")
        .attr("to", to)
        .child(Node::new("composing"))
}

#[test]
fn that_somebody_writes_is_told_in_the_numbers_that_it_writes_to() {
    let (mut script, [ann, ben], [anns, bens]) = two();
    for (to, from) in [(user(&ben), user(&ann)), (hidden(&ben), hidden(&ann))] {
        script.stanza(anns, writing(&to));
        let told = format!(r#"<chatstate from="{from}"><composing/></chatstate>"#);
        assert_eq!(heard(&mut script, bens), told);
    }
}

#[test]
fn that_somebody_writes_reaches_who_comes_back_soon_and_is_not_counted() {
    for (away, told) in [(2_800, 1), (3_000, 0)] {
        let (mut script, [_, ben], [anns, bens]) = two();
        script.close(bens);
        script.stanza(anns, writing(&user(&ben)));
        script.run_until(script.now + away - 150);
        let conn = script.come(&ben);
        let heard = script.heard(conn);
        assert_eq!(
            heard[1].find("offline_preview").unwrap().get("count"),
            Some("0")
        );
        let writing = heard.iter().filter(|node| node.tag == "chatstate");
        assert_eq!(writing.count(), told, "{away}");
    }
}

//! What is told of users.

use super::{hidden, user};
use crate::script::Script;
use squall_mock_server::server::Settings;
use squall_protocol::Node;

fn query(protocols: &[&str], users: Vec<Node>) -> Node {
    let protocols = protocols
        .iter()
        .fold(Node::new("query"), |query, protocol| {
            query.child(Node::new(*protocol))
        });
    let list = users.into_iter().fold(Node::new("list"), Node::child);
    Node::new("usync")
        .attr("sid", "s1")
        .attr("mode", "query")
        .attr("last", "true")
        .attr("index", "0")
        .attr("context", "message")
        .child(protocols)
        .child(list)
}

fn named(jid: &str) -> Node {
    Node::new("user").attr("jid", jid)
}

#[test]
fn devices_are_told_with_their_places_and_the_phones_word_for_them() {
    let mut script = Script::new(Settings::default());
    let [ann, _, ben] = ["Ann", "Ann", "Ben"].map(|name| script.pair(Some(name)));
    let conn = script.come(&ben);
    let asked = query(
        &["devices", "lid"],
        vec![named(&user(&ann)), named(&hidden(&ann))],
    );
    let answer = script.ask(conn, "get", "usync", asked.clone());
    let usync = answer.find("usync").unwrap();
    assert_eq!(usync.attrs, asked.attrs);
    assert_eq!(
        usync.find("result").unwrap().to_string(),
        "<result><devices/><lid/></result>"
    );
    let [by_phone, by_lid] = usync.find("list").unwrap().children() else {
        panic!("{usync}")
    };
    assert!(by_phone.is("user", &[("jid", &user(&ann)), ("pn_jid", &user(&ann))]));
    assert_eq!(
        by_phone.find("lid").unwrap().get("val"),
        Some(hidden(&ann).as_str())
    );
    assert!(by_lid.is("user", &[("jid", &hidden(&ann)), ("pn_jid", &user(&ann))]));
    assert_eq!(
        by_lid.find("lid"),
        None,
        "it would be taken for the phone number's"
    );
    let devices = by_phone.find("devices").unwrap();
    assert_eq!(
        devices.find("device-list").unwrap().to_string(),
        r#"<device-list><device id="0"/><device id="1" key-index="1"/><device id="2" key-index="2"/></device-list>"#
    );
    assert_eq!(
        by_lid.find("devices"),
        Some(devices),
        "one list has one signature"
    );
    let signed = devices.find("key-index-list").unwrap();
    assert!(signed.get("ts").is_some_and(|ts| ts.parse::<u64>().is_ok()));
    assert!(signed.content_bytes().unwrap().len() > 64);
}

#[test]
fn who_is_here_is_told_by_number_and_who_is_not_too() {
    let mut script = Script::new(Settings::default());
    let ann = script.pair(Some("Ann"));
    let conn = script.come(&ann);
    let contact =
        |number: &str| Node::new("user").child(Node::new("contact").bytes(number.as_bytes()));
    let number = format!("+{}", user(&ann).trim_end_matches("@s.whatsapp.net"));
    let asked = query(
        &["contact", "status", "disappearing_mode"],
        vec![contact(&number), contact("+12025550100"), contact("Ann")],
    );
    let answer = script.ask(conn, "get", "usync", asked);
    let list = answer.find("usync").unwrap().find("list").unwrap();
    assert_eq!(
        list.to_string(),
        format!(
            r#"<list><user jid="{0}" pn_jid="{0}"><contact type="in">{number}</contact><status t="0"/><disappearing_mode duration="0" t="0"/></user><user jid="12025550100@s.whatsapp.net"><contact type="out">+12025550100</contact></user></list>"#,
            user(&ann)
        )
    );
}

#[test]
fn the_signed_list_is_another_once_a_device_has_come() {
    let mut script = Script::new(Settings::default());
    let ann = script.paired("Ann");
    let ben = script.pair(Some("Ben"));
    let conn = script.come(&ben);
    let mut lists = Vec::new();
    for _ in 0..2 {
        let asked = query(&["devices"], vec![named(&user(&ann))]);
        let answer = script.ask(conn, "get", "usync", asked);
        let list = answer.find("usync").unwrap().find("list").unwrap();
        let devices = list.children()[0].find("devices").unwrap().clone();
        lists.push(devices);
        script.run_until(script.now + 2_000);
        script.paired("Ann");
    }
    let signed = [0, 1].map(|nth: usize| lists[nth].find("key-index-list").unwrap());
    assert!(signed[0].get("ts") < signed[1].get("ts"));
    assert_ne!(signed[0].content, signed[1].content);
    assert_eq!(lists[1].find("device-list").unwrap().children().len(), 3);
}

//! Pre-keys: handed in, counted, compared, changed, handed out once each.

use super::{hidden, user};
use crate::script::Script;
use squall_mock_server::server::Settings;
use squall_protocol::Node;
use squall_protocol::pairing::Device;

/// A script with two clients that are logged in, and their connections.
fn two() -> (Script, [Device; 2], [u64; 2]) {
    let mut script = Script::new(Settings::default());
    let devices = ["Ann", "Ben"].map(|name| script.pair(Some(name)));
    let conns = [0, 1].map(|index| script.come(&devices[index]));
    (script, devices, conns)
}

fn with(tag: &str, bytes: impl Into<Vec<u8>>) -> Node {
    Node::new(tag).bytes(bytes)
}

fn signed(id: u8, value: u8) -> Node {
    Node::new("skey")
        .child(with("id", [0, 0, id]))
        .child(with("value", [value; 32]))
        .child(with("signature", [value; 64]))
}

fn key(id: u16) -> Node {
    let [a, b] = id.to_be_bytes();
    Node::new("key")
        .child(with("id", [0, a, b]))
        .child(with("value", [b; 32]))
}

/// Hands in keys with these numbers.
fn upload(script: &mut Script, conn: u64, ids: std::ops::Range<u16>) -> Node {
    let list = ids.fold(Node::new("list"), |list, id| list.child(key(id)));
    let request = Node::new("iq")
        .attr("type", "set")
        .attr("xmlns", "encrypt")
        .attr("id", "upload")
        .child(with("registration", [0, 0, 0, 9]))
        .child(with("type", [5]))
        .child(with("identity", [1; 32]))
        .child(list)
        .child(signed(7, 2));
    script.heard(conn);
    script.stanza(conn, request);
    script.heard(conn).remove(0)
}

fn count(script: &mut Script, conn: u64) -> String {
    let answer = script.ask(conn, "get", "encrypt", Node::new("count"));
    answer
        .find("count")
        .unwrap()
        .get("value")
        .unwrap()
        .to_owned()
}

/// The bundle under this name.
fn fetch(script: &mut Script, conn: u64, jid: &str) -> Node {
    let asked = Node::new("key").child(Node::new("user").attr("jid", jid));
    let answer = script.ask(conn, "get", "encrypt", asked);
    let user = answer.find("list").unwrap().children()[0].clone();
    assert_eq!(user.get("jid"), Some(jid), "the name that was asked for");
    user
}

#[test]
fn keys_are_counted_and_handed_out_once_each() {
    let (mut script, [_, ben], [anns, bens]) = two();
    assert_eq!(count(&mut script, bens), "0");
    assert_eq!(upload(&mut script, bens, 1..4).get("type"), Some("result"));
    assert_eq!(count(&mut script, bens), "3");
    let names = [ben.jid.unwrap(), ben.lid.unwrap()];
    for (nth, jid, left) in [(1, 0, "2"), (2, 1, "1"), (3, 0, "0")] {
        let bundle = fetch(&mut script, anns, &names[jid]);
        assert_eq!(bundle.children()[3], key(nth));
        assert_eq!(count(&mut script, bens), left);
    }
    let tags: Vec<_> = fetch(&mut script, anns, &names[0])
        .children()
        .iter()
        .map(|part| part.tag.to_string())
        .collect();
    assert_eq!(tags, ["registration", "type", "identity", "skey"]);
}

#[test]
fn a_device_can_be_written_to_before_it_has_handed_in_anything() {
    let (mut script, [_, ben], [anns, _]) = two();
    let bundle = fetch(&mut script, anns, ben.jid.as_deref().unwrap());
    let part = |tag| bundle.find(tag).and_then(Node::content_bytes).unwrap();
    assert_eq!(part("identity"), ben.identity.public());
    assert_eq!(part("registration"), ben.registration_id.to_be_bytes());
    let signed = bundle.find("skey").unwrap();
    let part = |tag| signed.find(tag).and_then(Node::content_bytes).unwrap();
    assert_eq!(part("value"), ben.signed_pre_key.public());
    assert_eq!(part("signature"), ben.signed_pre_key_signature);
}

#[test]
fn the_phone_has_a_bundle_too_and_its_pre_key_is_signed() {
    use squall_protocol::keys::typed;
    let (mut script, [_, ben], [anns, _]) = two();
    let bundle = fetch(&mut script, anns, &user(&ben));
    assert_eq!(
        fetch(&mut script, anns, &hidden(&ben)).children(),
        bundle.children()
    );
    let bytes = |node: &Node| node.content_bytes().unwrap().to_vec();
    let identity = bytes(bundle.find("identity").unwrap()).try_into().unwrap();
    let signed = bundle.find("skey").unwrap();
    let value = bytes(signed.find("value").unwrap()).try_into().unwrap();
    let signature = bytes(signed.find("signature").unwrap());
    assert!(squall_protocol::xeddsa::verify(
        &identity,
        &typed(&value),
        &signature
    ));
}

#[test]
fn nobodys_keys_are_not_found() {
    let (mut script, [_, ben], [anns, _]) = two();
    for jid in [
        "999999999999:1@s.whatsapp.net",
        &user(&ben).replace('@', ":9@"),
        "x",
    ] {
        let user = fetch(&mut script, anns, jid);
        assert_eq!(
            user.to_string(),
            format!(r#"<user jid="{jid}"><error code="404" text="item-not-found"/></user>"#)
        );
    }
}

/// The hash comes from a second implementation, in another language.
#[test]
fn the_digest_is_of_what_was_handed_in() {
    let (mut script, _, [anns, _]) = two();
    let none = script.ask(anns, "get", "encrypt", Node::new("digest"));
    assert_eq!(none.find("error").unwrap().get("code"), Some("404"));
    upload(&mut script, anns, 1..3);
    let answer = script.ask(anns, "get", "encrypt", Node::new("digest"));
    let digest = answer.find("digest").unwrap();
    let tags: Vec<_> = digest.children().iter().map(|it| it.tag.as_str()).collect();
    assert_eq!(
        tags,
        ["registration", "type", "identity", "skey", "list", "hash"]
    );
    let list = digest.find("list").unwrap().children();
    assert_eq!(list, [with("id", [0, 0, 1]), with("id", [0, 0, 2])]);
    let hash = digest.find("hash").unwrap().content_bytes().unwrap();
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "ba48eebfc1374325f12c9fae544d5adad29447fb");
}

#[test]
fn a_changed_pre_key_is_handed_out_in_place_of_the_first() {
    let (mut script, [_, ben], [anns, bens]) = two();
    let rotate = Node::new("rotate").child(signed(8, 3));
    let answer = script.ask(bens, "set", "encrypt", rotate);
    assert_eq!(
        answer.to_string(),
        r#"<iq from="s.whatsapp.net" type="result" id="ask"/>"#
    );
    let bundle = fetch(&mut script, anns, ben.jid.as_deref().unwrap());
    assert_eq!(bundle.find("skey"), Some(&signed(8, 3)));
}

#[test]
fn more_keys_than_anybody_needs_and_keys_that_are_none_are_refused() {
    let (mut script, _, [anns, _]) = two();
    assert_eq!(
        upload(&mut script, anns, 0..4096).get("type"),
        Some("result")
    );
    let refused = upload(&mut script, anns, 4096..4097);
    assert_eq!(refused.find("error").unwrap().get("code"), Some("406"));
    assert_eq!(count(&mut script, anns), "4096");
    let malformed = script.ask(anns, "set", "encrypt", Node::new("list"));
    assert_eq!(malformed.find("error").unwrap().get("code"), Some("400"));
}

#[test]
fn a_device_with_few_keys_left_is_asked_for_more_once() {
    let (mut script, [_, ben], [anns, bens]) = two();
    upload(&mut script, bens, 0..12);
    let mut asked = Vec::new();
    for _ in 0..5 {
        fetch(&mut script, anns, ben.jid.as_deref().unwrap());
        asked.extend(script.heard(bens));
    }
    assert_eq!(asked.len(), 1);
    assert!(asked[0].is("notification", &[("type", "encrypt")]));
    assert_eq!(asked[0].find("count").unwrap().get("value"), Some("10"));
}

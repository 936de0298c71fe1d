//! What the phone writes after a first login, and the settings that an account's devices share.

use super::user;
use crate::script::Script;
use squall_mock_server::server::{Messaging, Settings};
use squall_protocol::Node;

fn script(phone_writes: bool) -> Script {
    Script::new(Settings {
        messaging: Messaging {
            phone_writes,
            ..Messaging::default()
        },
        guard: None,
        ..Settings::default()
    })
}

fn tags(nodes: &[Node]) -> Vec<&str> {
    nodes.iter().map(|node| node.tag.as_str()).collect()
}

#[test]
fn the_phone_writes_twice_after_the_first_login_and_until_it_is_heard() {
    let mut script = script(true);
    let device = script.pair(Some("Ann"));
    let conn = script.come(&device);
    let heard = script.heard(conn);
    assert_eq!(tags(&heard), ["success", "ib", "ib", "message", "message"]);
    assert_eq!(heard[2].children()[0].get("count"), Some("0"));
    for message in &heard[3..] {
        assert!(message.is("message", &[("from", &user(&device)), ("category", "peer")]));
        assert_eq!(message.get("offline"), None);
        let sealed = message.find("enc").unwrap();
        assert!(sealed.is("enc", &[("v", "2"), ("type", "pkmsg")]));
    }
    assert_ne!(heard[3].get("id"), heard[4].get("id"));

    // The first is heard; the second comes again, behind what waited for the device.
    let receipt = Node::new("receipt").attr("to", user(&device));
    let id = heard[3].get("id").unwrap();
    script.stanza(conn, receipt.attr("id", id).attr("type", "peer_msg"));
    script.close(conn);
    let conn = script.come(&device);
    let again = script.heard(conn);
    assert_eq!(again[3..], heard[4..]);
}

#[test]
fn each_device_is_written_to_with_keys_of_its_own() {
    let mut script = script(true);
    let sealed = [(); 2].map(|()| {
        let device = script.pair(Some("Ann"));
        let conn = script.come(&device);
        let heard = script.heard(conn);
        heard[3]
            .find("enc")
            .unwrap()
            .content_bytes()
            .unwrap()
            .to_vec()
    });
    assert_ne!(sealed[0], sealed[1]);
    // Version, then the key that began the session.
    assert_eq!(sealed[0][..4], [0x33, 0x12, 33, 5]);
    assert_ne!(sealed[0][4..37], sealed[1][4..37]);
}

#[test]
fn a_phone_that_does_not_write_does_not_and_one_that_wrote_long_ago_is_done() {
    let mut silent = script(false);
    let device = silent.pair(Some("Ann"));
    let conn = silent.come(&device);
    assert_eq!(tags(&silent.heard(conn)), ["success", "ib", "ib"]);

    let mut script = script(true);
    let device = script.paired("Ann");
    let conn = script.come(&device);
    assert_eq!(tags(&script.heard(conn)), ["success", "ib", "ib"]);
}

/// A request about one collection; what is answered about it.
fn sync(script: &mut Script, conn: u64, name: &str, version: u64, patch: Option<&[u8]>) -> Node {
    let collection = Node::new("collection")
        .attr("name", name)
        .attr("version", version);
    let patch = patch.map(|patch| Node::new("patch").bytes(patch));
    let collection = patch.into_iter().fold(collection, Node::child);
    let asked = Node::new("sync").child(collection);
    let answer = script.ask(conn, "set", "w:sync:app:state", asked);
    answer.find("sync").unwrap().children()[0].clone()
}

fn patches(collection: &Node) -> Vec<&[u8]> {
    let patches = collection.find("patches").map(Node::children);
    let patches = patches.unwrap_or_default().iter();
    patches
        .map(|patch| patch.content_bytes().unwrap())
        .collect()
}

fn is(collection: &Node, version: &str, kind: &str) -> bool {
    collection.is("collection", &[("version", version), ("type", kind)])
}

#[test]
fn what_the_phone_has_set_is_there_from_the_first_and_the_rest_is_empty() {
    let mut script = script(true);
    let device = script.pair(Some("Ann"));
    let conn = script.come(&device);
    for name in ["critical_block", "regular_high"] {
        let answer = sync(&mut script, conn, name, 0, None);
        assert!(is(&answer, "1", "result"), "{answer}");
        assert_eq!(patches(&answer).len(), 1);
        assert_eq!(patches(&answer)[0][..4], [0x0a, 2, 8, 1], "version 1");
        let nothing_new = sync(&mut script, conn, name, 1, None);
        assert_eq!(patches(&nothing_new).len(), 0);
    }
    for name in ["critical_unblock_low", "regular_low", "regular"] {
        assert!(is(&sync(&mut script, conn, name, 0, None), "0", "result"));
    }
    let unknown = sync(&mut script, conn, "other", 0, None);
    assert_eq!(unknown.find("error").unwrap().get("code"), Some("404"));
}

#[test]
fn nothing_is_set_that_nobody_could_read() {
    let mut script = script(false);
    let device = script.pair(Some("Ann"));
    let conn = script.come(&device);
    assert!(is(
        &sync(&mut script, conn, "critical_block", 0, None),
        "0",
        "result"
    ));
}

#[test]
fn a_patch_is_kept_told_to_the_other_devices_and_read_by_them_with_its_number() {
    let mut script = script(true);
    let devices = [(); 2].map(|()| script.pair(Some("Ann")));
    let conns = [0, 1].map(|index| script.come(&devices[index]));
    script.heard(conns[1]);
    let written = sync(&mut script, conns[0], "regular", 0, Some(b"patch"));
    assert_eq!(
        written.to_string(),
        r#"<collection name="regular" version="1" type="result"/>"#
    );
    let told = script.heard(conns[1]);
    assert!(told[0].is(
        "notification",
        &[("from", "s.whatsapp.net"), ("type", "server_sync")]
    ));
    assert_eq!(
        told[0].children()[0].to_string(),
        r#"<collection name="regular" version="1"/>"#
    );
    let read = sync(&mut script, conns[1], "regular", 0, None);
    assert_eq!(patches(&read), [b"\x0a\x02\x08\x01patch"]);

    // Who writes upon an older version is told what it has missed, and nothing is kept of it.
    let late = sync(&mut script, conns[1], "regular", 0, Some(b"other"));
    assert!(is(&late, "1", "error"), "{late}");
    assert_eq!(late.find("error").unwrap().get("code"), Some("409"));
    assert_eq!(patches(&late).len(), 1);
    assert!(is(
        &sync(&mut script, conns[1], "regular", 1, None),
        "1",
        "result"
    ));
}

#[test]
fn more_settings_than_anybody_has_are_refused() {
    let mut script = script(true);
    let device = script.pair(Some("Ann"));
    let conn = script.come(&device);
    let half = vec![0; 3 << 20];
    assert!(is(
        &sync(&mut script, conn, "regular", 0, Some(&half)),
        "1",
        "result"
    ));
    let refused = sync(&mut script, conn, "regular_low", 0, Some(&half));
    assert_eq!(refused.find("error").unwrap().get("code"), Some("406"));
    assert!(is(&refused, "0", "error"));
}

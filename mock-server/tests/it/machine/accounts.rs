//! Whose account a device that registers comes to, and who is told of it.

use super::{hidden, user};
use crate::script::Script;
use squall_mock_server::server::{Messaging, Settings};
use squall_protocol::Node;

#[test]
fn devices_of_one_push_name_are_devices_of_one_number() {
    let mut script = Script::new(Settings::default());
    let [one, two, other] = ["Ann", "Ann", "Ben"].map(|name| script.pair(Some(name)));
    assert_eq!(user(&one), user(&two));
    assert_eq!(one.jid.unwrap(), user(&two).replace('@', ":1@"));
    assert_eq!(two.lid.clone().unwrap(), hidden(&two).replace('@', ":2@"));
    assert_ne!(user(&other), user(&two));
}

#[test]
fn a_device_without_a_name_gets_a_number_of_its_own() {
    let mut script = Script::new(super::quiet());
    let [one, two] = [None, None].map(|name| script.pair(name));
    assert_ne!(user(&one), user(&two));
    let conn = script.come(&two);
    assert_eq!(
        script.heard(conn).pop().unwrap().to_string(),
        r#"<ib from="s.whatsapp.net"><offline count="0"/></ib>"#
    );
}

#[test]
fn the_first_companion_may_stand_in_the_phones_place() {
    let mut script = Script::new(Settings {
        messaging: Messaging {
            first_companion: 0,
            ..Messaging::default()
        },
        ..Settings::default()
    });
    let [one, two] = ["Ann", "Ann"].map(|name| script.pair(Some(name)));
    assert_eq!(one.jid.as_deref(), Some(user(&two).as_str()));
    assert_eq!(two.jid.unwrap(), user(&one).replace('@', ":1@"));
}

/// The `<add>` or `<remove>` of a devices notification.
fn change(node: &Node) -> Option<&Node> {
    node.is("notification", &[("type", "devices")])
        .then(|| &node.children()[0])
}

#[test]
fn who_keeps_a_list_of_devices_is_told_when_it_changes_and_nobody_else() {
    let mut script = Script::new(Settings {
        guard: None,
        ..Settings::default()
    });
    let [ann, ben, eve] = ["Ann", "Ben", "Eve"].map(|name| script.pair(Some(name)));
    let [anns, bens, eves] = [&ann, &ben, &eve].map(|device| script.come(device));
    let asked = Node::new("usync")
        .child(Node::new("query").child(Node::new("devices").attr("version", "2")))
        .child(Node::new("list").child(Node::new("user").attr("jid", user(&ann))));
    script.ask(bens, "get", "usync", asked);
    for conn in [anns, eves] {
        script.heard(conn);
    }
    let second = script.pair(Some("Ann"));
    assert!(script.heard(eves).is_empty());
    for conn in [anns, bens] {
        let heard = script.heard(conn);
        let added = change(&heard[0]).unwrap();
        assert!(added.is("add", &[("jid", &user(&ann)), ("lid", &hidden(&ann))]));
        let device = added.find("device").unwrap();
        assert!(device.is(
            "device",
            &[("jid", second.jid.as_deref().unwrap()), ("key-index", "2")]
        ));
        assert!(
            added
                .find("key-index-list")
                .unwrap()
                .content_bytes()
                .unwrap()
                .len()
                > 64
        );
    }

    let conn = script.come(&second);
    let removed = squall_mock_server::fault::Revoke {};
    script.fault(1, removed, super::of("Ann"), true);
    let heard = script.heard(bens);
    assert!(
        heard
            .iter()
            .any(|node| change(node).is_some_and(|it| it.tag == "remove"))
    );
    script.close(conn);
}

#[test]
fn a_client_that_logs_out_is_no_device_any_more_and_cannot_remove_another() {
    let mut script = Script::new(super::quiet());
    let [ann, ben] = ["Ann", "Ben"].map(|name| script.pair(Some(name)));
    let conn = script.come(&ann);
    let leave = |jid: &str| {
        Node::new("remove-companion-device")
            .attr("jid", jid)
            .attr("reason", "user_initiated")
    };
    let refused = script.ask(conn, "set", "md", leave(ben.jid.as_deref().unwrap()));
    assert_eq!(refused.find("error").unwrap().get("code"), Some("403"));
    script.heard(conn);
    let request = Node::new("iq")
        .attr("type", "set")
        .attr("xmlns", "md")
        .attr("id", "1")
        .child(leave(ann.jid.as_deref().unwrap()));
    script.stanza(conn, request);
    let heard = script.heard(conn);
    assert!(heard[0].is("iq", &[("type", "result")]));
    assert_eq!(
        heard[1].to_string(),
        r#"<stream:error code="401"><conflict type="device_removed"/></stream:error>"#
    );
    script.close(conn);
    let conn = script.come(&ann);
    assert!(script.heard(conn)[0].is("failure", &[("reason", "401")]));
}

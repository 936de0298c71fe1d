//! Messages and receipts: to whom they go, as whose they come, and what waits for whoever is away.

use super::{hidden, user};
use crate::script::Script;
use squall_mock_server::fault::{DelayReply, Replies, ReplyError, Target, WithholdReply};
use squall_protocol::pairing::Device;
use squall_protocol::{Millis, Node};

/// Two devices of Ann's and one of Ben's, all logged in.
struct Scene {
    script: Script,
    devices: [Device; 3],
    conns: [u64; 3],
}

const ANN: usize = 0;
const ANN2: usize = 1;
const BEN: usize = 2;

impl Scene {
    fn new() -> Self {
        let mut script = Script::new(super::quiet());
        let devices = ["Ann", "Ann", "Ben"].map(|name| script.pair(Some(name)));
        let conns = [ANN, ANN2, BEN].map(|index| script.come(&devices[index]));
        let mut scene = Self {
            script,
            devices,
            conns,
        };
        for who in [ANN, ANN2, BEN] {
            scene.heard(who);
        }
        scene
    }

    fn heard(&mut self, who: usize) -> Vec<Node> {
        self.script.heard(self.conns[who])
    }

    fn texts(&mut self, who: usize) -> Vec<String> {
        self.heard(who).iter().map(ToString::to_string).collect()
    }

    fn says(&mut self, who: usize, node: Node) {
        self.script.stanza(self.conns[who], node);
    }

    fn jid(&self, who: usize) -> String {
        self.devices[who].jid.clone().unwrap()
    }

    fn lid(&self, who: usize) -> String {
        self.devices[who].lid.clone().unwrap()
    }

    fn user(&self, who: usize) -> String {
        user(&self.devices[who])
    }

    fn hidden(&self, who: usize) -> String {
        hidden(&self.devices[who])
    }

    fn leaves(&mut self, who: usize) {
        self.script.close(self.conns[who]);
    }

    /// What a device hears as it comes back.
    fn returns(&mut self, who: usize) -> Vec<Node> {
        self.conns[who] = self.script.come(&self.devices[who]);
        self.heard(who)
    }
}

fn sealed(text: &str) -> Node {
    Node::new("enc")
        .attr("v", "2")
        .attr("type", "pkmsg")
        .bytes(text.as_bytes())
}

fn message(id: &str, to: &str, devices: &[&str]) -> Node {
    let participants = devices.iter().fold(Node::new("participants"), |list, jid| {
        list.child(Node::new("to").attr("jid", jid).child(sealed(jid)))
    });
    Node::new("message")
        .attr("to", to)
        .attr("id", id)
        .attr("type", "text")
        .child(participants)
}

/// The attributes of a message, without its time.
fn attrs(node: &Node) -> Vec<(&str, &str)> {
    let attrs = node.attrs.iter().filter(|(name, _)| name != "t");
    attrs.map(|(name, value)| (&**name, &**value)).collect()
}

#[test]
fn a_message_comes_to_each_device_as_its_senders_and_is_acknowledged() {
    let mut scene = Scene::new();
    let identity = Node::new("device-identity").bytes(*b"signed");
    let token = Node::new("tctoken").bytes(*b"token");
    let (to, own) = (scene.user(BEN), scene.jid(ANN2));
    let text = message("1", &to, &[&scene.jid(BEN), &own, &scene.jid(ANN), &to])
        .child(identity.clone())
        .child(token);
    scene.says(ANN, text);
    let seconds = scene.script.at().wall.as_second();
    assert_eq!(
        scene.texts(ANN),
        [format!(
            r#"<ack class="message" id="1" from="{to}" t="{seconds}"/>"#
        )]
    );
    let heard = scene.heard(BEN);
    let (jid, hidden) = (scene.jid(ANN), scene.hidden(ANN));
    let as_sent = [
        ("from", jid.as_str()),
        ("id", "1"),
        ("type", "text"),
        ("notify", "Ann"),
        ("sender_lid", &hidden),
    ];
    assert_eq!(attrs(&heard[0]), as_sent);
    assert_eq!(heard[0].get("t"), Some(seconds.to_string().as_str()));
    assert_eq!(
        heard[0].children(),
        [sealed(&scene.jid(BEN)), identity.clone()]
    );
    let copies = scene.heard(ANN2);
    let of_own = [
        ("recipient", to.as_str()),
        ("peer_recipient_lid", &scene.hidden(BEN)),
    ];
    assert_eq!(attrs(&copies[0]), [&as_sent[..], &of_own].concat());
    assert_eq!(copies[0].children(), [sealed(&own), identity]);
    assert_eq!([heard.len(), copies.len()], [1, 1]);
}

#[test]
fn the_senders_number_is_of_the_kind_that_the_message_is_addressed_to() {
    let mut scene = Scene::new();
    let [to, device] = [scene.user(BEN), scene.lid(BEN)];
    scene.says(ANN, message("1", &to, &[&device]));
    let [to, device] = [scene.hidden(BEN), scene.jid(BEN)];
    scene.says(ANN, message("2", &to, &[&device]));
    let heard = scene.heard(BEN);
    assert!(heard[0].is(
        "message",
        &[
            ("from", &scene.jid(ANN)),
            ("sender_lid", &scene.hidden(ANN))
        ]
    ));
    assert!(heard[1].is(
        "message",
        &[("from", &scene.lid(ANN)), ("sender_pn", &scene.user(ANN))]
    ));
}

#[test]
fn a_message_without_a_list_of_devices_is_for_the_one_it_is_addressed_to() {
    let mut scene = Scene::new();
    let retried = || sealed("again").attr("count", "1");
    let to = scene.jid(ANN2);
    let single = Node::new("message")
        .attr("to", &to)
        .attr("id", "1")
        .attr("type", "text")
        .attr("device_fanout", "false")
        .child(retried());
    scene.says(BEN, single);
    assert_eq!(scene.heard(ANN), []);
    assert_eq!(scene.heard(ANN2)[0].children(), [retried()]);

    // The phone reads nothing.
    let to_phone = Node::new("message")
        .attr("to", scene.user(ANN))
        .attr("id", "2")
        .attr("category", "peer")
        .child(sealed("for the phone"));
    scene.says(ANN, to_phone);
    assert!(scene.heard(ANN)[0].is("ack", &[("class", "message"), ("id", "2")]));
    assert_eq!(scene.heard(ANN2), []);
}

#[test]
fn what_cannot_go_anywhere_is_acknowledged_with_an_error() {
    let mut scene = Scene::new();
    let to = scene.user(BEN);
    for (node, error) in [
        (message("1", "12025550100@s.whatsapp.net", &[]), "404"),
        (message("2", "120363-5@g.us", &[]), "501"),
        (Node::new("message").attr("id", "3").attr("to", &to), "400"),
        (message("4", &to, &["Ben"]), "400"),
    ] {
        scene.says(ANN, node);
        let heard = scene.heard(ANN);
        assert!(
            heard[0].is("ack", &[("class", "message"), ("error", error)]),
            "{heard:?}"
        );
    }
    let unknown = scene.script.server.unknown_stanzas();
    assert_eq!(unknown.get("message type=text <participants>"), Some(&1));
    assert_eq!(scene.heard(BEN), []);
}

#[test]
fn a_device_of_somebody_else_gets_nothing_of_a_chat() {
    let mut scene = Scene::new();
    let eve = scene.script.pair(Some("Eve"));
    let conn = scene.script.come(&eve);
    scene.script.heard(conn);
    let to = scene.user(BEN);
    scene.says(ANN, message("1", &to, &[eve.jid.as_deref().unwrap()]));
    assert_eq!(scene.script.heard(conn), []);
}

#[test]
fn what_comes_while_a_device_is_away_waits_in_order_and_is_counted() {
    let mut scene = Scene::new();
    let [to, device] = [scene.user(BEN), scene.jid(BEN)];
    scene.leaves(BEN);
    for id in ["1", "2"] {
        scene.says(ANN, message(id, &to, &[&device]));
    }
    let receipt = Node::new("receipt").attr("to", &to).attr("id", "0");
    scene.says(ANN, receipt.attr("type", "read"));
    let heard = scene.returns(BEN);
    let told: Vec<_> = heard[1..]
        .iter()
        .map(|node| (node.tag.as_str(), node.get("id"), node.get("offline")))
        .collect();
    assert_eq!(
        told,
        [
            ("ib", None, None),
            ("message", Some("1"), Some("0")),
            ("message", Some("2"), Some("1")),
            ("receipt", Some("0"), Some("2")),
            ("ib", None, None),
        ]
    );
    assert_eq!(
        heard[1].children()[0].to_string(),
        r#"<offline_preview count="3" message="2" receipt="1" notification="0" appdata="0"/>"#
    );
    assert_eq!(
        heard[5].children()[0].to_string(),
        r#"<offline count="3"/>"#
    );

    // An acknowledgement settles, and so does any receipt; all others come again.
    let ack = |class: &str, id: &str| Node::new("ack").attr("class", class).attr("id", id);
    scene.says(BEN, ack("message", "1").attr("to", scene.jid(ANN)));
    scene.says(BEN, ack("call", "2"));
    scene.leaves(BEN);
    let again = scene.returns(BEN);
    assert_eq!(again.len(), heard.len() - 1);
    let listed = Node::new("list").child(Node::new("item").attr("id", "2"));
    let read = Node::new("receipt")
        .attr("to", scene.user(ANN))
        .attr("id", "9");
    scene.says(BEN, read.attr("type", "read").child(listed));
    scene.says(BEN, ack("receipt", "0").attr("type", "read"));
    scene.leaves(BEN);
    assert_eq!(scene.returns(BEN).len(), 3, "nothing waits");
}

#[test]
fn a_message_that_is_sent_again_comes_once_and_a_retry_comes_again() {
    let mut scene = Scene::new();
    let [to, device] = [scene.user(BEN), scene.jid(BEN)];
    for _ in 0..2 {
        scene.says(ANN, message("1", &to, &[&device]));
    }
    assert_eq!(scene.heard(BEN).len(), 1);
    assert_eq!(scene.heard(ANN).len(), 2, "acknowledged each time");
    // Another device may use the same id.
    scene.says(ANN2, message("1", &to, &[&device]));
    assert_eq!(scene.heard(BEN).len(), 1);
    let retried = Node::new("to")
        .attr("jid", &device)
        .child(sealed("x").attr("count", "2"));
    let retry = Node::new("message").attr("to", &to).attr("id", "1");
    scene.says(ANN, retry.child(Node::new("participants").child(retried)));
    assert_eq!(scene.heard(BEN).len(), 1);
}

#[test]
fn a_device_that_never_comes_is_written_to_until_there_is_no_room() {
    let mut scene = Scene::new();
    let [to, device] = [scene.user(BEN), scene.jid(BEN)];
    scene.leaves(BEN);
    let mut refused = None;
    for id in 0..=10_000 {
        scene.says(ANN, message(&id.to_string(), &to, &[&device]));
        if scene.heard(ANN)[0].get("error").is_some() {
            refused = Some(id);
            break;
        }
    }
    assert_eq!(refused, Some(10_000));
    scene.says(ANN, message("last", &to, &[&device]));
    assert_eq!(scene.heard(ANN)[0].get("error"), Some("503"));
    scene.returns(BEN);
    scene.says(
        BEN,
        Node::new("ack").attr("class", "message").attr("id", "0"),
    );
    scene.says(ANN, message("last", &to, &[&device]));
    assert_eq!(scene.heard(ANN)[0].get("error"), None);
    assert_eq!(scene.heard(BEN)[0].get("id"), Some("last"));
}

#[test]
fn a_receipt_is_acknowledged_and_goes_to_every_device_of_the_sender() {
    let mut scene = Scene::new();
    let to = scene.user(ANN);
    let receipt = Node::new("receipt").attr("to", &to).attr("id", "1");
    scene.says(BEN, receipt.attr("type", "inactive"));
    assert_eq!(
        scene.texts(BEN),
        [format!(
            r#"<ack class="receipt" id="1" from="{to}" type="inactive"/>"#
        )]
    );
    let seconds = scene.script.at().wall.as_second();
    let told = [format!(
        r#"<receipt from="{}" id="1" t="{seconds}"/>"#,
        scene.jid(BEN)
    )];
    for who in [ANN, ANN2] {
        assert_eq!(scene.texts(who), told, "it has it: nothing else counts");
    }
}

#[test]
fn a_retry_receipt_goes_to_the_device_that_it_names_as_it_is() {
    let mut scene = Scene::new();
    let parts = [
        Node::new("retry")
            .attr("v", "1")
            .attr("id", "1")
            .attr("count", "2"),
        Node::new("registration").bytes([0, 0, 0, 1]),
        Node::new("keys").child(Node::new("type").bytes([5])),
    ];
    let receipt = Node::new("receipt")
        .attr("to", scene.lid(ANN2))
        .attr("id", "1")
        .attr("type", "retry");
    scene.says(BEN, parts.iter().cloned().fold(receipt, Node::child));
    assert_eq!(scene.heard(ANN), []);
    let heard = scene.heard(ANN2);
    assert!(heard[0].is("receipt", &[("from", &scene.lid(BEN)), ("type", "retry")]));
    assert_eq!(heard[0].children(), parts);
}

#[test]
fn what_a_device_tells_its_own_phone_goes_to_nobody() {
    let mut scene = Scene::new();
    for kind in ["peer_msg", "hist_sync", "sender", "read-self"] {
        let receipt = Node::new("receipt")
            .attr("to", scene.user(BEN))
            .attr("id", "1");
        scene.says(ANN, receipt.attr("type", kind));
        assert!(scene.heard(ANN)[0].is("ack", &[("class", "receipt"), ("type", kind)]));
        assert_eq!([scene.heard(BEN), scene.heard(ANN2)], [[], []]);
    }
}

#[test]
fn faults_on_replies_act_on_acknowledgements() {
    let mut scene = Scene::new();
    let [to, device] = [scene.user(BEN), scene.jid(BEN)];
    let withhold = WithholdReply {
        iq: Replies::Message,
        nth: None,
    };
    scene.script.fault(1, withhold, Target::default(), false);
    scene.says(ANN, message("1", &to, &[&device]));
    assert_eq!((scene.heard(ANN).len(), scene.heard(BEN).len()), (0, 1));
    scene.script.fault_off(1);

    let delay = DelayReply {
        by: Millis::from_secs(5),
        iq: Replies::Message,
        nth: None,
    };
    scene.script.fault(2, delay, Target::default(), false);
    scene.says(ANN, message("2", &to, &[&device]));
    let late = scene.script.now + 5_000;
    scene.script.run_until(late - 1);
    assert_eq!(scene.heard(ANN), []);
    scene.script.run_until(late);
    assert!(scene.heard(ANN)[0].is("ack", &[("id", "2")]));
    scene.script.fault_off(2);

    let error = ReplyError {
        code: 463.into(),
        text: None,
        iq: Replies::Message,
        nth: None,
    };
    scene.script.fault(3, error, Target::default(), false);
    scene.says(ANN, message("3", &to, &[&device]));
    let heard = scene.heard(ANN);
    assert!(
        heard[0].is(
            "ack",
            &[("class", "message"), ("id", "3"), ("error", "463")]
        ),
        "{heard:?}"
    );

    let receipt = Node::new("receipt")
        .attr("to", scene.user(ANN))
        .attr("id", "1");
    scene.heard(BEN);
    scene.says(BEN, receipt);
    let heard = scene.heard(BEN);
    assert!(heard[0].is("ack", &[("class", "receipt")]) && heard[0].get("error").is_none());
}

//! Two clients that write to each other over sockets, with one of them away in between and with a link that breaks.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_mock_server::server::{Settings, UnknownIq};
use squall_protocol::Node;
use squall_protocol::jid::Jid;
use squall_protocol::pairing::Device;

use super::logged_in;
use crate::host::{self, Client, Host};

fn device(host: &Host, name: &str, seed: u64) -> Device {
    let mut device = Device::generate(&mut ChaCha8Rng::seed_from_u64(seed));
    host.server.create_account(name, Some(&mut device));
    device
}

fn message(id: &str, to: &Device) -> Node {
    let jid: Jid = to.jid.as_deref().unwrap().parse().unwrap();
    let sealed = Node::new("enc").attr("v", "2").attr("type", "msg");
    let part = Node::new("to")
        .attr("jid", jid)
        .child(sealed.bytes(id.as_bytes()));
    Node::new("message")
        .attr("to", Jid { device: 0, ..jid })
        .attr("id", id)
        .attr("type", "text")
        .child(Node::new("participants").child(part))
}

/// Sends a message and waits for its acknowledgement.
async fn write(client: &mut Client, id: &str, to: &Device) {
    client.send(&message(id, to)).await;
    let ack = client.stanza().await;
    assert!(ack.is("ack", &[("class", "message"), ("id", id)]), "{ack}");
    assert_eq!(ack.get("error"), None);
}

/// The message that comes next is this one; it is answered with a receipt, which is acknowledged.
async fn read(client: &mut Client, id: &str) {
    let message = client.stanza().await;
    assert!(message.is("message", &[("id", id)]), "{message}");
    assert_eq!(
        message.find("enc").unwrap().content_bytes(),
        Some(id.as_bytes())
    );
    let receipt = Node::new("receipt").attr("id", id);
    client
        .send(&receipt.attr("to", message.get("from").unwrap()))
        .await;
    let ack = client.stanza().await;
    assert!(ack.is("ack", &[("class", "receipt"), ("id", id)]), "{ack}");
}

/// The receipt that comes next is for this message.
async fn learn(client: &mut Client, id: &str) {
    let receipt = client.stanza().await;
    assert!(receipt.is("receipt", &[("id", id)]), "{receipt}");
    let ack = Node::new("ack").attr("class", "receipt").attr("id", id);
    client.send(&ack).await;
}

#[test]
fn two_clients_write_to_each_other_with_one_away_in_between_and_the_link_cut() {
    let strict = Settings {
        guard: None,
        unknown_iq: UnknownIq::Error,
        ..Settings::default()
    };
    host::run(strict, |host| async move {
        let (ann, ben) = (device(&host, "Ann", 1), device(&host, "Ben", 2));
        let mut anns = logged_in(&host, &ann).await;
        let mut bens = logged_in(&host, &ben).await;
        for turn in 0..10 {
            let [there, back] = ["a", "b"].map(|who| format!("{who}{turn}"));
            write(&mut anns, &there, &ben).await;
            read(&mut bens, &there).await;
            learn(&mut anns, &there).await;
            write(&mut bens, &back, &ann).await;
            read(&mut anns, &back).await;
            learn(&mut bens, &back).await;
        }

        // Away: what is written waits, in order, and nothing else does.
        drop(bens);
        host.settle().await;
        for id in ["away 1", "away 2"] {
            write(&mut anns, id, &ben).await;
        }
        let mut bens = Client::secured(&host, &ben).await;
        assert_eq!(bens.stanza().await.tag, "success");
        let preview = bens.stanza().await;
        let preview = preview.find("offline_preview").unwrap();
        assert!(preview.is("offline_preview", &[("count", "2"), ("message", "2")]));
        // Both come before any answer.
        let waiting = [bens.stanza().await, bens.stanza().await];
        assert!(waiting.iter().all(|node| node.get("offline").is_some()));
        assert!(bens.stanza().await.find("offline").is_some());

        // The link breaks before the second is answered: it comes again, and the first does not.
        let first = Node::new("receipt").attr("id", "away 1");
        bens.send(&first.attr("to", waiting[0].get("from").unwrap()))
            .await;
        assert!(bens.stanza().await.is("ack", &[("class", "receipt")]));
        learn(&mut anns, "away 1").await;
        write(&mut anns, "in flight", &ben).await;
        drop(bens);
        host.settle().await;
        let mut bens = Client::secured(&host, &ben).await;
        let mut heard = Vec::new();
        for _ in 0..5 {
            heard.push(bens.stanza().await);
        }
        let again: Vec<_> = heard
            .iter()
            .filter(|node| node.tag == "message")
            .map(|node| node.get("id"))
            .collect();
        assert_eq!(again, [Some("away 2"), Some("in flight")]);

        // A client that does not know whether its message arrived sends it again; it comes once.
        anns.send(&message("in doubt", &ben)).await;
        assert_eq!(bens.stanza().await.get("id"), Some("in doubt"));
        drop(anns);
        host.settle().await;
        let mut anns = logged_in(&host, &ann).await;
        write(&mut anns, "in doubt", &ben).await;
        write(&mut anns, "last", &ben).await;
        assert_eq!(bens.stanza().await.get("id"), Some("last"));
        host.server
            .look(|server| assert_eq!(server.unknown_stanzas().len(), 0));
    });
}

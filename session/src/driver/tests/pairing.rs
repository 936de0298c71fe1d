//! Pairing and its handoff, over the wire.

use futures_util::StreamExt;
use squall_protocol::jid::Jid;
use squall_protocol::pairing::{Account, Login, PairSuccess, parse_qr};
use tokio_tungstenite::tungstenite::Message;

use super::*;

fn set(id: &str, child: Node) -> Node {
    Node::new("iq")
        .attr("from", "s.whatsapp.net")
        .attr("type", "set")
        .attr("id", id)
        .attr("xmlns", "md")
        .child(child)
}

/// Pairs over the first link, up to what comes before the 515.
pub(super) async fn pair(world: &mut World) -> Peer {
    let mut first = world.secured().await;
    let Login::Registration(registration) = &first.login else {
        panic!("an unpaired client registers, not {:?}", first.login);
    };
    let identity = registration.identity;
    let offer = Node::new("pair-device").child(Node::new("ref").bytes(*b"ref-1"));
    first.send(&set("1", offer)).await;
    assert_eq!(first.receive().await.get("type"), Some("result"));

    let code = parse_qr(&world.code().await).expect("a QR code");
    assert_eq!(code.identity, identity);
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let account = Account::generate(&mut rng);
    let what = PairSuccess {
        identity: &identity,
        jid: Jid::phone(15_550_100, 1),
        lid: Jid::lid(100, 1),
        platform: "android",
        key_index: 1,
        now: world.clock.now().wall,
    };
    let success = account.pair_success(&what, &code.adv_secret, &mut rng);
    first.send(&set("2", success)).await;
    let reply = first.receive().await;
    let signed = reply
        .find("pair-device-sign")
        .expect("a countersigned identity");
    account
        .verify_reply(&identity, signed)
        .expect("a valid signature");
    first
}

#[tokio::test(start_paused = true)]
async fn a_pairing_ends_in_one_handoff_that_does_not_wait_for_the_old_link() {
    let mut world = World::unpaired();
    let mut first = pair(&mut world).await;
    first
        .send(&Node::new("stream:error").attr("code", "515"))
        .await;

    // The first link is neither read nor closed here: it drains while the second one logs in.
    let mut second = world.connected().await;
    assert!(matches!(
        second.login,
        Login::Device {
            user: 15_550_100,
            device: 1
        }
    ));
    assert_eq!(world.clock.mono(), Instant::at(30_000));
    first
        .send(&Node::new("stream:error").attr("code", "401"))
        .await;
    sleep(Duration::from_secs(6)).await;
    let last = first.web_socket.next().await;
    assert!(
        matches!(last, Some(Ok(Message::Close(Some(_))))),
        "{last:?}"
    );
    let after = first.web_socket.next().await;
    assert!(
        after.is_none_or(|after| after.is_err()),
        "the old link was let go of"
    );
    second
        .send(&Node::new("stream:error").attr("code", "503"))
        .await;
    let (_, end) = world.disconnected().await;
    assert!(end.handoff);
    let (_, end) = world.disconnected().await;
    assert_eq!(end.cause.name(), "service_unavailable");
    assert_eq!(end.link, Some(LinkId(2)));
    sleep(Duration::from_hours(48)).await;
    assert!(world.servers.try_recv().is_err(), "nothing dials");
}

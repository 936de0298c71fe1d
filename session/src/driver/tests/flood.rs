//! A peer that does not stop to send, against a client for which each read takes a millisecond.

use futures_util::SinkExt;

use super::*;

/// Sends stanzas as fast as the client reads them, for more than a hundred seconds of its time if it goes on to read.
async fn flood(mut peer: Peer) {
    for _ in 0..2_000 {
        for _ in 0..50 {
            peer.feed(&Node::new("message").attr("id", "x")).await;
        }
        if peer.web_socket.flush().await.is_err() {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_without_end_delays_a_ping_by_the_reads_of_a_millisecond() {
    let mut world = World::busy(Some("15550100:1@s.whatsapp.net"));
    let peer = world.connected().await;
    let connected = world.clock.mono();
    tokio::spawn(flood(peer));
    let mut pings = Vec::new();
    while pings.len() < 3 {
        if let Heard::Sending(now, Label::Stanza(node)) = world.heard.recv().await.expect("it runs")
            && node.get("xmlns") == Some("w:p")
            && now.mono > connected
        {
            pings.push(now.mono);
        }
    }
    let mut beat = pings.windows(2).map(|pair| pair[1] - pair[0]);
    let (most, least) = (Millis::new(25_003), Millis::new(24_997));
    assert!(beat.all(|gap| least <= gap && gap <= most), "{pings:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flood_without_end_lets_a_stop_through() {
    let mut world = World::busy(Some("15550100:1@s.whatsapp.net"));
    let peer = world.connected().await;
    let connected = world.clock.mono();
    tokio::spawn(flood(peer));
    while world.clock.mono() < connected + Millis::from_secs(5) {
        tokio::task::yield_now().await;
    }
    let asked = world.clock.mono();
    world.commands.send(Command::Stop).expect("the driver runs");
    let (now, end) = world.disconnected().await;
    assert_eq!(
        end.cause.name(),
        "stopped",
        "{connected} {asked} {} {end:?}",
        now.mono
    );
    assert!(now.mono - asked < Millis::from_secs(1), "{}", now.mono);
}

#[tokio::test(start_paused = true)]
async fn a_flood_over_the_old_link_leaves_the_handoff_its_turn() {
    let mut world = World::busy(None);
    let mut first = pairing::pair(&mut world).await;
    let restart = Node::new("stream:error").attr("code", "515");
    first.send(&restart).await;
    tokio::spawn(flood(first));
    let (clock, began) = (world.clock.clone(), world.clock.mono());
    // A task of its own, so that it runs as often as the flood does.
    let second = tokio::spawn(async move { world.connected().await });
    second.await.expect("the new link logs in");
    // The old one is read for five seconds more, and forgotten.
    let took = clock.mono() - began;
    assert!(took < Millis::from_secs(4), "{took}");
}

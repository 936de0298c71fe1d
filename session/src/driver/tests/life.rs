//! A connection from its start-session to its keep-alive.

use futures_util::{SinkExt, StreamExt};
use squall_protocol::pairing::Login;
use tokio_tungstenite::tungstenite::Message;

use super::*;
use crate::state::State;

#[tokio::test(start_paused = true)]
async fn a_start_is_dialed_upgraded_secured_and_connected() {
    let mut world = World::new(0);
    let stream = world.dialed().await;
    assert_eq!(world.clock.mono(), Instant::at(30_000));
    let peer = Peer::accept(stream, &world.authority).await;
    assert!(matches!(
        peer.login,
        Login::Device {
            user: 15_550_100,
            device: 1
        }
    ));
    drop(peer);
    let labels: Vec<Label> = std::iter::from_fn(|| world.heard.try_recv().ok())
        .filter_map(|heard| match heard {
            Heard::Sending(_, label) => Some(label),
            Heard::Event(..) => None,
        })
        .collect();
    assert_eq!(
        labels,
        [
            Label::Handshake("client_hello"),
            Label::Handshake("client_finish")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn pings_go_out_on_the_beat_and_each_is_labelled() {
    let mut world = World::new(0);
    let mut peer = world.connected().await;
    for n in 1..=4 {
        let ping = peer.receive().await;
        assert_eq!(ping.get("xmlns"), Some("w:p"));
        assert_eq!(world.clock.mono(), Instant::at(30_000 + n * 25_000));
        peer.answer(&ping).await;
    }
    let mut pings = 0;
    while let Ok(heard) = world.heard.try_recv() {
        if let Heard::Sending(now, Label::Stanza(node)) = heard
            && node.get("xmlns") == Some("w:p")
            && now.mono > Instant::at(30_000)
        {
            pings += 1;
        }
    }
    assert_eq!(pings, 4);
}

#[tokio::test(start_paused = true)]
async fn a_websocket_ping_is_answered_and_said() {
    let mut world = World::new(0);
    let mut peer = world.connected().await;
    loop {
        // Reading is what makes this end answer a WebSocket Ping.
        let asked = peer.receive().await;
        peer.answer(&asked).await;
        if world.clock.mono() > Instant::at(151_000) {
            break;
        }
    }
    let mut ok = Vec::new();
    while let Ok(heard) = world.heard.try_recv() {
        if let Heard::Event(now, event) = heard
            && matches!(*event, Event::KeepAliveOk(_))
        {
            ok.push(now.mono);
        }
    }
    // The peer reads the ping when it waits for the next stanza, and answers it then.
    assert_eq!(ok, [Instant::at(150_000)]);
}

#[tokio::test(start_paused = true)]
async fn every_ping_of_a_flood_is_answered_in_its_millisecond() {
    let mut world = World::new(40);
    let mut peer = world.connected().await;
    let before = world.clock.mono();
    for n in 0..200_u32 {
        let ping = Message::Ping(n.to_be_bytes().to_vec().into());
        peer.web_socket.send(ping).await.expect("the client reads");
        peer.send(&Node::new("message")).await;
    }
    for n in 0..200_u32 {
        let answer = peer
            .web_socket
            .next()
            .await
            .expect("an answer")
            .expect("a message");
        assert_eq!(answer, Message::Pong(n.to_be_bytes().to_vec().into()));
        assert_eq!(world.clock.mono(), before + Millis::new(40));
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_in_the_millisecond_of_a_death_comes_before_it() {
    for (late, dies) in [(59_960, false), (59_961, true)] {
        let mut world = World::new(40);
        let mut peer = world.connected().await;
        let ping = peer.receive().await;
        sleep(Duration::from_millis(late)).await;
        // 40 ms later the answer is due, together with the client's verdict of silence, or one millisecond after it.
        if peer.try_answer(&ping).await {
            sleep(Duration::from_millis(100)).await;
        }
        let mut ended = false;
        while let Ok(heard) = world.heard.try_recv() {
            ended |=
                matches!(heard, Heard::Event(_, event) if matches!(*event, Event::Disconnected(_)));
        }
        assert_eq!(ended, dies, "{late}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_in_the_millisecond_of_a_death_is_read_to_its_end_before_it() {
    let mut world = World::new(0);
    let mut peer = world.connected().await;
    let ping = peer.receive().await;
    let zombie = world.clock.mono() + Millis::from_mins(5);
    while world.clock.mono() + Millis::from_secs(30) < zombie {
        sleep(Duration::from_secs(20)).await;
        peer.send(&Node::new("message")).await;
    }
    for _ in 0..1_000 {
        peer.feed(&Node::new("message")).await;
    }
    peer.feed(
        &Node::new("iq")
            .attr("type", "result")
            .attr("id", ping.get("id").expect("an id")),
    )
    .await;
    peer.web_socket.flush().await.expect("the client is there");
    // The client has not run yet: it finds the flood, and in its last stanza the answer, together with the verdict.
    tokio::time::advance((zombie - world.clock.mono()).to_duration()).await;
    sleep(Duration::from_millis(100)).await;
    while let Ok(heard) = world.heard.try_recv() {
        if let Heard::Event(_, event) = heard {
            assert!(!matches!(*event, Event::Disconnected(_)), "{event:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_does_not_leave_never_blocks_a_read() {
    let mut world = World::new(0);
    let mut peer = world.connected().await;
    // Nobody reads at this end, and 64 KiB of answers do not fit: the client goes on to read.
    let ping = Node::new("iq")
        .attr("type", "get")
        .attr("xmlns", "urn:xmpp:ping")
        .attr("id", "x");
    for _ in 0..2_000 {
        peer.send(&ping).await;
    }
    peer.send(&Node::new("stream:error").attr("code", "503"))
        .await;
    let (now, end) = world.disconnected().await;
    assert_eq!(end.cause.name(), "service_unavailable");
    assert_eq!(now.mono, Instant::at(30_000));
}

#[tokio::test(start_paused = true)]
async fn the_driver_ends_with_its_last_command_handle_and_gives_the_machine_back() {
    let mut world = World::new(0);
    let peer = world.connected().await;
    drop(world.commands);
    let session = world.driver.await.expect("no panic");
    assert_eq!(session.state(), State::Connected);
    drop(peer);
}

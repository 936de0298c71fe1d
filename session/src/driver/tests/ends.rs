//! How a connection ends, as the driver tells it to the machine.

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::*;
use crate::cause::{Cause, Stage};

/// Reads the upgrade request.
async fn head(stream: &mut DuplexStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(stream.read_u8().await.expect("a request"));
    }
    String::from_utf8(bytes).expect("text")
}

#[tokio::test(start_paused = true)]
async fn the_upgrade_request_is_the_same_for_the_same_seed() {
    let mut requests = Vec::new();
    for _ in 0..2 {
        let mut world = World::new(0);
        let mut stream = world.dialed().await;
        requests.push(head(&mut stream).await);
    }
    assert_eq!(requests[0], requests[1]);
    assert!(
        requests[0].starts_with("GET /ws/chat HTTP/1.1\r\n"),
        "{}",
        requests[0]
    );
    assert!(requests[0].contains("Origin: https://web.whatsapp.com\r\n"));
    assert!(requests[0].contains("Host: web.whatsapp.com\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_refused_connect_is_refused() {
    let mut world = World::unreachable();
    let (_, end) = world.disconnected().await;
    assert_eq!(end.cause, Cause::Refused);
}

#[tokio::test(start_paused = true)]
async fn a_status_and_its_retry_after_are_kept() {
    let mut world = World::new(0);
    let mut stream = world.dialed().await;
    head(&mut stream).await;
    let answer =
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 90000\r\nContent-Length: 0\r\n\r\n";
    stream
        .write_all(answer.as_bytes())
        .await
        .expect("the client reads");
    let (_, end) = world.disconnected().await;
    assert_eq!(end.cause, Cause::RateLimited);
    assert_eq!(end.then.block, Some(Millis::from_secs(90_000)));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_accept_is_refused_and_an_end_is_an_end() {
    let wrong = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n";
    for (answer, cause) in [
        (wrong, Cause::Refused),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", Cause::Refused),
        (
            "",
            Cause::ConnectionClosed {
                stage: Stage::Connect,
            },
        ),
        (
            "HTTP/1.1 101 Swi",
            Cause::ConnectionClosed {
                stage: Stage::Connect,
            },
        ),
    ] {
        let mut world = World::new(0);
        let mut stream = world.dialed().await;
        head(&mut stream).await;
        stream
            .write_all(answer.as_bytes())
            .await
            .expect("the client reads");
        drop(stream);
        let (_, end) = world.disconnected().await;
        assert_eq!(end.cause, cause, "{answer:?}: {}", end.detail);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_upgrade_and_a_missing_hello_time_out_at_their_stage() {
    let mut world = World::new(0);
    let _stream = world.dialed().await;
    let (now, end) = world.disconnected().await;
    assert_eq!(
        end.cause,
        Cause::ConnectTimedOut {
            stage: Stage::Connect
        }
    );
    assert_eq!(now.mono, Instant::at(50_000));
    let mut world = World::new(0);
    let stream = world.dialed().await;
    let _web_socket = Peer::upgrade(stream).await;
    let (now, end) = world.disconnected().await;
    assert_eq!(
        end.cause,
        Cause::ConnectTimedOut {
            stage: Stage::Handshake
        }
    );
    assert_eq!(now.mono, Instant::at(50_000));
}

#[tokio::test(start_paused = true)]
async fn a_garbage_hello_and_a_foreign_root_fail_the_handshake() {
    let mut world = World::new(0);
    let stream = world.dialed().await;
    let mut web_socket = Peer::upgrade(stream).await;
    peer::send(&mut web_socket, vec![0, 0, 3, 1, 2, 3]).await;
    let (_, end) = world.disconnected().await;
    assert_eq!(end.cause, Cause::HandshakeFailed);
    assert!(!end.detail.is_empty());
    let mut world = World::new(0);
    let stream = world.dialed().await;
    let foreign = peer::Authority::foreign(world.clock.now().wall);
    // The client closes where its finish was expected.
    let accepted = tokio::spawn(async move { Peer::accept(stream, &foreign).await });
    let (_, end) = world.disconnected().await;
    assert_eq!(end.cause, Cause::HandshakeFailed);
    assert!(end.detail.contains("root"), "{}", end.detail);
    assert!(accepted.await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_the_transport_says_is_told_apart() {
    let connected = Stage::Open;
    let closed = Cause::ConnectionClosed { stage: connected };
    for (how, cause) in [
        ("eof", closed.clone()),
        ("close", closed),
        ("garbage frame", Cause::BadMac),
        ("reserved bits", Cause::ProtocolError),
        ("text", Cause::ProtocolError),
        ("no node", Cause::ProtocolError),
    ] {
        let mut world = World::new(0);
        let mut peer = world.connected().await;
        match how {
            "eof" => drop(peer),
            "close" => {
                let frame = CloseFrame {
                    code: 1011.into(),
                    reason: "bye".into(),
                };
                peer.web_socket
                    .close(Some(frame))
                    .await
                    .expect("the client reads");
                // The client answers the close frame before it lets go.
                let answer = peer
                    .web_socket
                    .next()
                    .await
                    .expect("an answer")
                    .expect("a message");
                assert!(matches!(answer, Message::Close(Some(_))), "{answer:?}");
            }
            "garbage frame" => {
                peer.send_raw([&[0, 0, 20][..], &[7; 20]].concat()).await;
                let answer = peer
                    .web_socket
                    .next()
                    .await
                    .expect("an answer")
                    .expect("a message");
                assert!(matches!(answer, Message::Close(Some(_))), "{answer:?}");
            }
            "reserved bits" => {
                let stream = peer.web_socket.get_mut();
                stream
                    .write_all(&[0xF2, 0])
                    .await
                    .expect("the client reads");
                let answer = peer
                    .web_socket
                    .next()
                    .await
                    .expect("an answer")
                    .expect("a message");
                assert!(matches!(answer, Message::Close(Some(_))), "{answer:?}");
            }
            "text" => {
                let text = Message::Text("hello".into());
                peer.web_socket.send(text).await.expect("the client reads");
            }
            _ => peer.send_plain(&[0, 0xFF]).await,
        }
        let (now, end) = world.disconnected().await;
        assert_eq!(end.cause, cause, "{how}");
        assert_eq!(now.mono, Instant::at(30_000), "{how}");
        if how == "close" {
            assert_eq!(end.detail, r#"close frame 1011 "bye""#);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn our_close_frame_waits_for_the_servers_and_no_longer_than_five_seconds() {
    for answers in [true, false] {
        let mut world = World::new(0);
        let mut peer = world.connected().await;
        peer.send(&Node::new("stream:error").attr("code", "515"))
            .await;
        world.disconnected().await;
        if answers {
            // Reading answers the client's close frame, and then its end is seen.
            while peer.web_socket.next().await.is_some() {}
            assert_eq!(world.clock.mono(), Instant::at(30_000));
        } else {
            sleep(Duration::from_millis(4_999)).await;
            let stream = peer.web_socket.get_mut();
            assert!(
                stream.write_all(&[0]).await.is_ok(),
                "the link is still held"
            );
            sleep(Duration::from_millis(2)).await;
            assert!(
                stream.write_all(&[0]).await.is_err(),
                "the link was let go of"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_link_is_dropped_at_once() {
    let mut world = World::new(0);
    let mut peer = world.connected().await;
    let (now, end) = world.disconnected().await;
    assert_eq!(end.cause.name(), "connection_lost");
    assert_eq!(now.mono, Instant::at(115_000));
    let stream = peer.web_socket.get_mut();
    tokio::task::yield_now().await;
    assert!(stream.write_all(&[0]).await.is_err());
}

//! Faults, as a client meets them on the wire.

use crate::app::{inject, logged_in, ping};
use crate::host::{self, Client, at};
use squall_mock_server::fault::{
    BadAccept, Close, CloseCode, CorruptFrame, DelayPong, Eof, FaultId, FaultSpec, GarbageHello,
    Malformation, MalformedFrame, NoHello, PingFlood, RefuseUpgrade, Reset, StallUpgrade,
    StreamError, Target, UnsolicitedPong, WithholdPong, WrongPong,
};
use squall_mock_server::server::{Closed, ServerEvent, Settings};
use squall_mock_server::{ConnectionId, Label};
use squall_protocol::Millis;
use tokio_tungstenite::tungstenite::Error;

#[test]
fn a_refused_upgrade_carries_its_status_and_retry_after() {
    host::run(Settings::default(), |host| async move {
        inject(
            &host,
            RefuseUpgrade {
                status: 429.try_into().unwrap(),
                retry_after: Some("120".into()),
            },
        );
        let Err(Error::Http(response)) = Client::upgraded(&host).await.map(drop) else {
            panic!("upgraded")
        };
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "120");
        assert!(
            Client::upgraded(&host).await.is_ok(),
            "the next dial passes"
        );
    });
}

#[test]
fn a_wrong_accept_is_refused_by_the_client_and_the_next_is_right() {
    use tokio_tungstenite::tungstenite::error::ProtocolError::SecWebSocketAcceptKeyMismatch;
    host::run(Settings::default(), |host| async move {
        inject(&host, BadAccept {});
        let Err(error) = Client::upgraded(&host).await.map(drop) else {
            panic!("upgraded")
        };
        assert!(
            matches!(error, Error::Protocol(SecWebSocketAcceptKeyMismatch)),
            "{error}"
        );
        assert!(Client::upgraded(&host).await.is_ok());
    });
}

#[test]
fn a_stalled_upgrade_is_never_answered() {
    host::run(Settings::default(), |host| async move {
        inject(&host, StallUpgrade {});
        let hour = Millis::from_hours(1).to_duration();
        let outcome = tokio::time::timeout(hour, Client::upgraded(&host)).await;
        assert!(outcome.is_err());
        tokio::task::yield_now().await;
        host.settle().await;
        assert_eq!(host::name(host.events().last().unwrap()), "closed");
    });
}

#[test]
fn a_garbage_hello_and_a_missing_one() {
    host::run(Settings::default(), |host| async move {
        let device = host.device();
        inject(&host, GarbageHello {});
        let mut client = Client::upgraded(&host).await.unwrap();
        assert!(client.handshake(&host, &device).await.is_err());
        inject(&host, NoHello {});
        let mut client = Client::upgraded(&host).await.unwrap();
        let minute = Millis::from_mins(1).to_duration();
        let outcome = tokio::time::timeout(minute, client.handshake(&host, &device)).await;
        assert!(outcome.is_err());
    });
}

#[test]
fn every_defect_of_the_certificate_is_noticed_and_the_next_chain_is_good() {
    use squall_mock_server::fault::BadCertificate;
    use squall_protocol::certificate::Defect;
    host::run(Settings::default(), |host| async move {
        let device = host.device();
        for kind in Defect::ALL {
            inject(&host, BadCertificate { kind });
            let mut client = Client::upgraded(&host).await.unwrap();
            assert!(client.handshake(&host, &device).await.is_err(), "{kind:?}");
        }
        let mut client = Client::upgraded(&host).await.unwrap();
        assert_eq!(client.handshake(&host, &device).await, Ok(()));
    });
}

#[test]
fn a_pong_is_late_or_never_comes_and_then_comes_again() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let begin = at(&host);
        client.ping(b"a").await;
        assert_eq!((client.pong().await, at(&host) - begin), (b"a".to_vec(), 0));

        let by = Millis::from_secs(9);
        inject(&host, DelayPong { by });
        client.ping(b"b").await;
        client.send(&ping("1")).await;
        assert_eq!(
            client.stanza().await.get("id"),
            Some("1"),
            "replies do not wait"
        );
        assert_eq!(at(&host) - begin, 0);
        assert_eq!(
            (client.pong().await, at(&host) - begin),
            (b"b".to_vec(), 9_000)
        );

        inject(&host, WithholdPong {});
        client.ping(b"c").await;
        client.ping(b"d").await;
        assert_eq!(client.pong().await, b"d", "an injected fault acts once");
    });
}

#[test]
fn delayed_pongs_keep_their_order_and_their_beat() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let begin = at(&host);
        let by = Millis::from_secs(2);
        let fault = FaultSpec::from(DelayPong { by });
        host.server
            .put_fault(FaultId(1), fault, Target::default(), false);
        client.ping(b"a").await;
        tokio::time::sleep(Millis::from_secs(1).to_duration()).await;
        client.ping(b"b").await;
        assert_eq!(
            (client.pong().await, at(&host) - begin),
            (b"a".to_vec(), 2_000)
        );
        assert_eq!(
            (client.pong().await, at(&host) - begin),
            (b"b".to_vec(), 3_000)
        );
    });
}

#[test]
fn a_wrong_pong_comes_at_once_and_an_unasked_one_displaces_none_that_is_owed() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let begin = at(&host);
        inject(&host, WrongPong {});
        client.ping(b"a").await;
        assert_eq!(client.pong().await, [!b'a']);
        client.ping(b"b").await;
        inject(&host, UnsolicitedPong::default());
        let mut pongs = [client.pong().await, client.pong().await];
        pongs.sort();
        assert_eq!(pongs, [b"b".to_vec(), b"nobody asked".to_vec()]);
        assert_eq!(at(&host), begin);
    });
}

#[test]
fn a_flood_of_pings_reaches_the_client() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        inject(
            &host,
            PingFlood {
                pings: 100.try_into().unwrap(),
                over: Millis::ZERO,
            },
        );
        for index in 0..100 {
            let message = client.message().await.unwrap();
            assert!(message.is_ping(), "{message:?}");
            assert_eq!(message.into_data(), format!("flood-{index}").into_bytes());
        }
    });
}

#[test]
fn a_close_frame_carries_code_and_reason() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        inject(
            &host,
            Close {
                code: Some(CloseCode::on_wire(1011).unwrap()),
                reason: "oops".to_owned().try_into().unwrap(),
            },
        );
        assert_eq!(client.closed().await, Some(1011));
        host.settle().await;
        let connection = ConnectionId(1);
        let how = Closed::Frame { code: Some(1011) };
        assert_eq!(
            host.events().last(),
            Some(&ServerEvent::Closed { connection, how })
        );
    });
}

#[test]
fn a_client_that_does_not_answer_a_close_frame_is_let_go_after_10_s() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let client = logged_in(&host, &device).await;
        inject(&host, Close::default());
        let closed = || host::name(host.events().last().unwrap()) == "closed";
        tokio::time::sleep(Millis::new(9_999).to_duration()).await;
        assert!(!closed());
        tokio::time::sleep(Millis::new(2).to_duration()).await;
        assert!(closed());
        drop(client);
    });
}

#[test]
fn an_eof_comes_without_a_close_frame() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        inject(&host, Eof {});
        let error = client.message().await.unwrap_err();
        assert!(matches!(error, Error::Protocol(_)), "{error}");
    });
}

#[test]
fn a_reset_is_the_links_to_do() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let _client = logged_in(&host, &device).await;
        inject(&host, Reset {});
        assert_eq!(host.resets(), [ConnectionId(1)]);
    });
}

#[test]
fn every_malformed_frame_ends_a_correct_client() {
    for kind in Malformation::ALL {
        host::run(Settings::default(), move |host| async move {
            let device = host.paired("2");
            let mut client = logged_in(&host, &device).await;
            inject(&host, MalformedFrame { kind });
            let error = client.message().await.unwrap_err();
            assert!(
                matches!(
                    error,
                    Error::Protocol(_) | Error::Capacity(_) | Error::Utf8(_)
                ),
                "{kind:?}: {error}"
            );
            assert_eq!(host.labels().last(), Some(&Label::Malformed(kind)));
        });
    }
}

#[test]
fn a_corrupt_frame_does_not_authenticate() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        inject(&host, CorruptFrame {});
        assert!(client.try_stanza().await.is_err());
        assert!(matches!(host.labels().last(), Some(Label::Corrupt(_))));
    });
}

#[test]
fn a_stream_error_is_the_last_word() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let fault = StreamError {
            code: Some(515.into()),
            ..StreamError::default()
        };
        inject(&host, fault);
        assert_eq!(
            client.stanza().await.to_string(),
            r#"<stream:error code="515"/>"#
        );
        assert_eq!(client.closed().await, Some(1000));
    });
}

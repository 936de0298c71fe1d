//! The app over an in-memory listener on a paused clock, with the protocol's own initiator as the client.

use crate::host::{self, Client, Host, at};
use squall_mock_server::fault::{
    Backlog, Close, CloseCode, CorruptFrame, DelayPong, Eof, FaultId, FaultSpec, GarbageHello,
    Malformation, MalformedFrame, NoHello, RefuseUpgrade, Reset, StallUpgrade, StreamError, Target,
    WithholdPong,
};
use squall_mock_server::server::{Closed, Pings, ServerEvent, Settings};
use squall_mock_server::{ConnectionId, Label};
use squall_protocol::pairing::Device;
use squall_protocol::{Millis, Node};
use tokio_tungstenite::tungstenite::{Error, Message};

fn inject(host: &Host, fault: impl Into<FaultSpec>) {
    let id = FaultId(host.events().len() as u64 + 1);
    host.server
        .put_fault(id, fault.into(), Target::default(), true);
}

fn ping(id: &str) -> Node {
    Node::new("iq")
        .attr("to", "s.whatsapp.net")
        .attr("type", "get")
        .attr("xmlns", "w:p")
        .attr("id", id)
        .child(Node::new("ping"))
}

/// A client that is logged in, with what the server said at first already taken.
async fn logged_in(host: &Host, device: &Device) -> Client {
    let mut client = Client::secured(host, device).await;
    assert_eq!(client.stanza().await.tag, "success");
    assert!(client.stanza().await.find("offline_preview").is_some());
    assert!(client.stanza().await.find("offline").is_some());
    client
}

#[test]
fn a_device_registers_is_scanned_gets_its_515_and_logs_in() {
    host::run(Settings::default(), |host| async move {
        let mut device = host.device();
        let mut client = Client::secured(&host, &device).await;
        let request = client.stanza().await;
        assert_eq!(at(&host), 150, "the login delay");
        let refs = request.find("pair-device").unwrap().children().to_vec();
        assert_eq!(refs.len(), 6);
        client.answer(&request, None).await;
        let reference = std::str::from_utf8(refs[0].content_bytes().unwrap()).unwrap();
        let qr = squall_protocol::pairing::qr_text(&device, reference);
        host.server.phone_sees_qr("2", &qr);

        let request = client.stanza().await;
        assert_eq!(at(&host), 5_150, "the phone scans after 5 s");
        let paired = device
            .on_pair_success(request.find("pair-success").unwrap(), &mut host.rng())
            .unwrap();
        client.answer(&request, Some(paired.reply)).await;
        assert_eq!(
            client.stanza().await.to_string(),
            r#"<stream:error code="515"/>"#
        );
        assert_eq!(client.closed().await, Some(1000));

        device = paired.device;
        let mut client = logged_in(&host, &device).await;
        client.send(&ping("1")).await;
        assert_eq!(
            client.stanza().await.to_string(),
            r#"<iq from="s.whatsapp.net" type="result" id="1"/>"#
        );
        let told: Vec<&str> = host.events().iter().map(host::name).collect();
        assert_eq!(
            told,
            [
                "accepted",
                "upgraded",
                "phone",
                "pair_success",
                "closed",
                "accepted",
                "upgraded",
                "login"
            ]
        );
    });
}

#[test]
fn what_is_sent_is_labelled_in_the_order_it_is_sent() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let _client = logged_in(&host, &device).await;
        let labels = host.labels();
        assert_eq!(labels[0], Label::Handshake("server_hello"));
        let tags: Vec<_> = labels[1..]
            .iter()
            .map(|label| match label {
                Label::Stanza(node) => node.tag.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(tags, ["success", "ib", "ib"]);
    });
}

#[test]
fn an_answer_carries_the_hosts_date() {
    host::run(Settings::default(), |host| async move {
        let head = host.raw_request("/ws/chat", "").await;
        assert!(head.starts_with("HTTP/1.1 400"), "{head}");
        assert!(
            head.to_lowercase()
                .contains("date: mon, 19 jan 2026 14:00:00 gmt"),
            "{head}"
        );
        let head = host.raw_request("/", "").await;
        assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    });
}

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

#[test]
fn a_flood_of_pings_is_answered_in_order() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        for id in 0..500 {
            client.send(&ping(&id.to_string())).await;
            let answer = client.stanza().await;
            assert_eq!(answer.get("id"), Some(id.to_string().as_str()));
        }
        assert_eq!(client.ping(b"x").await, ());
        assert_eq!(
            client.message().await.unwrap(),
            Message::Pong(b"x".to_vec().into())
        );
    });
}

#[test]
fn a_ping_amid_a_backlog_is_answered_in_its_millisecond() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let begin = at(&host);
        let backlog = Backlog {
            stanzas: 8_000.try_into().unwrap(),
            over: Millis::from_secs(30),
        };
        inject(&host, backlog);
        let (mut receipts, mut answers) = (0, 0);
        for second in 0..30 {
            client.send(&ping(&second.to_string())).await;
            let sent_at = at(&host);
            loop {
                let node = client.stanza().await;
                if node.tag == "iq" {
                    break;
                }
                receipts += 1;
            }
            assert_eq!(at(&host), sent_at);
            answers += 1;
            while at(&host) - begin < (second + 1) * 1_000 {
                assert_eq!(client.stanza().await.tag, "receipt");
                receipts += 1;
            }
        }
        assert_eq!((receipts, answers), (8_000, 30));
    });
}

#[test]
fn a_client_that_does_not_read_is_read_all_the_same() {
    host::run(Settings::default(), |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        // Ten times what the stream holds.
        let backlog = Backlog {
            stanzas: 8_000.try_into().unwrap(),
            over: Millis::ZERO,
        };
        inject(&host, backlog);
        host.settle().await;
        client.send(&Node::new("nonsense")).await;
        host.settle().await;
        let connection = ConnectionId(1);
        let kind = "nonsense".to_owned();
        assert_eq!(
            host.events().last(),
            Some(&ServerEvent::UnknownStanza { connection, kind })
        );
        for _ in 0..8_000 {
            assert_eq!(client.stanza().await.tag, "receipt");
        }
    });
}

#[test]
fn the_servers_own_pings_arrive() {
    let pings = Pings {
        iq: None,
        websocket: Some(Millis::from_secs(30)),
    };
    let settings = Settings {
        pings,
        ..Settings::default()
    };
    host::run(settings, |host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let begin = at(&host);
        assert!(matches!(client.message().await, Ok(Message::Ping(_))));
        assert_eq!(at(&host) - begin, 30_000);
    });
}

#[test]
fn the_same_seed_gives_the_same_keys_and_the_same_bytes() {
    let record = || {
        let labels = std::sync::Mutex::new(Vec::new());
        host::run(Settings::default(), |host| {
            let labels = &labels;
            async move {
                let device = host.device();
                let mut client = Client::secured(&host, &device).await;
                client.stanza().await;
                *labels.lock().unwrap() = host.labels();
            }
        });
        labels.into_inner().unwrap()
    };
    assert_eq!(record(), record(), "the refs are drawn from the seed");
}

//! The app over an in-memory listener on a paused clock, with the protocol's own initiator as the client.

mod faults;
mod hanging;
mod messages;
mod opening;
mod timed;

use crate::host::{self, Client, Host, at};
use squall_mock_server::fault::{Backlog, FaultId, FaultSpec, Target};
use squall_mock_server::server::{Pings, ServerEvent, Settings};
use squall_mock_server::{ConnectionId, Label};
use squall_protocol::pairing::Device;
use squall_protocol::{Millis, Node};
use tokio_tungstenite::tungstenite::Message;

fn inject(host: &Host, fault: impl Into<FaultSpec>) {
    let id = FaultId(host.events().len() as u64 + 1);
    host.server
        .put_fault(id, fault.into(), Target::default(), true);
}

pub(crate) fn ping(id: &str) -> Node {
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
        for _ in 0..2 {
            let message = client.stanza().await;
            assert!(message.is("message", &[("category", "peer")]), "{message}");
        }
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

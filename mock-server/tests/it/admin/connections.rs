//! Connections: seen with their counters, and ended.

use serde_json::{Value, json};
use squall_protocol::Millis;

use super::{ask, get, is_undisturbed, logged_in, open};
use crate::host::{Client, at};

#[test]
fn a_connection_is_seen_with_account_device_stage_and_counters() {
    open(|host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let path = "/admin/connections/1";
        let before = get(&host, path).await;
        assert_eq!(before["account"], "2");
        assert_eq!(before["device"], 1);
        assert_eq!(before["stage"], "open");
        assert_eq!(before["since"], "2026-01-19T14:00:00Z");
        assert_eq!(before["received"]["frames"], 2, "hello and finish");
        assert_eq!(before["sent"]["frames"], 4, "hello, success, two ib");

        tokio::time::sleep(Millis::from_secs(25).to_duration()).await;
        let pinged = at(&host);
        is_pinged(&mut client).await;
        let after = get(&host, path).await;
        assert_eq!(after["pings"], json!({"iq": 1, "web_socket": 1}));
        let more = |way: &str, what: &str| {
            after[way][what].as_u64().unwrap() - before[way][what].as_u64().unwrap()
        };
        assert_eq!((more("received", "frames"), more("sent", "frames")), (2, 2));
        // A masked Ping of 4 bytes, and the pong without a mask (RFC 6455, 5.2).
        assert!(more("received", "bytes") > 10 && more("sent", "bytes") > 6);
        let seen: jiff::Timestamp = after["last_activity"].as_str().unwrap().parse().unwrap();
        let began: jiff::Timestamp = "2026-01-19T14:00:00Z".parse().unwrap();
        assert_eq!(seen.duration_since(began).as_millis(), i128::from(pinged));
        assert_eq!(
            get(&host, "/admin/connections").await["connections"],
            json!([after])
        );
    });
}

async fn is_pinged(client: &mut Client) {
    client.ping(b"four").await;
    assert_eq!(client.pong().await, b"four");
    is_undisturbed(client).await;
}

#[test]
fn a_connection_on_its_way_is_seen_too() {
    open(|host| async move {
        let device = host.device();
        let _dialed = host.stream();
        let _upgraded = Client::upgraded(&host).await.unwrap();
        let (_client, _) = super::registering(&host, &device).await;
        let seen = get(&host, "/admin/connections").await;
        let seen = seen["connections"].as_array().unwrap();
        let stages: Vec<&str> = seen
            .iter()
            .map(|it| it["stage"].as_str().unwrap())
            .collect();
        assert_eq!(stages, ["accepted", "upgraded", "open"]);
        assert_eq!(seen[0]["received"], json!({"frames": 0, "bytes": 0}));
        assert!(seen[0].get("last_activity").is_none());
        let registers: Vec<bool> = seen
            .iter()
            .map(|it| it["registers"].as_bool().unwrap())
            .collect();
        assert_eq!(registers, [false, false, true]);
    });
}

#[test]
fn a_connection_is_ended_as_it_is_asked_and_the_others_stay() {
    open(|host| async move {
        let device = host.paired("2");
        let other = squall_protocol::pairing::Device::generate(&mut host.rng());
        let (mut bystander, _) = super::registering(&host, &other).await;
        for (how, code) in [
            ("", Some(1001)),
            ("?how=close", Some(1001)),
            ("?how=eof", None),
        ] {
            let mut client = logged_in(&host, &device).await;
            let live = get(&host, "/admin/connections").await;
            let id = live["connections"].as_array().unwrap().last().unwrap()["id"].clone();
            let answer = ask(
                &host,
                "DELETE",
                &format!("/admin/connections/{id}{how}"),
                Value::Null,
            )
            .await;
            assert_eq!(answer.status, 204);
            match code {
                Some(code) => assert_eq!(client.closed().await, Some(code)),
                None => assert!(client.message().await.is_err()),
            }
        }
        let mut client = logged_in(&host, &device).await;
        let live = get(&host, "/admin/connections").await;
        let id = live["connections"].as_array().unwrap().last().unwrap()["id"]
            .as_u64()
            .unwrap();
        ask(
            &host,
            "DELETE",
            &format!("/admin/connections/{id}?how=reset"),
            Value::Null,
        )
        .await;
        assert_eq!(
            host.resets().iter().map(|it| it.0).collect::<Vec<_>>(),
            [id]
        );
        is_undisturbed(&mut bystander).await;
        drop(client.message());
    });
}

#[test]
fn a_connection_that_does_not_live_is_a_problem() {
    open(|host| async move {
        for (method, id) in [
            ("GET", "99"),
            ("DELETE", "99"),
            ("GET", "first"),
            ("DELETE", "-1"),
        ] {
            let answer = ask(
                &host,
                method,
                &format!("/admin/connections/{id}"),
                Value::Null,
            )
            .await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (404, "urn:squall:no-such-connection")
            );
        }
    });
}

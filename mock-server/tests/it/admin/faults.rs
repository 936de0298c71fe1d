//! Faults: put on, listed, changed, taken off, over by themselves, and injected once.

use serde_json::{Value, json};
use squall_protocol::Millis;

use super::{ask, eof, get, is_undisturbed, logged_in, open};
use crate::app::ping;
use crate::host::{Client, Host, at};

async fn wait(ms: u64) {
    tokio::time::sleep(Millis::new(ms).to_duration()).await;
}

async fn standing(host: &Host) -> usize {
    get(host, "/admin/faults").await["faults"]
        .as_array()
        .unwrap()
        .len()
}

#[test]
fn a_number_of_the_steps_of_a_scenario_is_nobody_s_by_hand() {
    open(|host| async move {
        let fault = json!({"fault": {"zombie": {}}});
        let last = format!("/admin/faults/{}", u32::MAX);
        assert_eq!(ask(&host, "PUT", &last, fault.clone()).await.status, 201);
        for expected in [1, 2] {
            let answer = ask(&host, "POST", "/admin/faults", fault.clone()).await;
            assert_eq!(answer.json()["id"], expected);
        }
        let gone = ask(&host, "DELETE", "/admin/faults/1", Value::Null).await;
        assert_eq!(gone.status, 204);
        let answer = ask(&host, "POST", "/admin/faults", fault).await;
        assert_eq!(answer.json()["id"], 1);
    });
}

#[test]
fn a_fault_stands_from_its_post_to_its_delete() {
    open(|host| async move {
        let late = json!({"fault": {"delay_reply": {"by": "2s"}}, "target": {"org": "2"}});
        let answer = ask(&host, "POST", "/admin/faults", late).await;
        assert_eq!(answer.status, 201);
        assert_eq!(answer.header("location"), Some("/admin/faults/1"));
        assert_eq!(
            answer.json(),
            json!({
                "id": 1,
                "fault": {"delay_reply": {"by": "2s", "iq": "all"}},
                "target": {"account": "2", "connection": "all"},
                "once": false,
            })
        );
        assert_eq!(get(&host, "/admin/faults/1").await, answer.json());
        assert_eq!(standing(&host).await, 1);

        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let begin = at(&host);
        client.send(&ping("1")).await;
        assert_eq!(client.stanza().await.get("id"), Some("1"));
        assert_eq!(at(&host) - begin, 2_000);

        let gone = ask(&host, "DELETE", "/admin/faults/1", Value::Null).await;
        assert_eq!((gone.status, gone.body.as_str()), (204, ""));
        let begin = at(&host);
        is_undisturbed(&mut client).await;
        assert_eq!(at(&host), begin);
        for method in ["GET", "DELETE"] {
            let answer = ask(&host, method, "/admin/faults/1", Value::Null).await;
            assert_eq!(answer.problem(), "urn:squall:no-such-fault");
        }
        let answer = ask(&host, "GET", "/admin/faults/one", Value::Null).await;
        assert_eq!(answer.problem(), "urn:squall:no-such-fault");
    });
}

#[test]
fn a_fault_with_a_ttl_ends_to_the_millisecond() {
    open(|host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let silent = json!({"fault": {"withhold_reply": {}}, "ttl": "30s"});
        let begin = at(&host);
        let answer = ask(&host, "POST", "/admin/faults", silent).await;
        assert_eq!(answer.json()["ends_at"], "2026-01-19T14:00:30.15Z");
        wait(29_999 - (at(&host) - begin)).await;
        client.send(&ping("lost")).await;
        host.settle().await;
        assert_eq!(at(&host) - begin, 30_000);
        tokio::task::yield_now().await;
        assert_eq!(standing(&host).await, 0);
        is_undisturbed(&mut client).await;
    });
}

#[test]
fn put_replaces_and_patch_changes_what_it_says() {
    open(|host| async move {
        let path = "/admin/faults/7";
        let answer = ask(&host, "PUT", path, json!({"fault": {"withhold_pong": {}}})).await;
        assert_eq!(answer.status, 201);
        let body = json!({"fault": {"zombie": {}}, "target": {"account": "2"}, "ttl": "1h"});
        let answer = ask(&host, "PUT", path, body).await;
        assert_eq!(answer.status, 200);
        assert_eq!(standing(&host).await, 1);

        let answer = ask(
            &host,
            "PATCH",
            path,
            json!({"target": {"connection": "old"}}),
        )
        .await;
        let changed = answer.json();
        assert_eq!(changed["fault"], json!({"zombie": {}}));
        assert_eq!(changed["target"], json!({"connection": "old"}));
        assert_eq!(
            changed["ends_at"], "2026-01-19T15:00:00Z",
            "what is not said stays"
        );
        let answer = ask(&host, "PATCH", path, json!({"ttl": null})).await;
        assert!(answer.json().get("ends_at").is_none());
        let answer = ask(&host, "PATCH", path, json!({"ttl": "1s"})).await;
        assert_eq!(answer.json()["ends_at"], "2026-01-19T14:00:01Z");
        wait(1_001).await;
        let answer = ask(&host, "PATCH", path, json!({"ttl": "1s"})).await;
        assert_eq!(answer.problem(), "urn:squall:no-such-fault");

        let next = ask(
            &host,
            "POST",
            "/admin/faults",
            json!({"fault": {"zombie": {}}}),
        )
        .await;
        assert_eq!(next.json()["id"], 8, "no number is given twice");
    });
}

#[test]
fn a_reset_takes_every_fault_off() {
    open(|host| async move {
        for fault in ["withhold_pong", "withhold_reply"] {
            ask(
                &host,
                "POST",
                "/admin/faults",
                json!({"fault": {fault: {}}}),
            )
            .await;
        }
        assert_eq!(standing(&host).await, 2);
        assert_eq!(
            ask(&host, "POST", "/admin/reset", Value::Null).await.status,
            204
        );
        assert_eq!(standing(&host).await, 0);
    });
}

#[test]
fn an_injected_fault_says_whom_it_touched_and_touches_nobody_else() {
    open(|host| async move {
        let nobody = ask(&host, "POST", "/admin/inject", eof()).await;
        assert_eq!(nobody.problem(), "urn:squall:nobody-there");
        assert_eq!(nobody.status, 409);

        let one = host.paired("1");
        let mut other = squall_protocol::pairing::Device::generate(&mut host.rng());
        host.server.create_account("2", Some(&mut other));
        let mut first = logged_in(&host, &one).await;
        let mut second = logged_in(&host, &other).await;
        let body = json!({"fault": {"eof": {}}, "target": {"account": "1"}});
        let answer = ask(&host, "POST", "/admin/inject", body).await.json();
        assert_eq!(answer["acted_on"].as_array().unwrap().len(), 1);
        assert_eq!(answer["waits"], false);
        assert!(first.message().await.is_err());
        is_undisturbed(&mut second).await;
        assert_eq!(standing(&host).await, 0);
    });
}

#[test]
fn a_fault_of_the_dial_waits_for_the_next_one_and_no_longer_than_its_ttl() {
    open(|host| async move {
        let body = json!({"fault": {"refuse_upgrade": {"status": 503}}, "ttl": "1m"});
        let answer = ask(&host, "POST", "/admin/inject", body.clone())
            .await
            .json();
        assert_eq!(answer, json!({"id": 1, "acted_on": [], "waits": true}));
        assert_eq!(get(&host, "/admin/faults/1").await["once"], true);
        assert!(Client::upgraded(&host).await.is_err());
        assert!(Client::upgraded(&host).await.is_ok());
        ask(&host, "POST", "/admin/inject", body).await;
        wait(60_001).await;
        assert!(
            Client::upgraded(&host).await.is_ok(),
            "it waited a minute and left"
        );
    });
}

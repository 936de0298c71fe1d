//! Bodies and queries that mean nothing: each is refused with the way out, and disturbs nobody.

use serde_json::{Value, json};
use squall_protocol::Millis;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{ask, ask_with, get, is_undisturbed, logged_in, open};
use crate::host::{Host, at};

const JSON: &str = "host: localhost\r\ncontent-type: application/json\r\n";

async fn post(host: &Host, body: &str) -> super::Answer {
    ask_with(host, "POST", "/admin/faults", JSON, body).await
}

#[test]
fn a_slip_in_a_fault_is_refused_with_what_was_meant_and_nothing_is_put_on() {
    open(|host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        for (body, detail) in [
            (
                json!({"fault": {"clsoe": {}}}),
                r#"fault: unknown name "clsoe", did you mean "close"?"#,
            ),
            (
                json!({"fault": {"close": {"cod": 1011}}}),
                r#"fault.close: unknown name "cod", did you mean "code"?"#,
            ),
            (
                json!({"fault": {"eof": {"code": 1}}}),
                r#"fault.eof: unknown name "code", there are none here"#,
            ),
            (
                json!({"fault": {"eof": {}}, "tll": "3s"}),
                r#"unknown name "tll", did you mean "ttl"?"#,
            ),
            (
                json!({"fault": {"eof": {}}, "target": {"orq": "2"}}),
                r#"target: unknown name "orq", did you mean "org"?"#,
            ),
            (json!({"ttl": "3s"}), "missing field `fault`"),
        ] {
            let answer = ask(&host, "POST", "/admin/faults", body).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (422, "urn:squall:invalid-body")
            );
            assert!(answer.detail().starts_with(detail), "{}", answer.detail());
        }
        for (body, said) in [
            (
                json!({"fault": {"close": {"code": 1006}}}),
                "close code 1006 cannot be sent",
            ),
            (json!({"fault": {"eof": {}}, "ttl": "3"}), "3"),
            (json!({"fault": {"eof": {}}, "ttl": 3}), "3"),
            (json!({"fault": {"eof": {}, "reset": {}}}), ""),
            (json!([]), ""),
        ] {
            let answer = ask(&host, "POST", "/admin/faults", body).await;
            assert_eq!(answer.problem(), "urn:squall:invalid-body");
            assert!(answer.detail().contains(said), "{}", answer.detail());
        }
        assert_eq!(get(&host, "/admin/faults").await, json!({"faults": []}));
        is_undisturbed(&mut client).await;
    });
}

#[test]
fn what_is_no_json_is_refused_with_the_place() {
    open(|host| async move {
        for body in [
            "",
            "{",
            "{\"fault\":}",
            "{\"fault\": {\"eof\": {}}} {}",
            "\u{0}",
            "fault: eof",
        ] {
            let answer = post(&host, body).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (400, "urn:squall:malformed-json")
            );
            assert!(answer.detail().contains("line 1"), "{}", answer.detail());
        }
        let deep = "[".repeat(10_000);
        assert_eq!(
            post(&host, &deep).await.problem(),
            "urn:squall:malformed-json"
        );
    });
}

#[test]
fn a_body_of_another_kind_is_refused() {
    open(|host| async move {
        for kind in [
            "",
            "content-type: text/plain\r\n",
            "content-type: application/jsonx\r\n",
        ] {
            let headers = format!("host: localhost\r\n{kind}");
            let answer = ask_with(&host, "POST", "/admin/inject", &headers, "{}").await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (415, "urn:squall:unsupported-media-type")
            );
        }
        let headers = "host: localhost\r\ncontent-type: Application/JSON; charset=utf-8\r\n";
        assert_eq!(
            ask_with(&host, "POST", "/admin/inject", headers, "{}")
                .await
                .status,
            422
        );
    });
}

#[test]
fn a_body_that_is_too_large_is_refused_announced_or_not_and_disturbs_nobody() {
    open(|host| async move {
        let device = host.paired("2");
        let mut client = logged_in(&host, &device).await;
        let body = format!("\"{}\"", "x".repeat(64 << 10));
        let answer = post(&host, &body).await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (413, "urn:squall:too-large")
        );

        let mut stream = host.unannounced();
        let head = format!(
            "POST /admin/faults HTTP/1.1\r\n{JSON}transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..70 {
            let chunk = format!("400\r\n{}\r\n", "x".repeat(1_024));
            if stream.write_all(chunk.as_bytes()).await.is_err() {
                break;
            }
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
        is_undisturbed(&mut client).await;
    });
}

#[test]
fn a_body_that_never_comes_is_given_up_after_10_s() {
    open(|host| async move {
        let mut stream = host.unannounced();
        let head = format!(
            "POST /admin/faults HTTP/1.1\r\n{JSON}content-length: 9\r\nconnection: close\r\n\r\n{{"
        );
        let begin = at(&host);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
        assert_eq!(at(&host) - begin, Millis::from_secs(10).get());
    });
}

#[test]
fn a_query_that_means_nothing_is_refused() {
    open(|host| async move {
        for path in [
            "/admin/events?sinse=3",
            "/admin/events?since=yesterday",
            "/admin/events?follow=maybe",
        ] {
            let answer = ask(&host, "GET", path, Value::Null).await;
            assert_eq!(
                (answer.status, answer.problem().as_str()),
                (400, "urn:squall:invalid-query")
            );
        }
        let answer = ask(
            &host,
            "DELETE",
            "/admin/connections/1?how=clsoe",
            Value::Null,
        )
        .await;
        assert!(
            answer.detail().contains(r#"did you mean "close"?"#),
            "{}",
            answer.detail()
        );
    });
}

//! Events, as they happen, in either form.

use serde_json::{Value, json};
use squall_protocol::Millis;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{ask, ask_with, logged_in, open};
use crate::host::{Host, at};

/// A reader of the stream, with the head of the answer taken.
async fn reader(host: &Host, path: &str, headers: &str) -> (DuplexStream, String) {
    let mut stream = host.unannounced();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    (stream, String::from_utf8(head).unwrap())
}

/// The next piece of a chunked body.
async fn piece(stream: &mut DuplexStream) -> String {
    let mut size = Vec::new();
    while !size.ends_with(b"\r\n") {
        size.push(stream.read_u8().await.unwrap());
    }
    let size = std::str::from_utf8(&size).unwrap().trim();
    let mut bytes = vec![0; usize::from_str_radix(size, 16).unwrap() + 2];
    stream.read_exact(&mut bytes).await.unwrap();
    String::from_utf8(bytes)
        .unwrap()
        .trim_end_matches("\r\n")
        .to_owned()
}

fn names(lines: &str) -> Vec<String> {
    let name = |line: &str| -> String {
        let value: Value = serde_json::from_str(line).unwrap();
        let event = value.get("event").unwrap_or(&value);
        event.as_object().unwrap().keys().next().unwrap().clone()
    };
    lines.lines().map(name).collect()
}

#[test]
fn what_happened_is_told_line_by_line_and_then_ends_if_nobody_is_to_wait() {
    open(|host| async move {
        let device = host.paired("2");
        let _client = logged_in(&host, &device).await;
        let path = "/admin/events?since=0&follow=false";
        let answer = ask(&host, "GET", path, Value::Null).await;
        assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
        let (_, body) = answer.body.split_once("\r\n").unwrap();
        let lines = body.split("\r\n").next().unwrap();
        assert_eq!(names(lines), ["accepted", "upgraded", "login"]);
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(
            first,
            json!({"seq": 1, "at": "2026-01-19T14:00:00Z", "event": {"accepted": {"connection": 1}}})
        );
    });
}

#[test]
fn whoever_waits_gets_lines_as_they_happen_and_nothing_of_before() {
    open(|host| async move {
        let device = host.paired("2");
        logged_in(&host, &device).await;
        let (mut stream, head) = reader(&host, "/admin/events", "").await;
        assert!(head.contains("application/x-ndjson"), "{head}");
        ask(
            &host,
            "PUT",
            "/admin/faults/9",
            json!({"fault": {"zombie": {}}}),
        )
        .await;
        let mut lines = piece(&mut stream).await;
        while !lines.contains("fault_on") {
            lines.push_str(&piece(&mut stream).await);
        }
        assert!(
            lines.contains(r#"{"fault_on":{"fault":9,"name":"zombie"}}"#),
            "{lines}"
        );
        assert!(!lines.contains("accepted"), "{lines}");
    });
}

#[test]
fn a_browser_gets_server_sent_events_and_goes_on_where_it_was() {
    open(|host| async move {
        let sse = "accept: text/event-stream\r\n";
        let (mut stream, head) = reader(&host, "/admin/events", sse).await;
        assert!(head.contains("text/event-stream"), "{head}");
        assert_eq!(
            piece(&mut stream).await,
            ": squall\n\n",
            "the head goes out at once"
        );
        for _ in 0..3 {
            ask(
                &host,
                "PUT",
                "/admin/faults/9",
                json!({"fault": {"zombie": {}}}),
            )
            .await;
        }
        let told = piece(&mut stream).await;
        assert!(told.starts_with("id: 1\ndata: {\"seq\":1,"), "{told}");

        // A browser asks for the same page again, and says where it was.
        let headers = format!("{sse}last-event-id: 4\r\n");
        for path in ["/admin/events", "/admin/events?since=0"] {
            let (mut stream, _) = reader(&host, path, &headers).await;
            piece(&mut stream).await;
            let told = piece(&mut stream).await;
            assert!(told.starts_with("id: 5\n"), "{path}: {told}");
        }
    });
}

#[test]
fn whoever_was_told_by_another_server_hears_what_happens_here_from_now_on() {
    open(|host| async move {
        for number in ["18446744073709551615", "7"] {
            let path = format!("/admin/events?since={number}");
            let header = format!("last-event-id: {number}\r\n");
            for (path, headers) in [(path.as_str(), ""), ("/admin/events", &header)] {
                let (mut stream, _) = reader(&host, path, headers).await;
                host.settle().await;
                ask(
                    &host,
                    "PUT",
                    "/admin/faults/9",
                    json!({"fault": {"zombie": {}}}),
                )
                .await;
                let told = piece(&mut stream).await;
                assert!(told.contains("fault_on"), "{path} {headers}: {told}");
            }
        }
    });
}

#[test]
fn a_silent_stream_says_so_every_15_s() {
    open(|host| async move {
        let (mut stream, _) = reader(&host, "/admin/events", "accept: text/event-stream\r\n").await;
        piece(&mut stream).await;
        let begin = at(&host);
        assert_eq!(piece(&mut stream).await, ": nothing happens\n\n");
        assert_eq!(at(&host) - begin, Millis::from_secs(15).get());
    });
}

#[test]
fn a_reader_that_is_too_slow_is_told_how_much_it_missed() {
    open(|host| async move {
        let (mut stream, _) = reader(&host, "/admin/events", "").await;
        // More than the socket and the log hold together.
        for _ in 0..4_000 {
            host.server.input(squall_mock_server::server::Input::Fault {
                id: squall_mock_server::fault::FaultId(1),
                spec: squall_mock_server::fault::Zombie {}.into(),
                target: Default::default(),
                once: false,
            });
            host.server.clear_faults();
        }
        let mut lines = String::new();
        while !lines.contains("\"seq\":8000,") {
            lines.push_str(&piece(&mut stream).await);
        }
        let gaps: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|line| line.get("gap").is_some())
            .collect();
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        let told = lines.lines().count() as u64 - 1;
        assert_eq!(gaps[0]["gap"]["missed"], 8_000 - told);
    });
}

#[test]
fn a_form_that_nobody_writes_is_not_acceptable() {
    open(|host| async move {
        let headers = "host: localhost\r\naccept: image/png\r\n";
        let answer = ask_with(&host, "GET", "/admin/events", headers, "").await;
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (406, "urn:squall:not-acceptable")
        );
    });
}

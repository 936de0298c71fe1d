//! An operator's day, through both programs: from the start over the scan to the block that refuses.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::Value;
use squall_session::store::Store as _;
use squall_session::store::file::RedbStore;

use super::process::{Gateway, KEY, Server};
use super::{NEW_STORE, directory};

/// Short times, so that a day's worth of keep-alive is seconds.
const SHORT: &str = "policy:\n  active_ping: { interval: 300ms }\n  keep_alive: { interval: 200ms }\n  limiter: { delay: 200ms }\n";

fn time(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// What is told is the same, whichever way it is told.
#[test]
fn from_the_start_over_the_scan_to_the_block_and_its_refusal() {
    let directory = directory();
    let at = directory.path();
    fs::write(at.join("gateway.yaml"), SHORT).unwrap();
    let server = Server::start(&[], at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    let before = gateway.get("/api/rate-limit-status").body;
    assert_eq!(
        (&before["global_attempts_last_hour"], &before["can_connect"]),
        (&0.into(), &true.into())
    );

    assert_eq!(gateway.start_session("2").status, 202);
    assert_eq!(gateway.get("/api/status/2").body["status"], "waiting");
    gateway.state("awaiting_qr_scan");
    let shown = gateway.get_unheard("/api/qr/2?format=json");
    let code = shown.body["qr"].as_str().unwrap().to_owned();
    server.scan(&code);
    gateway.state("connected");
    let ok = gateway
        .process
        .line(|line| line["event"] == "keep_alive_ok");
    assert!(ok["after_ms"].is_u64(), "{ok}");
    let status = gateway.get("/api/status/2").body;
    assert_eq!(
        (&status["status"], &status["connected"]),
        (&"connected".into(), &true.into())
    );
    assert!(
        status["phone_number"]
            .as_str()
            .is_some_and(|number| !number.is_empty())
    );
    assert!(status["last_activity"].is_i64() && status["last_connected"].is_string());

    server.inject(&["stream_error", "code=515"], at);
    let ended = gateway.process.line(|line| line["event"] == "disconnected");
    assert_eq!(
        (&ended["cause"], &ended["code"]),
        (&"rate_limited".into(), &"515".into())
    );
    assert_eq!(ended["raw"], r#"<stream:error code="515"/>"#);
    let length = time(&ended["blocked_until"]).duration_since(time(&ended["at"]));
    assert_eq!(length.as_millis(), 86_400_000);
    gateway.state("blocked");
    let refused = gateway.start_session("2");
    assert_eq!(
        (refused.status, &refused.body["cause"]),
        (429, &"block".into())
    );
    let apart = time(&refused.body["retry_at"]).duration_since(time(&ended["blocked_until"]));
    assert!(apart.abs().as_millis() < 1_000, "told otherwise by {apart}");

    let events = gateway.get("/api/events?since=0&follow=false");
    assert!(
        events
            .text
            .contains(r#""raw":"<stream:error code=\"515\"/>""#)
    );
    let metrics = gateway.get("/metrics").text;
    for line in [
        r#"squall_session_state{organization="2",state="blocked"} 1"#,
        r#"squall_attempts_total{organization="2"} 1"#,
        r#"squall_starts_denied_total{cause="block"} 1"#,
        r#"squall_disconnects_total{organization="2",cause="rate_limited"} 1"#,
    ] {
        assert!(metrics.contains(line), "no {line} in\n{metrics}");
    }
    gateway.get("/api/status");
    gateway.get("/api/openapi.json");
    let said = gateway.said();
    assert_eq!(gateway.process.terminate(), Some(0));
    holds_no_secret(&said, at);
}

/// Whoever watches the events keeps the gateway from nothing.
#[test]
fn one_who_follows_the_events_does_not_hold_up_the_end() {
    let directory = directory();
    let at = directory.path();
    let server = Server::start(&[], at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    let mut watching = gateway.open("GET /api/events HTTP/1.1", "");
    gateway.start_session("2");
    watching.until("admitted");
    gateway.post("/api/stop-session", "2");
    watching.until("stop_asked");
    assert_eq!(gateway.process.terminate(), Some(0));
    watching.until_end();
}

/// For people: the marks that an operator looks for.
#[test]
fn the_log_for_people_has_a_line_that_nobody_overlooks() {
    let directory = directory();
    let at = directory.path();
    fs::write(at.join("gateway.yaml"), SHORT).unwrap();
    let server = Server::start(&[], at);
    let gateway = Gateway::telling("text", &server, &NEW_STORE, at);
    gateway.start_session("2");
    gateway.process.text("shows a QR code");
    let shown = gateway.get_unheard("/api/qr/2?format=json");
    server.scan(shown.body["qr"].as_str().unwrap());
    gateway.process.text("org 2  connected");
    gateway.process.text("org 2  keep-alive ok (ws: ");
    server.inject(&["stream_error", "code=515"], at);
    let line = gateway.process.text("515: blocked until ");
    assert!(
        line.contains("rate_limited") && line.contains("until an operator starts it"),
        "{line}"
    );
    gateway.start_session("2");
    gateway.process.text("start refused: block, retry at ");
    let said = gateway.said();
    assert_eq!(gateway.process.terminate(), Some(0));
    holds_no_secret(&said, at);
}

/// Neither the API key nor any key of the store is in what was said, in hexadecimal, base64 or as it is.
fn holds_no_secret(said: &str, at: &std::path::Path) {
    assert!(said.len() > 1_000, "hardly anything was said: {said}");
    assert!(!said.contains(KEY));
    let store = RedbStore::open(at.join("squall.store")).unwrap();
    let contents = store.contents().unwrap();
    let devices: Vec<_> = contents
        .devices
        .values()
        .chain(contents.aside.values())
        .collect();
    assert!(!devices.is_empty());
    for device in devices {
        for secret in [
            device.noise.secret(),
            device.identity.secret(),
            device.signed_pre_key.secret(),
            device.adv_secret,
        ] {
            let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            for form in [
                hex.to_uppercase(),
                hex,
                STANDARD_NO_PAD.encode(secret),
                URL_SAFE_NO_PAD.encode(secret),
                format!("{secret:?}"),
            ] {
                assert!(!said.contains(&form), "a secret in what was said");
            }
        }
    }
}

//! An operator's day, over HTTP.

use squall_protocol::{Millis, Node};

use super::*;
use crate::OrgId;
use crate::state::State;

#[tokio::test(start_paused = true)]
async fn from_the_start_over_the_scan_to_the_block_and_its_refusal() {
    let mut house = House::new();
    let (app, two) = (app_of(&house), OrgId::new("2"));
    let limits = get(&app, "/api/rate-limit-status").await.json();
    assert_eq!(limits["global_attempts_last_hour"], 0);
    assert_eq!(limits["can_connect"], true);

    let asked = r#"{"organization_id":"2"}"#;
    let started = post(&app, "/api/start-session", asked).await;
    assert_eq!(started.status, 202);
    let started = started.json();
    assert_eq!(started["status"], "waiting");
    assert_eq!(started["attempt_id"], 1);
    assert_eq!(started["dial_at"], "2026-01-19T14:00:30Z");
    assert_eq!(started["needs_pairing"], true);
    let again = post(&app, "/api/start-session", asked).await;
    assert_eq!(again.problem(), (409, "already-active".to_owned()));

    let mut first = house.secured().await;
    house.offer(&mut first, &two).await;
    assert_eq!(
        get(&app, "/api/status/2").await.json()["status"],
        "awaiting_qr_scan"
    );
    house.scan(&mut first, &two).await;
    let mut peer = house.connected().await;
    house.stands(&two, State::Connected).await;
    let status = get(&app, "/api/status/2").await.json();
    assert_eq!(status["connected"], true);
    assert_eq!(status["phone_number"], "15550100");
    assert!(status["last_activity"].is_i64(), "{status}");
    assert_eq!(status["last_connected"], "2026-01-19T14:00:30Z");

    peer.send(&Node::new("stream:error").attr("code", "515"))
        .await;
    house.stands(&two, State::Blocked).await;
    // A part of a second is a whole one for whoever waits.
    house.pass(Millis::new(500)).await;
    let status = get(&app, "/api/status/2").await.json();
    assert_eq!(status["disconnect_reason"], "rate_limited");
    let refused = post(&app, "/api/start-session", asked).await;
    assert_eq!(refused.problem(), (429, "limited".to_owned()));
    assert_eq!(refused.header("retry-after"), "86400");
    let problem = refused.json();
    assert_eq!(problem["cause"], "block");
    assert_eq!(problem["also"], serde_json::json!([]));
    assert_eq!(problem["retry_at"], status["blocked_until"]);
    let limits = get(&app, "/api/rate-limit-status?organization_id=2").await;
    let limits = limits.json();
    assert_eq!(limits["refused_by"], serde_json::json!(["block"]));
    assert_eq!(limits["org_attempts_last_day"], 1);
    let decisions = limits["decisions"].as_array().expect("a list");
    let causes: Vec<_> = decisions.iter().map(|answer| &answer["cause"]).collect();
    assert_eq!(
        causes,
        [&Value::Null, &"already_active".into(), &"block".into()]
    );
    let all = get(&app, "/api/status").await.json();
    assert_eq!(all["organizations"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_code_is_shown_in_every_form_while_it_can_be_scanned() {
    let mut house = House::new();
    let (app, two) = (app_of(&house), OrgId::new("2"));
    house.start(&two);
    let early = get(&app, "/api/qr/2").await;
    assert_eq!(early.problem(), (404, "no-qr".to_owned()));
    let mut first = house.secured().await;
    house.offer(&mut first, &two).await;
    let shown = house.code(&two);
    assert_eq!(get(&app, "/api/qr/2?format=json").await.json()["qr"], shown);
    for (format, kind, begins) in [
        ("", "image/png", &b"\x89PNG\r\n"[..]),
        ("?format=svg", "image/svg+xml", b"<?xml"),
        ("?format=text", "text/plain; charset=utf-8", "█".as_bytes()),
    ] {
        let drawn = get(&app, &format!("/api/qr/2{format}")).await;
        assert_eq!(drawn.header("content-type"), kind);
        assert_eq!(drawn.header("cache-control"), "no-store");
        assert!(drawn.body.starts_with(begins), "{format}");
    }
    let other = get(&app, "/api/qr/2?format=gif").await;
    assert_eq!(other.problem(), (400, "invalid-query".to_owned()));
    house.scan(&mut first, &two).await;
    house.stands(&two, State::Connecting).await;
    assert_eq!(get(&app, "/api/qr/2").await.problem().0, 404);
}

/// The picture is the code: its modules, read back from the pixels.
#[tokio::test(start_paused = true)]
async fn the_image_holds_the_code_within_a_white_border() {
    let mut house = House::new();
    let (app, two) = (app_of(&house), OrgId::new("2"));
    house.start(&two);
    let mut first = house.secured().await;
    house.offer(&mut first, &two).await;
    let code = qrcode::QrCode::new(house.code(&two)).expect("it fits");
    let image = get(&app, "/api/qr/2").await.body;
    let decoder = png::Decoder::new(std::io::Cursor::new(image));
    let mut reader = decoder.read_info().expect("a PNG");
    let side = usize::try_from(reader.info().width).expect("small");
    let mut pixels = vec![0; side * side];
    reader.next_frame(&mut pixels).expect("a whole image");
    let modules = side / 8;
    assert_eq!(modules, code.width() + 8);
    for row in 0..modules {
        for column in 0..modules {
            let inside = |at: usize| (4..modules - 4).contains(&at);
            let dark =
                inside(row) && inside(column) && code[(column - 4, row - 4)] == qrcode::Color::Dark;
            let expected = if dark { 0 } else { 255 };
            for pixel in [(0, 0), (7, 7), (3, 5)] {
                let at = (row * 8 + pixel.0) * side + column * 8 + pixel.1;
                assert_eq!(pixels[at], expected, "module {row}, {column}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_wait_and_a_store_that_fails_admits_nothing() {
    let house = House::new();
    let (app, two) = (app_of(&house), OrgId::new("2"));
    let asked = r#"{"organization_id":"2"}"#;
    let nobody = post(&app, "/api/stop-session", asked).await;
    assert_eq!(nobody.problem(), (404, "no-such-organization".to_owned()));
    house.start(&two);
    assert_eq!(post(&app, "/api/stop-session", asked).await.status, 202);
    house.stands(&two, State::Idle).await;
    house.store.set_available(false);
    let refused = post(&app, "/api/start-session", asked).await;
    assert_eq!(refused.problem(), (503, "store-unavailable".to_owned()));
    assert_eq!(refused.json()["cause"], "store_unavailable");
    let limits = get(&app, "/api/rate-limit-status").await;
    assert_eq!(limits.problem(), (503, "store-unavailable".to_owned()));
    let measured = get(&app, "/metrics").await.body;
    let measured = String::from_utf8(measured).expect("text");
    assert!(measured.contains("squall_store_failing 1"), "{measured}");
    house.store.set_available(true);
    house.gateway.close().await.expect("healthy");
    let closing = post(&app, "/api/start-session", asked).await;
    assert_eq!(closing.problem(), (503, "closing".to_owned()));
}

/// How far it had come, or what was missing: on the page and in the event alike.
#[tokio::test(start_paused = true)]
async fn an_end_is_told_with_what_its_cause_leaves_out() {
    for (cause, what, how) in [
        ("connect_timed_out", "stage", "login"),
        ("connection_closed", "stage", "login"),
        ("connection_lost", "lost", "silence"),
    ] {
        let mut house = House::new();
        let (app, two) = (app_of(&house), OrgId::new("2"));
        house.start(&two);
        let mut peer = house.secured().await;
        match cause {
            "connection_closed" => drop(peer),
            "connection_lost" => {
                house.offer(&mut peer, &two).await;
                house.scan(&mut peer, &two).await;
                let _silent = house.connected().await;
                house.pass(Millis::from_mins(2)).await;
            }
            _ => house.pass(Millis::from_mins(2)).await,
        }
        house
            .stands(&two, State::DisconnectedManualReconnectRequired)
            .await;
        let page = get(&app, "/api/status/2").await.json();
        assert_eq!(
            (&page["disconnect_reason"], &page[what]),
            (&cause.into(), &how.into())
        );
        let events = get(&app, "/api/events?since=0&follow=false").await.body;
        let events = String::from_utf8(events).expect("text");
        let told = format!("\"cause\":\"{cause}\",\"{what}\":\"{how}\"");
        assert!(events.contains(&told), "{told} in {events}");
    }
}

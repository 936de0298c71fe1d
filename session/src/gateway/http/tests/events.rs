//! Events as they are read, and what is counted.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::body::BodyDataStream;
use futures_util::Stream as _;
use squall_protocol::{Millis, Node};

use super::*;
use crate::OrgId;
use crate::state::State;

const ALL: &str = "/api/events?since=0&follow=false";

/// What was told, without what only keeps a line open.
fn entries(body: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(body).expect("text");
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.map(|json| serde_json::from_str(json).expect("JSON"))
        .collect()
}

fn names(entries: &[Value]) -> Vec<&str> {
    let names = entries.iter().map(|entry| entry["event"].as_str());
    names.map(|name| name.expect("a name")).collect()
}

/// Connected, and then told this by the server.
async fn ended_by(stanza: &Node) -> (House, Router) {
    let mut house = House::new();
    let (app, two) = (app_of(&house), OrgId::new("2"));
    house.start(&two);
    let mut first = house.secured().await;
    house.offer(&mut first, &two).await;
    house.scan(&mut first, &two).await;
    let mut peer = house.connected().await;
    house.stands(&two, State::Connected).await;
    peer.send(stanza).await;
    house.stands(&two, State::Blocked).await;
    (house, app)
}

#[tokio::test(start_paused = true)]
async fn a_life_is_told_in_order_with_the_stanza_that_ended_it() {
    let (_house, app) = ended_by(&Node::new("stream:error").attr("code", "515")).await;
    let told = get(&app, ALL).await;
    assert_eq!(told.header("content-type"), "text/event-stream");
    assert_eq!(told.header("cache-control"), "no-store");
    let entries = entries(&told.body);
    let seqs: Vec<_> = entries.iter().map(|entry| entry["seq"].as_u64()).collect();
    let counted: Vec<_> = (1..).take(entries.len()).map(Some).collect();
    assert_eq!(seqs, counted);
    assert!(entries.iter().all(|entry| entry["organization_id"] == "2"));
    assert_eq!(
        names(&entries),
        [
            "admitted",
            "state",
            "state",
            "state",
            "qr",
            "device",
            "state",
            "disconnected",
            "state",
            "state",
            "disconnected",
            "alert",
            "state"
        ]
    );
    let ends: Vec<_> = entries
        .iter()
        .filter(|entry| entry["event"] == "disconnected")
        .collect();
    assert_eq!(
        (&ends[0]["cause"], &ends[0]["handoff"]),
        (&"restart_required".into(), &true.into())
    );
    assert_eq!(ends[1]["raw"], r#"<stream:error code="515"/>"#);
    assert_eq!(ends[1]["code"], "515");
    assert_eq!(ends[1]["blocked_until"], "2026-01-20T14:00:30Z");
    let later = get(&app, "/api/events?since=12&follow=false").await;
    assert_eq!(
        super::events::entries(&later.body).len(),
        entries.len() - 12
    );
}

/// What one who goes on is told, at once.
async fn goes_on(app: &Router, path: &str, last: &str) -> String {
    let request = Request::get(path)
        .header("x-api-key", key())
        .header("last-event-id", last);
    let told = ask(app, request.body(Body::empty()).expect("a request")).await;
    assert_eq!(told.status, 200);
    String::from_utf8(told.body).expect("text")
}

/// The ids of what was told.
fn ids(text: &str) -> Vec<&str> {
    text.lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .collect()
}

/// A browser asks again by the same address, and says in a header how far it had come.
#[tokio::test(start_paused = true)]
async fn one_who_goes_on_hears_what_it_has_not_heard_whatever_its_address_says() {
    let house = House::new();
    let app = app_of(&house);
    house.start(&OrgId::new("2"));
    house.pass(Millis::new(1)).await;
    let first = String::from_utf8(get(&app, ALL).await.body).expect("text");
    let all = ids(&first);
    let [once, rest @ ..] = all.as_slice() else {
        panic!("events: {first}");
    };
    let more = goes_on(&app, ALL, once).await;
    assert_eq!(ids(&more), rest);
    let (life, _) = once.split_once('-').expect("a life");
    for foreign in [format!("{life}0-1"), "1".to_owned(), "odd".to_owned()] {
        let told = goes_on(&app, ALL, &foreign).await;
        let gap = format!("id: {life}-0\nevent: gap\ndata: {{\"missed\":0,\"restarted\":true}}");
        assert!(told.contains(&gap), "{foreign}: {told}");
        assert_eq!(ids(&told)[1..], all, "{foreign}");
    }
}

/// What a stream has to give without waiting.
fn ready(stream: &mut BodyDataStream) -> Option<String> {
    let mut context = Context::from_waker(Waker::noop());
    match Pin::new(stream).poll_next(&mut context) {
        Poll::Ready(Some(bytes)) => {
            let bytes = bytes.expect("infallible");
            Some(String::from_utf8(bytes.to_vec()).expect("text"))
        }
        Poll::Ready(None) => Some("the end".to_owned()),
        Poll::Pending => None,
    }
}

async fn follow(app: &Router, path: &str) -> BodyDataStream {
    let request = Request::get(path).header("x-api-key", key());
    let request = request.body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

#[tokio::test(start_paused = true)]
async fn one_who_follows_hears_what_comes_and_is_let_go_of_at_the_end() {
    let house = House::new();
    let app = app_of(&house);
    house.start(&OrgId::new("1"));
    let mut stream = follow(&app, "/api/events").await;
    assert_eq!(ready(&mut stream).as_deref(), Some(": squall\n\n"));
    assert_eq!(ready(&mut stream), None, "what was before is not told");
    house.start(&OrgId::new("2"));
    let said = ready(&mut stream).expect("an event");
    assert!(
        said.starts_with("id: ") && said.contains("admitted"),
        "{said}"
    );
    // Both sessions say that they wait.
    house.pass(Millis::new(1)).await;
    while ready(&mut stream).is_some() {}
    house.pass(Millis::from_secs(15)).await;
    let beat = ready(&mut stream);
    assert_eq!(beat.as_deref(), Some(": nothing happens\n\n"));
    house.gateway.events().end();
    assert_eq!(ready(&mut stream).as_deref(), Some("the end"));
}

#[tokio::test(start_paused = true)]
async fn a_place_to_read_is_free_again_when_its_reader_is_gone() {
    let house = House::new();
    let app = app_of(&house);
    let mut readers = Vec::new();
    for _ in 0..64 {
        readers.push(follow(&app, "/api/events").await);
    }
    let one_more = get(&app, ALL).await;
    assert_eq!(one_more.problem(), (503, "too-many-readers".to_owned()));
    readers.pop();
    assert_eq!(get(&app, ALL).await.status, 200);
    let wrong = get(&app, "/api/events?since=yesterday").await;
    assert_eq!(wrong.problem(), (400, "invalid-query".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_counted() {
    let mut house = House::new();
    let (app, two) = (app_of(&house), OrgId::new("2"));
    let odd = OrgId::new("a \"quoted\"\\ name");
    house.start(&two);
    house.start(&odd);
    house.gateway.stop(&odd).expect("known");
    let mut first = house.secured().await;
    house.offer(&mut first, &two).await;
    house.scan(&mut first, &two).await;
    let mut peer = house.connected().await;
    house.stands(&two, State::Connected).await;
    house.pass(Millis::from_secs(25)).await;
    let ping = peer.receive().await;
    house.pass(Millis::from_secs(1)).await;
    peer.answer(&ping).await;
    let twice = post(&app, "/api/start-session", r#"{"organization_id":"2"}"#).await;
    assert_eq!(twice.status, 409);
    house.pass(Millis::from_secs(3)).await;
    let told = get(&app, "/metrics").await;
    assert!(
        told.header("content-type")
            .starts_with("application/openmetrics-text")
    );
    let text = String::from_utf8(told.body).expect("text");
    for line in [
        r#"squall_session_state{organization="2",state="connected"} 1"#,
        r#"squall_session_state{organization="2",state="blocked"} 0"#,
        r#"squall_session_state{organization="a \"quoted\"\\ name",state="idle"} 1"#,
        r#"squall_attempts_total{organization="2"} 1"#,
        r#"squall_starts_denied_total{cause="already_active"} 1"#,
        r#"squall_disconnects_total{organization="2",cause="restart_required"} 1"#,
        r#"squall_pings_total{organization="2",kind="iq"} 2"#,
        r#"squall_pings_total{organization="2",kind="web_socket"} 0"#,
        r#"squall_pong_delay_seconds_count{organization="2",kind="iq"} 2"#,
        r#"squall_pong_delay_seconds_bucket{le="0.025",organization="2",kind="iq"} 1"#,
        r#"squall_pong_delay_seconds_bucket{le="1.0",organization="2",kind="iq"} 2"#,
        r#"squall_pong_delay_seconds_bucket{le="+Inf",organization="2",kind="iq"} 2"#,
        r#"squall_seconds_since_last_activity{organization="2"} 3.0"#,
        "squall_store_failing 0",
        "# TYPE squall_pong_delay_seconds histogram",
        "# EOF",
    ] {
        assert!(
            text.lines().any(|said| said == line),
            "no {line} in\n{text}"
        );
    }
}

/// Nothing of the page is anywhere else, and it needs no key: a browser cannot send one with an address.
#[tokio::test(start_paused = true)]
async fn the_documents_page_is_whole_and_asks_nobody_else() {
    let house = House::new();
    let app = app_of(&house);
    let open = |path: &str| Request::get(path.to_owned()).body(Body::empty());
    let moved = ask(&app, open("/api/docs").expect("a request")).await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (StatusCode::PERMANENT_REDIRECT, "/api/docs/")
    );
    let page = ask(&app, open("/api/docs/").expect("a request")).await;
    assert_eq!(page.header("content-type"), "text/html");
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'; script-src 'self'")
    );
    let html = String::from_utf8(page.body).expect("text");
    assert!(!html.contains("://"), "an address of elsewhere: {html}");
    let mut parts = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in html.split(attribute).skip(1) {
            let name = rest
                .split('"')
                .next()
                .expect("a name")
                .trim_start_matches("./");
            let part = ask(&app, open(&format!("/api/docs/{name}")).expect("a request")).await;
            assert_eq!(part.status, 200, "{name}");
            parts += 1;
        }
    }
    assert!(parts >= 5, "scripts and styles: {html}");
    let start = ask(
        &app,
        open("/api/docs/swagger-initializer.js").expect("a request"),
    )
    .await;
    let start = String::from_utf8(start.body).expect("text");
    assert!(
        start.contains("../openapi.json") && start.contains(r#""validatorUrl": "none""#),
        "{start}"
    );
    for other in ["..%2f..%2fetc%2fpasswd", "%ff", "none"] {
        let other = open(&format!("/api/docs/{other}")).expect("a request");
        let other = ask(&app, other).await;
        assert_eq!(other.problem(), (404, "no-such-page".to_owned()));
    }
}

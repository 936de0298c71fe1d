//! What is refused, and that nothing is told with it.

use std::convert::Infallible;

use super::*;

#[tokio::test(start_paused = true)]
async fn without_the_key_there_is_nothing_but_health() {
    let house = House::new();
    let app = app_of(&house);
    let plain = |path: &str| Request::get(path.to_owned());
    let health = plain("/health").body(Body::empty()).expect("a request");
    assert_eq!(ask(&app, health).await.json()["status"], "ok");
    for path in [
        "/",
        "/api/status",
        "/api/status/2",
        "/api/qr/2",
        "/api/rate-limit-status",
        "/api/events",
        "/metrics",
        "/health/",
        "/api/../health",
        "/api/docs/../status",
        "//health",
    ] {
        for given in [None, Some("wrong"), Some(&key()[1..]), Some("")] {
            let mut request = plain(path);
            if let Some(given) = given {
                request = request.header("x-api-key", given);
            }
            let refused = ask(&app, request.body(Body::empty()).expect("a request")).await;
            assert_eq!(refused.problem(), (401, "key-needed".to_owned()), "{path}");
            assert!(refused.header("www-authenticate").starts_with("ApiKey"));
        }
    }
    let start = Request::post("/api/start-session")
        .header("content-type", "application/json")
        .body(Body::from(r#"{"organization_id":"2"}"#));
    assert_eq!(ask(&app, start.expect("a request")).await.status, 401);
    assert!(house.gateway.standings().is_empty());
}

#[test]
fn a_key_is_long_and_prints_nothing() {
    for weak in [
        "",
        "short",
        "fifteen-letters",
        "sixteen letters, spaced",
        "schlüssel-schlüssel",
    ] {
        assert!(ApiKey::new(weak).is_err(), "{weak}");
    }
    let text = key();
    let key = ApiKey::new(&format!(" {text}\n")).expect("long enough");
    assert_eq!(format!("{key:?}"), "ApiKey");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_meant_is_refused_with_its_place() {
    let house = House::new();
    let app = app_of(&house);
    for (body, status, kind) in [
        ("", 400, "malformed-json"),
        ("{", 400, "malformed-json"),
        ("[]", 422, "invalid-body"),
        ("{}", 422, "invalid-body"),
        (r#"{"organization_id":2}"#, 422, "invalid-body"),
        (
            r#"{"organization_id":"2","force":true}"#,
            422,
            "invalid-body",
        ),
        (r#"{"organization_id":"2"} {}"#, 400, "malformed-json"),
        (r#"{"organization_id":""}"#, 400, "invalid-organization"),
        (
            r#"{"organization_id":"a\u0000"}"#,
            400,
            "invalid-organization",
        ),
    ] {
        let refused = post(&app, "/api/start-session", body).await;
        assert_eq!(refused.problem(), (status, kind.to_owned()), "{body}");
    }
    let long = format!(r#"{{"organization_id":"{}"}}"#, "x".repeat(129));
    let refused = post(&app, "/api/start-session", long).await;
    assert_eq!(refused.problem(), (400, "invalid-organization".to_owned()));
    let large = post(&app, "/api/start-session", vec![b' '; 10 << 20]).await;
    assert_eq!(large.problem(), (413, "too-large".to_owned()));
    let untyped = Request::post("/api/start-session").header("x-api-key", key());
    let untyped = ask(&app, untyped.body(Body::empty()).expect("a request")).await;
    assert_eq!(
        untyped.problem(),
        (415, "unsupported-media-type".to_owned())
    );
    assert!(house.gateway.standings().is_empty(), "nothing was started");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_comes_is_not_waited_for() {
    let house = House::new();
    let app = app_of(&house);
    let never = futures_util::stream::pending::<Result<Vec<u8>, Infallible>>();
    let refused = post(&app, "/api/start-session", Body::from_stream(never)).await;
    assert_eq!(refused.problem(), (408, "too-slow".to_owned()));
    assert_eq!(house.clock.mono(), squall_protocol::Instant::at(10_000));
}

#[tokio::test(start_paused = true)]
async fn a_page_a_method_and_a_query_that_are_not_there_are_problems_too() {
    let house = House::new();
    let app = app_of(&house);
    for (path, status, kind) in [
        ("/api/nothing", 404, "no-such-page"),
        ("/api/status/2", 404, "no-such-organization"),
        ("/api/status/%ff", 400, "invalid-organization"),
        ("/api/status/..%2f..%2fetc", 404, "no-such-organization"),
        ("/api/status/a%00", 400, "invalid-organization"),
        (
            "/api/rate-limit-status?organization=2",
            400,
            "invalid-query",
        ),
        (
            "/api/rate-limit-status?organization_id=",
            400,
            "invalid-organization",
        ),
        ("/api/start-session", 405, "method-not-allowed"),
    ] {
        let refused = get(&app, path).await;
        assert_eq!(refused.problem(), (status, kind.to_owned()), "{path}");
    }
}

/// What the routes answer, the document says.
#[tokio::test(start_paused = true)]
async fn the_document_tells_every_route() {
    let house = House::new();
    let app = app_of(&house);
    let document = get(&app, "/api/openapi.json").await.json();
    let paths = document["paths"].as_object().expect("paths");
    let mut told: Vec<_> = paths.keys().map(String::as_str).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "/api/events",
            "/api/openapi.json",
            "/api/qr/{organization_id}",
            "/api/rate-limit-status",
            "/api/start-session",
            "/api/status",
            "/api/status/{organization_id}",
            "/api/stop-session",
            "/health",
            "/metrics",
        ]
    );
    let scheme = &document["components"]["securitySchemes"]["key"];
    assert_eq!(scheme["name"], "X-API-Key");
    let references = document.to_string();
    for named in references.split("#/components/schemas/").skip(1) {
        let name = named.split('"').next().expect("a name");
        let there = &document["components"]["schemas"][name];
        assert!(there.is_object(), "{name} is named and not told");
    }
}

//! The app, asked as over HTTP; and the sockets below it.

mod events;
mod refusals;
mod sockets;
mod story;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::gateway::tests::House;

const KEY: &str = "correct horse battery staple";

fn key() -> String {
    KEY.replace(' ', "-")
}

fn app_of(house: &House) -> Router {
    let key = ApiKey::new(&key()).expect("long enough");
    app(Arc::new(house.gateway.clone()), key)
}

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    /// Of a problem: its status and its kind, without the part that all have.
    fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_ne!(problem["detail"], "");
        let kind = problem["type"].as_str().expect("a kind");
        let kind = kind.strip_prefix("urn:squall:").expect("one of ours");
        (self.status.as_u16(), kind.to_owned())
    }
}

async fn ask(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a whole body");
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.into(),
    }
}

async fn get(app: &Router, path: &str) -> Answer {
    let request = Request::get(path).header("x-api-key", key());
    ask(app, request.body(Body::empty()).expect("a request")).await
}

async fn post(app: &Router, path: &str, body: impl Into<Body>) -> Answer {
    let request = Request::post(path)
        .header("x-api-key", key())
        .header("content-type", "application/json");
    ask(app, request.body(body.into()).expect("a request")).await
}

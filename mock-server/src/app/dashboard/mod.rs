//! The dashboard at `/`: connections as they are, what happens while it happens, faults on and off, the phone.
//!
//! Plain files that are part of the program. The page does nothing that the control API does not offer to everybody else,
//! and its policy lets it speak to this server alone.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};

use super::MockServer;

/// The page and what it is made of.
pub(super) fn routes() -> Router<MockServer> {
    Router::new()
        .route("/", get(page))
        .route("/dashboard.css", get(style))
        .route("/dashboard.js", get(script))
}

async fn page() -> impl IntoResponse {
    file("text/html; charset=utf-8", PAGE.to_owned())
}

async fn style() -> impl IntoResponse {
    file("text/css; charset=utf-8", STYLE.to_owned())
}

async fn script() -> impl IntoResponse {
    file("text/javascript; charset=utf-8", SCRIPT.join("\n"))
}

fn file(kind: &'static str, text: String) -> impl IntoResponse {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        // Another server may listen here next.
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text)
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// In the order in which they build upon each other.
const SCRIPT: &[&str] = &[
    include_str!("dom.js"),
    include_str!("api.js"),
    include_str!("hear.js"),
    include_str!("words.js"),
    include_str!("timeline.js"),
    include_str!("connections.js"),
    include_str!("faults.js"),
    include_str!("phone.js"),
    include_str!("main.js"),
];

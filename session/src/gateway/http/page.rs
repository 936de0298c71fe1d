//! The page of the OpenAPI document: Swagger UI, from this program's own copy of it. It asks nobody but this gateway.

use std::sync::Arc;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use utoipa_swagger_ui::Config;

use super::problem::{Kind, Problem};

/// Where the page is.
pub(super) const PAGE: &str = "/api/docs/";

/// For whoever leaves the last `/` away.
pub(super) async fn to_page() -> Redirect {
    Redirect::permanent(PAGE)
}

/// The page itself.
pub(super) async fn index() -> Result<Response, Problem> {
    file("index.html")
}

/// What it is made of.
pub(super) async fn part(name: Result<Path<String>, PathRejection>) -> Result<Response, Problem> {
    let Path(name) = name.map_err(|_| no_part())?;
    file(&name)
}

fn file(name: &str) -> Result<Response, Problem> {
    // Swagger UI would ask a validator on the internet about each document that is not on this machine.
    let config = Config::new(["../openapi.json"]).validator_url("none");
    let found = utoipa_swagger_ui::serve(name, Arc::new(config))
        .ok()
        .flatten();
    let file = found.ok_or_else(no_part)?;
    let headers = [
        (CONTENT_TYPE, file.content_type.as_str()),
        (CONTENT_SECURITY_POLICY, OWN),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((headers, file.bytes.into_owned()).into_response())
}

fn no_part() -> Problem {
    Problem::new(
        Kind::NoSuchPage,
        format!("the page {PAGE} has no such part"),
    )
}

/// The browser asks nobody else either. The page sets styles of its own while it runs, and draws with `data:` images.
const OWN: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                   connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

//! What requests carry: small, in time, and read to the last field.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use futures_util::future::{Either, select};
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use squall_protocol::Millis;
use utoipa::ToSchema;

use super::Api;
use super::problem::{Kind, Problem};
use crate::id::OrgId;

/// Whom a request is about, in its body.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfOrganization {
    /// The organization's name: 1 to 128 bytes, no control characters.
    #[schema(min_length = 1, max_length = 128)]
    organization_id: String,
}

/// An organization that a JSON body names.
#[derive(Debug)]
pub(super) struct InBody(pub(super) OrgId);

/// An organization that the path names.
#[derive(Debug)]
pub(super) struct InPath(pub(super) OrgId);

/// A query that was read whole.
#[derive(Debug)]
pub(super) struct Asks<T>(pub(super) T);

impl FromRequest<Api> for InBody {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let given = request.headers().get(CONTENT_TYPE);
        let given = given.and_then(|value| value.to_str().ok()).unwrap_or("");
        let kind = given.split(';').next().unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::new(
                Kind::UnsupportedMediaType,
                "the body must be application/json, and its Content-Type must say so",
            ));
        }
        let bytes = read(request.into_body(), api).await?;
        let asked: OfOrganization = serde_json::from_slice(&bytes).map_err(|error| {
            let kind = match error.classify() {
                Category::Data => Kind::InvalidBody,
                Category::Io | Category::Syntax | Category::Eof => Kind::MalformedJson,
            };
            Problem::new(kind, error.to_string())
        })?;
        organization(&asked.organization_id).map(Self)
    }
}

impl FromRequestParts<Api> for InPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Path(name) = Path::<String>::from_request_parts(parts, api)
            .await
            .map_err(|error| Problem::new(Kind::InvalidOrganization, error.body_text()))?;
        organization(&name).map(Self)
    }
}

impl<T: DeserializeOwned> FromRequestParts<Api> for Asks<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Query(asks) = Query::<T>::from_request_parts(parts, api)
            .await
            .map_err(|error| Problem::new(Kind::InvalidQuery, error.body_text()))?;
        Ok(Self(asks))
    }
}

/// The organization of this name.
pub(super) fn organization(name: &str) -> Result<OrgId, Problem> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(Problem::new(
            Kind::InvalidOrganization,
            format!(
                "an organization's name has 1 to {LONGEST_NAME} bytes and no control characters"
            ),
        ));
    }
    Ok(OrgId::new(name))
}

/// The whole body.
async fn read(body: Body, api: &Api) -> Result<axum::body::Bytes, Problem> {
    let too_slow = api.operator.after(PATIENCE);
    let body = Box::pin(to_bytes(body, LIMIT));
    match select(body, too_slow).await {
        Either::Left((bytes, _)) => bytes.map_err(|_| {
            Problem::new(
                Kind::TooLarge,
                format!("a body here has at most {LIMIT} bytes, and comes whole"),
            )
        }),
        Either::Right(_) => Err(Problem::new(
            Kind::TooSlow,
            format!("the body was not here after {} s", PATIENCE.get() / 1_000),
        )),
    }
}

/// A name fits many times.
const LIMIT: usize = 4 << 10;
/// Nobody writes so little for so long.
const PATIENCE: Millis = Millis::from_secs(10);
/// Longer than any name that a person gives.
const LONGEST_NAME: usize = 128;

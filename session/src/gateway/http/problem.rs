//! What went wrong, as RFC 9457 tells it.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder, Schema};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

use crate::gateway::{Denied, NoQr, NoSuchOrganization};
use crate::limiter::Denial;
use crate::store::StoreError;

macro_rules! kinds {
    ($($kind:ident $status:ident $name:literal $title:literal;)+) => {
        /// What kind of problem it is: a name that a program can go by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub(super) enum Kind {
            $(#[doc = $title] #[serde(rename = $name)] $kind,)+
        }

        impl Kind {
            const fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)+ }
            }

            const NAMES: &[&str] = &[$($name,)+];

            /// The same for every problem of the kind.
            const fn title(self) -> &'static str {
                match self { $(Self::$kind => $title,)+ }
            }
        }
    };
}

kinds! {
    MalformedJson BAD_REQUEST "urn:squall:malformed-json" "The body is no JSON";
    InvalidQuery BAD_REQUEST "urn:squall:invalid-query" "The query cannot be read";
    InvalidOrganization BAD_REQUEST "urn:squall:invalid-organization" "No organization can have this name";
    KeyNeeded UNAUTHORIZED "urn:squall:key-needed" "The API key is missing or wrong";
    NoSuchPage NOT_FOUND "urn:squall:no-such-page" "There is no such page";
    NoSuchOrganization NOT_FOUND "urn:squall:no-such-organization" "There is no such organization";
    NoQr NOT_FOUND "urn:squall:no-qr" "There is no QR code to show";
    MethodNotAllowed METHOD_NOT_ALLOWED "urn:squall:method-not-allowed" "The page has no such method";
    TooSlow REQUEST_TIMEOUT "urn:squall:too-slow" "The body took too long";
    AlreadyActive CONFLICT "urn:squall:already-active" "A session is under way";
    TooLarge PAYLOAD_TOO_LARGE "urn:squall:too-large" "The body is too large";
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "urn:squall:unsupported-media-type" "The body is of another kind";
    InvalidBody UNPROCESSABLE_ENTITY "urn:squall:invalid-body" "The body says what cannot be meant";
    Limited TOO_MANY_REQUESTS "urn:squall:limited" "The limiter refuses";
    StoreUnavailable SERVICE_UNAVAILABLE "urn:squall:store-unavailable" "The store cannot be used";
    TooManyReaders SERVICE_UNAVAILABLE "urn:squall:too-many-readers" "Too many read the events";
    Closing SERVICE_UNAVAILABLE "urn:squall:closing" "The gateway is about to end";
}

impl PartialSchema for Kind {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::NAMES.iter().copied()))
            .description(Some(
                "What kind of problem it is: a name that a program can go by.",
            ))
            .build()
            .into()
    }
}

impl ToSchema for Kind {}

/// A problem, as RFC 9457 writes it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// What kind of problem it is.
    #[serde(rename = "type")]
    kind: Kind,
    /// The kind in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time, and the way out.
    detail: String,
    /// Of a start: the rule that refuses it, the last one to let it through.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<Denial>,
    /// Of a start: the other rules that stand in its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    also: Option<Vec<Denial>>,
    /// Of a start: the earliest instant at which it would be granted if nothing else happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    retry_at: Option<Timestamp>,
    /// Seconds until then.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: detail.into(),
            cause: None,
            also: None,
            retry_at: None,
            retry_after: None,
        }
    }

    /// Why a start was refused, as of `now`.
    pub(super) fn denied(denied: Denied, now: Timestamp) -> Self {
        let (cause, also, retry_at) = match denied {
            Denied::Closing => {
                return Self::new(
                    Kind::Closing,
                    "the gateway is about to end; ask the next one",
                );
            }
            Denied::Limiter {
                cause,
                also,
                retry_at,
            } => (cause, also, retry_at),
        };
        let (kind, detail) = match (cause, retry_at) {
            (Denial::StoreUnavailable, _) => (Kind::StoreUnavailable, STORE.to_owned()),
            (Denial::AlreadyActive, _) => (
                Kind::AlreadyActive,
                "the organization has an attempt or a session under way; stop-session ends it"
                    .to_owned(),
            ),
            (cause, Some(at)) => (
                Kind::Limited,
                format!("{} stands in the way until {at}", cause.name()),
            ),
            (cause, None) => (
                Kind::Limited,
                format!("{} admits nothing, ever: its quota is none", cause.name()),
            ),
        };
        Self {
            cause: Some(cause),
            also: Some(also),
            retry_at,
            // Rounded up, so that whoever waits for it is never early.
            retry_after: retry_at.map(|at| {
                let millis = at.duration_since(now).as_millis().max(0).unsigned_abs();
                u64::try_from(millis.div_ceil(1_000)).unwrap_or(u64::MAX)
            }),
            ..Self::new(kind, detail)
        }
    }
}

const STORE: &str = "the store cannot be used, so nothing is admitted; the log says why";

impl From<NoSuchOrganization> for Problem {
    fn from(why: NoSuchOrganization) -> Self {
        Self::new(Kind::NoSuchOrganization, why.to_string())
    }
}

impl From<NoQr> for Problem {
    fn from(why: NoQr) -> Self {
        match why {
            NoQr::NoSuchOrganization(why) => why.into(),
            NoQr::NotShown(_) => Self::new(Kind::NoQr, why.to_string()),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(why: StoreError) -> Self {
        Self::new(Kind::StoreUnavailable, why.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem is made of texts");
        let mut response = (self.kind.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if self.kind == Kind::KeyNeeded {
            let scheme = HeaderValue::from_static("ApiKey realm=\"squall\"");
            headers.insert(WWW_AUTHENTICATE, scheme);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// In the document, a problem may be the answer to everything.
impl IntoResponses for Problem {
    fn responses() -> BTreeMap<String, RefOr<utoipa::openapi::Response>> {
        let schema = Ref::from_schema_name("Problem");
        let response = ResponseBuilder::new()
            .description("What went wrong")
            .content(MEDIA_TYPE, Content::new(Some(schema)))
            .build();
        BTreeMap::from([("default".to_owned(), response.into())])
    }
}

const MEDIA_TYPE: &str = "application/problem+json";

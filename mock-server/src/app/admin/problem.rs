//! What went wrong, as RFC 9457 tells it.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder, Schema};
use utoipa::{IntoResponses, PartialSchema, ToSchema};

macro_rules! kinds {
    ($($kind:ident $status:ident $name:literal $title:literal;)+) => {
        /// What kind of problem it is: a name that a program can go by.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub(super) enum Kind {
            $(#[doc = $title] #[serde(rename = $name)] $kind,)+
        }

        impl Kind {
            /// Its HTTP status.
            pub(super) const fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status,)+ }
            }

            /// The name of every kind.
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
    TokenNeeded UNAUTHORIZED "urn:squall:token-needed" "The token is missing or wrong";
    ForeignHost FORBIDDEN "urn:squall:foreign-host" "The request is meant for another host";
    ForeignOrigin FORBIDDEN "urn:squall:foreign-origin" "The request comes from a page of another origin";
    NoSuchPage NOT_FOUND "urn:squall:no-such-page" "There is no such page";
    NoSuchFault NOT_FOUND "urn:squall:no-such-fault" "No such fault stands";
    NoSuchConnection NOT_FOUND "urn:squall:no-such-connection" "No such connection lives";
    NoSuchAccount NOT_FOUND "urn:squall:no-such-account" "There is no such account";
    NoSuchDevice NOT_FOUND "urn:squall:no-such-device" "The account has no such device";
    MethodNotAllowed METHOD_NOT_ALLOWED "urn:squall:method-not-allowed" "The page has no such method";
    NotAcceptable NOT_ACCEPTABLE "urn:squall:not-acceptable" "The answer has no form that is accepted";
    TooSlow REQUEST_TIMEOUT "urn:squall:too-slow" "The body took too long";
    NobodyThere CONFLICT "urn:squall:nobody-there" "There is nothing to act on";
    NotScanned CONFLICT "urn:squall:not-scanned" "No connection can be paired by this";
    TooLarge PAYLOAD_TOO_LARGE "urn:squall:too-large" "The body is too large";
    UnsupportedMediaType UNSUPPORTED_MEDIA_TYPE "urn:squall:unsupported-media-type" "The body is of another kind";
    InvalidBody UNPROCESSABLE_ENTITY "urn:squall:invalid-body" "The body says what cannot be meant";
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
}

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: detail.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem is made of texts");
        let mut response = (self.kind.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if self.kind == Kind::TokenNeeded {
            let bearer = HeaderValue::from_static("Bearer realm=\"squall\"");
            headers.insert(WWW_AUTHENTICATE, bearer);
            // So that a browser asks for it.
            let basic = HeaderValue::from_static("Basic realm=\"squall\", charset=\"UTF-8\"");
            headers.append(WWW_AUTHENTICATE, basic);
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

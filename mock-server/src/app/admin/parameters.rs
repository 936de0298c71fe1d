//! Numbers in paths, and queries, with our own refusals.

use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::MockServer;
use super::hint::explained;
use super::problem::{Kind, Problem};

/// What the query says; unknown keys are refused by its type.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<MockServer> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, server: &MockServer) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, server).await;
        query.map(|Query(asked)| Self(asked)).map_err(|rejection| {
            let reason = match &rejection {
                QueryRejection::FailedToDeserializeQueryString(error) => {
                    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
                }
                rejection => rejection.to_string(),
            };
            let (key, refusal) = reason.split_once(": ").unwrap_or(("", &reason));
            Problem::new(Kind::InvalidQuery, explained(key, refusal))
        })
    }
}

/// The number that a path names, or the problem that there is nothing of that number.
pub(super) fn number(written: &str, kind: Kind) -> Result<u64, Problem> {
    written
        .parse()
        .map_err(|_| Problem::new(kind, format!("{written:?} is no number")))
}

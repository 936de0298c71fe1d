//! The key that requests carry. Only its hash is kept, and nothing prints either.

use std::fmt;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Api;
use super::page::PAGE;
use super::problem::{Kind, Problem};

/// The key, as its SHA-256.
pub struct ApiKey([u8; 32]);

/// A key that could be guessed, or that no header can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an API key has {SHORTEST} characters or more, all of them visible ASCII; `openssl rand -hex 32` makes one"
)]
pub struct WeakKey;

impl ApiKey {
    /// The key of this text; spaces and line ends around it are no part of it.
    ///
    /// # Errors
    /// See [`WeakKey`].
    pub fn new(text: &str) -> Result<Self, WeakKey> {
        let text = text.trim();
        if text.len() < SHORTEST || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WeakKey);
        }
        Ok(Self(hash(text.as_bytes())))
    }

    /// Whether this is the key. How long that takes tells nothing of how much of it is right.
    fn is(&self, given: &[u8]) -> bool {
        self.0.ct_eq(&hash(given)).into()
    }
}

fn hash(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

/// Sixteen hexadecimal digits are 64 bits.
const SHORTEST: usize = 16;

/// Whether a page tells nothing of this gateway but that it is there: what describes the API is the same for every one.
fn is_open(path: &str) -> bool {
    ["/health", "/api/openapi.json"].contains(&path)
        || path == PAGE.trim_end_matches('/')
        || path
            .strip_prefix(PAGE)
            .is_some_and(|part| !part.contains('/'))
}

/// Lets through what carries the key.
pub(super) async fn check(State(api): State<Api>, request: Request, next: Next) -> Response {
    let given = request.headers().get("x-api-key");
    if is_open(request.uri().path()) || given.is_some_and(|given| api.key.is(given.as_bytes())) {
        return next.run(request).await;
    }
    let what = match given {
        Some(_) => "the key in X-API-Key is another",
        None => "the header X-API-Key is missing",
    };
    Problem::new(Kind::KeyNeeded, what).into_response()
}

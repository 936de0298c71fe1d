//! The gateway over HTTP: a file for each thing that is asked.
//!
//! Every route asks the [`Operator`] and says in JSON what it answered. All but `/health` need the key. Whatever goes wrong
//! is told as a problem of RFC 9457, and no answer but that of `/api/qr` holds a secret.

#![expect(
    unused_qualifications,
    reason = "utoipa's macros write every type as a path"
)]

mod body;
mod document;
mod key;
mod limits;
mod problem;
mod qr;
mod serve;
mod start;
mod status;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use http::{Method, Uri};

use super::Operator;
use problem::{Kind, Problem};

pub use key::{ApiKey, WeakKey};
pub use serve::serve;

/// What every route has at hand.
#[derive(Clone)]
struct Api {
    operator: Arc<dyn Operator>,
    key: Arc<ApiKey>,
}

/// Every page, behind the key.
pub fn app(operator: Arc<dyn Operator>, key: ApiKey) -> Router {
    let api = Api {
        operator,
        key: Arc::new(key),
    };
    let (routes, _) = document::routes().split_for_parts();
    routes
        .fallback(no_page)
        .method_not_allowed_fallback(no_method)
        .layer(axum::middleware::from_fn_with_state(
            api.clone(),
            key::check,
        ))
        .with_state(api)
}

async fn no_page(uri: Uri) -> Problem {
    Problem::new(
        Kind::NoSuchPage,
        format!(
            "there is nothing at {}; /api/openapi.json lists what there is",
            uri.path()
        ),
    )
}

async fn no_method(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Kind::MethodNotAllowed,
        format!(
            "{method} does nothing at {}; the header Allow says what does",
            uri.path()
        ),
    )
}

//! The gateway over HTTP: a file for each thing that is asked.
//!
//! Every route asks the [`Operator`] and says in JSON what it answered. All need the key but `/health` and what describes
//! the API, which is the same for every gateway. Whatever goes wrong
//! is told as a problem of RFC 9457, and no answer but that of `/api/qr` holds a secret.

#![expect(
    unused_qualifications,
    reason = "utoipa's macros write every type as a path"
)]

mod body;
mod document;
mod events;
mod key;
mod limits;
mod metrics;
mod page;
mod problem;
mod prompt;
mod qr;
mod serve;
mod start;
mod status;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::{Method, Uri};

use tokio::sync::Semaphore;

use super::Operator;
use problem::{Kind, Problem};

pub use key::{ApiKey, WeakKey};
pub use serve::serve;

/// What every route has at hand.
#[derive(Clone)]
struct Api {
    operator: Arc<dyn Operator>,
    key: Arc<ApiKey>,
    /// A place for each who reads the events.
    readers: Arc<Semaphore>,
}

/// Every page, behind the key.
pub fn app(operator: Arc<dyn Operator>, key: ApiKey) -> Router {
    let api = Api {
        operator,
        key: Arc::new(key),
        readers: Arc::new(Semaphore::new(events::READERS)),
    };
    let (routes, _) = document::routes().split_for_parts();
    routes
        .route(page::PAGE.trim_end_matches('/'), get(page::to_page))
        .route(page::PAGE, get(page::index))
        .route("/api/docs/{part}", get(page::part))
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

//! The routes and what is said of them: each is written down once, for the router and for the OpenAPI document.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use super::{Api, events, limits, metrics, qr, start, status};
use crate::gateway::events::{Entry, Gap};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Squall's gateway",
        description = "Sessions of organizations, which never connect by themselves. Every problem is told as RFC 9457 says."
    ),
    components(schemas(Problem, Entry, Gap)),
    modifiers(&Key),
    security(("key" = []))
)]
struct Head;

struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let key = SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-API-Key")));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", key);
    }
}

/// Every route.
pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(start::start))
        .routes(routes!(start::stop))
        .routes(routes!(status::all))
        .routes(routes!(status::one))
        .routes(routes!(limits::limits))
        .routes(routes!(qr::show))
        .routes(routes!(events::stream))
        .routes(routes!(metrics::metrics))
        .routes(routes!(health))
        .routes(routes!(openapi))
}

/// That the gateway answers.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// Always `ok`: one that does not answer says nothing.
    status: &'static str,
}

/// Tells that the gateway answers; to anybody, and nothing else.
#[utoipa::path(get, path = "/health", security(()), responses((status = 200, body = Health), Problem))]
async fn health() -> axum::Json<Health> {
    axum::Json(Health { status: "ok" })
}

/// Tells all of this, to anybody; `/api/docs/` is its page.
#[utoipa::path(get, path = "/api/openapi.json", security(()), responses((status = 200, body = Object), Problem))]
async fn openapi() -> axum::Json<&'static Value> {
    axum::Json(&*DOCUMENT)
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let (_, document) = routes().split_for_parts();
    serde_json::to_value(document).expect("a document is made of JSON")
});

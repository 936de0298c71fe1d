//! The routes and what is said of them: each is written down once, for the router and for the OpenAPI document.

use std::sync::LazyLock;

use axum::extract::State;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::Value;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{Modify, OpenApi, PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::Problem;
use super::{Controlled, MockServer, accounts, connections, event_stream, faults, inject, phone};
use crate::fault::FaultSpec;
use crate::server::Ending;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Squall's control API",
        description = "Faults, connections and accounts of a running mock server. Every problem is told as RFC 9457 says."
    ),
    components(schemas(Problem, Ending)),
    modifiers(&Bearer),
    security((), ("token" = []))
)]
struct Head;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("Where the server was started with a token."))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme));
    }
}

/// Every route.
pub(super) fn routes() -> OpenApiRouter<MockServer> {
    OpenApiRouter::with_openapi(Head::openapi())
        .routes(routes!(faults::list, faults::add))
        .routes(routes!(
            faults::show,
            faults::put,
            faults::change,
            faults::remove
        ))
        .routes(routes!(faults::reset))
        .routes(routes!(inject::inject))
        .routes(routes!(connections::list))
        .routes(routes!(connections::show, connections::end))
        .routes(routes!(accounts::list))
        .routes(routes!(accounts::show, accounts::make))
        .routes(routes!(accounts::pair))
        .routes(routes!(accounts::revoke))
        .routes(routes!(accounts::ban, accounts::lift_ban))
        .routes(routes!(phone::scan_qr))
        .routes(routes!(event_stream::stream))
        .routes(routes!(root_key))
        .routes(routes!(openapi))
}

/// The public key that clients have to trust.
#[derive(Debug, Serialize, ToSchema)]
struct RootKey {
    /// Its 32 bytes in hexadecimal.
    hex: String,
    /// The same in base64.
    base64: String,
}

/// Tells the root public key of this run, which clients have to trust in the place of the service's.
#[utoipa::path(get, path = "/admin/root-key", responses((status = 200, body = RootKey), Problem))]
async fn root_key(server: State<MockServer>) -> axum::Json<RootKey> {
    let root = server.ask(|machine, _| machine.root());
    axum::Json(RootKey {
        hex: root.0.iter().map(|byte| format!("{byte:02x}")).collect(),
        base64: BASE64_STANDARD.encode(root.0),
    })
}

/// Tells all of this.
#[utoipa::path(get, path = "/admin/openapi.json", responses((status = 200, body = Object), Problem))]
async fn openapi() -> axum::Json<&'static Value> {
    axum::Json(&*DOCUMENT)
}

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let (_, document) = routes().split_for_parts();
    let mut document = serde_json::to_value(document).expect("a document is made of JSON");
    // Both speak JSON Schema of 2020-12 (OpenAPI 3.1), so what schemars says of faults can stand as it is.
    let place = SCHEMAS.to_owned();
    let settings = SchemaSettings::draft2020_12().with(|it| it.definitions_path = place.into());
    let mut generator = settings.into_generator();
    let fault = FaultSpec::json_schema(&mut generator).to_value();
    if let Some(schemas) = document.pointer_mut(SCHEMAS).and_then(Value::as_object_mut) {
        schemas.extend(generator.take_definitions(true));
        schemas.insert("Fault".to_owned(), fault);
    }
    document
});

const SCHEMAS: &str = "/components/schemas";

/// Only its name: what a fault looks like is told by the same schema that scenarios have.
impl PartialSchema for FaultSpec {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().build().into()
    }
}

impl ToSchema for FaultSpec {
    fn name() -> std::borrow::Cow<'static, str> {
        "Fault".into()
    }
}

//! `/admin/inject`: a fault that acts once.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Json;
use super::faults::NewFault;
use super::problem::{Kind, Problem};
use super::{Controlled, MockServer};

/// What an injected fault did at once, and whether more is to come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Injected {
    /// Its number.
    id: u64,
    /// The connections on which it acted at once.
    acted_on: Vec<u64>,
    /// Whether it waits: for something to act on, or for its target's next dial.
    waits: bool,
}

/// Injects a fault once: on live connections what acts on those, on the target's next dial what acts on a dial. A `ttl`
/// ends the waiting.
#[utoipa::path(
    post,
    path = "/admin/inject",
    request_body = NewFault,
    responses((status = 200, body = Injected), Problem)
)]
pub(super) async fn inject(
    server: State<MockServer>,
    Json(new): Json<NewFault>,
) -> Result<axum::Json<Injected>, Problem> {
    let name = new.fault.info().name;
    let what = (new.fault, new.target.into(), true);
    let (id, placed) = server.ask(|machine, now| {
        let id = server.control().next_fault(machine);
        (id, machine.place_fault(now, id, what, new.ttl))
    });
    if placed.acted_on.is_empty() && !placed.stands {
        return Err(Problem::new(
            Kind::NobodyThere,
            format!(
                "{name} acts on connections that live, and none of its target does; GET /admin/connections lists them"
            ),
        ));
    }
    Ok(axum::Json(Injected {
        id: id.0,
        acted_on: placed.acted_on.iter().map(|it| it.0).collect(),
        waits: placed.stands,
    }))
}

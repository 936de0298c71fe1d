//! `/admin/faults`: those that stand.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use squall_protocol::{Millis, Now};
use utoipa::ToSchema;

use super::body::Json;
use super::parameters::number;
use super::problem::{Kind, Problem};
use super::target::Target;
use super::{Controlled, MockServer, told};
use crate::fault::{FaultId, FaultSpec};
use crate::server::{PlacedFault, Server};

/// A fault to be put on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFault {
    /// What it is, as a scenario writes it: `{"close": {"code": 1011}}`.
    pub(super) fault: FaultSpec,
    /// Whom it concerns.
    #[serde(default)]
    pub(super) target: Target,
    /// How long it stands, as in `30s`; without it until it is taken off.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "30s")]
    pub(super) ttl: Option<Millis>,
}

/// What is to be different about a fault; what is not said stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    /// What it is.
    fault: Option<FaultSpec>,
    /// Whom it concerns.
    target: Option<Target>,
    /// How long it stands from now on; `null` for no end.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<String>, example = "30s")]
    ttl: Option<Option<Millis>>,
}

/// A field that may say `null`.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<Millis>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A fault that stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Standing {
    /// Its number.
    id: u64,
    /// What it is.
    fault: FaultSpec,
    /// Whom it concerns.
    target: Target,
    /// Whether it was injected, and is over once it has acted.
    once: bool,
    /// When it is taken off by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
}

/// The faults that stand.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Faults {
    faults: Vec<Standing>,
}

/// Lists the faults that stand, in the order in which they were put on.
#[utoipa::path(get, path = "/admin/faults", responses((status = 200, body = Faults), Problem))]
pub(super) async fn list(server: State<MockServer>) -> axum::Json<Faults> {
    let faults = server.ask(|machine, now| {
        let placed = machine.placed_faults();
        placed.into_iter().map(|it| standing(now, it)).collect()
    });
    axum::Json(Faults { faults })
}

/// Puts a fault on, to stand until it is taken off or its `ttl` is over.
#[utoipa::path(
    post,
    path = "/admin/faults",
    request_body = NewFault,
    responses((status = 201, body = Standing, headers(("location", description = "The fault"))), Problem)
)]
pub(super) async fn add(server: State<MockServer>, Json(new): Json<NewFault>) -> Response {
    let (id, placed) = server.ask(|machine, now| {
        let id = server.control().next_fault(machine);
        (id, place(machine, now, id, new))
    });
    created(id, placed)
}

/// Shows one fault.
#[utoipa::path(
    get,
    path = "/admin/faults/{id}",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 200, body = Standing), Problem)
)]
pub(super) async fn show(
    server: State<MockServer>,
    Path(id): Path<String>,
) -> Result<axum::Json<Standing>, Problem> {
    let id = fault_id(&id)?;
    let found = server.ask(|machine, now| find(machine, now, id));
    found.map(axum::Json).ok_or_else(|| no_such(id))
}

/// Puts a fault on under this number, in the place of the one that has it.
#[utoipa::path(
    put,
    path = "/admin/faults/{id}",
    params(("id" = u64, Path, description = "Its number")),
    request_body = NewFault,
    responses((status = 200, body = Standing), (status = 201, body = Standing), Problem)
)]
pub(super) async fn put(
    server: State<MockServer>,
    Path(id): Path<String>,
    Json(new): Json<NewFault>,
) -> Result<Response, Problem> {
    let id = fault_id(&id)?;
    server.control().has_fault(id);
    let (replaced, placed) = server.ask(|machine, now| {
        let replaced = find(machine, now, id).is_some();
        (replaced, place(machine, now, id, new))
    });
    Ok(match replaced {
        true => axum::Json(placed).into_response(),
        false => created(id, placed),
    })
}

/// Changes a fault that stands. Another fault or target begins anew; a `ttl` is counted from now.
#[utoipa::path(
    patch,
    path = "/admin/faults/{id}",
    params(("id" = u64, Path, description = "Its number")),
    request_body = Change,
    responses((status = 200, body = Standing), Problem)
)]
pub(super) async fn change(
    server: State<MockServer>,
    Path(id): Path<String>,
    Json(change): Json<Change>,
) -> Result<axum::Json<Standing>, Problem> {
    let id = fault_id(&id)?;
    let changed = server.ask(|machine, now| {
        let mut placed = machine
            .placed_faults()
            .into_iter()
            .find(|placed| placed.id == id)?;
        if change.fault.is_some() || change.target.is_some() {
            let left = placed.ends_at.map(|at| at.since(now.mono));
            placed.spec = change.fault.unwrap_or(placed.spec);
            placed.target = change.target.map_or(placed.target, Into::into);
            let what = (placed.spec, placed.target, placed.once);
            machine.place_fault(now, id, what, left);
        }
        if let Some(ttl) = change.ttl {
            machine.end_fault_after(now, id, ttl);
        }
        find(machine, now, id)
    });
    changed.map(axum::Json).ok_or_else(|| no_such(id))
}

/// Takes a fault off.
#[utoipa::path(
    delete,
    path = "/admin/faults/{id}",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 204), Problem)
)]
pub(super) async fn remove(
    server: State<MockServer>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = fault_id(&id)?;
    match server.ask(|machine, _| machine.lift_fault(id)) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_such(id)),
    }
}

/// Takes every fault off, those of a scenario too.
#[utoipa::path(post, path = "/admin/reset", responses((status = 204), Problem))]
pub(super) async fn reset(server: State<MockServer>) -> StatusCode {
    server.clear_faults();
    StatusCode::NO_CONTENT
}

fn place(machine: &mut Server, now: Now, id: FaultId, new: NewFault) -> Standing {
    let what = (new.fault.clone(), new.target.clone().into(), false);
    machine.place_fault(now, id, what, new.ttl);
    // One that ends at once has gone already.
    find(machine, now, id).unwrap_or(Standing {
        id: id.0,
        fault: new.fault,
        target: new.target,
        once: false,
        ends_at: Some(now.wall),
    })
}

fn find(machine: &Server, now: Now, id: FaultId) -> Option<Standing> {
    let mut placed = machine.placed_faults().into_iter();
    placed
        .find(|placed| placed.id == id)
        .map(|placed| standing(now, placed))
}

fn standing(now: Now, placed: PlacedFault) -> Standing {
    Standing {
        id: placed.id.0,
        fault: placed.spec,
        target: placed.target.into(),
        once: placed.once,
        ends_at: placed.ends_at.map(|at| told(now, at)),
    }
}

fn created(id: FaultId, placed: Standing) -> Response {
    let mut response = (StatusCode::CREATED, axum::Json(placed)).into_response();
    if let Ok(place) = HeaderValue::try_from(format!("/admin/faults/{}", id.0)) {
        response.headers_mut().insert(http::header::LOCATION, place);
    }
    response
}

fn fault_id(written: &str) -> Result<FaultId, Problem> {
    number(written, Kind::NoSuchFault).map(FaultId)
}

fn no_such(id: FaultId) -> Problem {
    Problem::new(
        Kind::NoSuchFault,
        format!("{id} does not stand; GET /admin/faults lists those that do"),
    )
}

//! `/admin/connections`: those that live, and what went over them.

use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use squall_protocol::Now;
use utoipa::{IntoParams, ToSchema};

use super::parameters::{Asked, number};
use super::problem::{Kind, Problem};
use super::{Controlled, MockServer, told};
use crate::app::traffic::{Traffic, Way};
use crate::id::ConnectionId;
use crate::server::{ConnectionState, Ending, Server, Stage};

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connection {
    /// Its number; refused dials have one too.
    id: u64,
    /// Whose it is, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// Its device, once that is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<u32>,
    /// How far it has come.
    stage: Stage,
    /// Whether its client waits to be paired.
    registers: bool,
    /// When it was dialed.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When something was received last over its WebSocket.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_activity: Option<Timestamp>,
    /// What came.
    received: Amount,
    /// What went.
    sent: Amount,
    /// The client's pings.
    pings: Pings,
}

/// What went one way over a WebSocket: whole frames, headers included.
#[derive(Debug, Serialize, ToSchema)]
struct Amount {
    frames: u64,
    bytes: u64,
}

/// The pings of a client, by kind.
#[derive(Debug, Serialize, ToSchema)]
struct Pings {
    /// `<iq xmlns="w:p">`.
    iq: u64,
    /// WebSocket Pings.
    web_socket: u64,
}

/// The connections that live.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connections {
    connections: Vec<Connection>,
}

/// How to end a connection.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct How {
    /// With a close frame of code 1001, by an end of the stream, or by a reset of the transport.
    #[serde(default)]
    #[param(required = false)]
    how: Ending,
}

/// Lists the connections that live, in the order of their numbers.
#[utoipa::path(get, path = "/admin/connections", responses((status = 200, body = Connections), Problem))]
pub(super) async fn list(server: State<MockServer>) -> axum::Json<Connections> {
    let seen = server.ask(|machine, now| {
        let ids: Vec<ConnectionId> = machine.connections().ids().collect();
        let seen = ids.into_iter().filter_map(|id| look(machine, now, id));
        seen.collect::<Vec<_>>()
    });
    let connections = seen.into_iter().map(|seen| counted(&server, seen));
    axum::Json(Connections {
        connections: connections.collect(),
    })
}

/// Shows one connection.
#[utoipa::path(
    get,
    path = "/admin/connections/{id}",
    params(("id" = u64, Path, description = "Its number")),
    responses((status = 200, body = Connection), Problem)
)]
pub(super) async fn show(
    server: State<MockServer>,
    Path(id): Path<String>,
) -> Result<axum::Json<Connection>, Problem> {
    let id = connection_id(&id)?;
    let seen = server.ask(|machine, now| look(machine, now, id));
    let seen = seen.ok_or_else(|| no_such(id))?;
    Ok(axum::Json(counted(&server, seen)))
}

/// Ends a connection. One that speaks no WebSocket yet is reset.
#[utoipa::path(
    delete,
    path = "/admin/connections/{id}",
    params(("id" = u64, Path, description = "Its number"), How),
    responses((status = 204), Problem)
)]
pub(super) async fn end(
    server: State<MockServer>,
    Path(id): Path<String>,
    Asked(How { how }): Asked<How>,
) -> Result<StatusCode, Problem> {
    let id = connection_id(&id)?;
    match server.ask(|machine, now| machine.end_connection(now, id, how)) {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(no_such(id)),
    }
}

fn look(
    machine: &Server,
    now: Now,
    id: ConnectionId,
) -> Option<(ConnectionId, Now, ConnectionState)> {
    Some((id, now, machine.connection_state(id)?))
}

fn counted(
    server: &MockServer,
    (id, now, state): (ConnectionId, Now, ConnectionState),
) -> Connection {
    let traffic: &Traffic = &server.traffic(id);
    let amount = |way: &Way| Amount {
        frames: way.frames.get(),
        bytes: way.bytes.get(),
    };
    Connection {
        id: id.0,
        account: state.account.map(Into::into),
        device: state.device,
        stage: state.stage,
        registers: state.registers,
        since: state.since,
        last_activity: traffic.last_activity().map(|at| told(now, at)),
        received: amount(&traffic.received),
        sent: amount(&traffic.sent),
        pings: Pings {
            iq: traffic.iq_pings.get(),
            web_socket: traffic.web_socket_pings.get(),
        },
    }
}

fn connection_id(written: &str) -> Result<ConnectionId, Problem> {
    number(written, Kind::NoSuchConnection).map(ConnectionId)
}

fn no_such(id: ConnectionId) -> Problem {
    Problem::new(
        Kind::NoSuchConnection,
        format!("{id} does not live; GET /admin/connections lists those that do"),
    )
}

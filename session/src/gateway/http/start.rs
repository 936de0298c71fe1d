//! Starting and stopping.

use axum::extract::State;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::body::{InBody, OfOrganization};
use super::problem::Problem;
use crate::id::AttemptId;
use crate::state;

/// An admitted start.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Started {
    organization_id: String,
    /// Always `waiting`: the mandatory wait has begun.
    status: state::State,
    /// The attempt, which counts from now on.
    #[schema(value_type = u64)]
    attempt_id: AttemptId,
    /// When it dials.
    #[schema(value_type = String, format = DateTime)]
    dial_at: Timestamp,
    /// Whether a QR code has to be scanned.
    needs_pairing: bool,
}

/// Starts a session: it is stored as an attempt, waits, and dials.
#[utoipa::path(
    post, path = "/api/start-session", request_body = OfOrganization,
    responses((status = 202, body = Started), Problem)
)]
pub(super) async fn start(
    State(api): State<Api>,
    InBody(org): InBody,
) -> Result<(StatusCode, axum::Json<Started>), Problem> {
    let granted = api
        .operator
        .start(&org)
        .map_err(|denied| Problem::denied(denied, api.operator.now()))?;
    let started = Started {
        organization_id: org.as_str().to_owned(),
        status: state::State::Waiting,
        attempt_id: granted.attempt,
        dial_at: granted.dial_at,
        needs_pairing: granted.needs_pairing,
    };
    Ok((StatusCode::ACCEPTED, axum::Json(started)))
}

/// Stops a session, or cancels a start before its dial, which gives its slot back.
#[utoipa::path(
    post, path = "/api/stop-session", request_body = OfOrganization,
    responses((status = 202, description = "It ends; the status says when it has"), Problem)
)]
pub(super) async fn stop(
    State(api): State<Api>,
    InBody(org): InBody,
) -> Result<StatusCode, Problem> {
    api.operator.stop(&org)?;
    Ok(StatusCode::ACCEPTED)
}

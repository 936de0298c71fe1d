//! Where organizations stand.

use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::body::InPath;
use super::problem::Problem;
use crate::cause::Cause;
use crate::gateway::{More, Standing};
use crate::state;

/// Where an organization stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    organization_id: String,
    status: state::State,
    /// Also true while `degraded`.
    connected: bool,
    /// Once paired.
    phone_number: Option<String>,
    /// Whether the next start pairs by QR.
    needs_pairing: bool,
    /// When it was last said to be connected, since the process began.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_connected: Option<Timestamp>,
    /// When any frame was last received, in milliseconds of the Unix epoch.
    last_activity: Option<i64>,
    /// When it last ended, since the process began; or when the process began, where the one before had died.
    #[schema(value_type = Option<String>, format = DateTime)]
    disconnected_at: Option<Timestamp>,
    /// Why it last ended, since the process began; `process_died` where the one before had died.
    disconnect_reason: Option<&'static str>,
    /// What that leaves out.
    #[serde(flatten)]
    more: More,
    /// When the block ends in which it stands.
    #[schema(value_type = Option<String>, format = DateTime)]
    blocked_until: Option<Timestamp>,
    /// How often a ping was answered late.
    late: u64,
    /// How many messages could not be decrypted.
    undecryptable: u64,
}

/// Where every organization stands.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AllStatus {
    organizations: Vec<Status>,
}

impl From<Standing> for Status {
    fn from(standing: Standing) -> Self {
        let status = standing.status;
        Self {
            organization_id: status.org.as_str().to_owned(),
            status: status.state,
            connected: status.connected,
            phone_number: standing.phone_number,
            needs_pairing: status.needs_pairing,
            last_connected: status.last_connected,
            last_activity: status.last_activity.map(Timestamp::as_millisecond),
            disconnected_at: status.disconnected_at,
            more: status
                .disconnect_reason
                .as_ref()
                .map(More::of)
                .unwrap_or_default(),
            disconnect_reason: status.disconnect_reason.as_ref().map(Cause::name),
            blocked_until: standing.blocked_until,
            late: status.late,
            undecryptable: status.undecryptable,
        }
    }
}

/// Tells where every organization stands that was ever started.
#[utoipa::path(get, path = "/api/status", responses((status = 200, body = AllStatus), Problem))]
pub(super) async fn all(State(api): State<Api>) -> axum::Json<AllStatus> {
    let standings = api.operator.standings();
    axum::Json(AllStatus {
        organizations: standings.into_iter().map(Status::from).collect(),
    })
}

/// Tells where one organization stands.
#[utoipa::path(
    get, path = "/api/status/{organization_id}",
    params(("organization_id" = String, Path, description = "The organization's name")),
    responses((status = 200, body = Status), Problem)
)]
pub(super) async fn one(
    State(api): State<Api>,
    InPath(org): InPath,
) -> Result<axum::Json<Status>, Problem> {
    Ok(axum::Json(api.operator.standing(&org)?.into()))
}

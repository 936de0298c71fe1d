//! What the limiter would say, and why it said what it said.

use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::body::{Asks, organization};
use super::problem::Problem;
use crate::gateway::{Asked, Decision};
use crate::id::AttemptId;
use crate::limiter::Denial;

/// Whom it is about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Of {
    /// An organization; left out, what concerns all of them.
    organization_id: Option<String>,
}

/// What the limiter says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Limits {
    organization_id: Option<String>,
    /// Whether a start would be granted now.
    can_connect: bool,
    /// What would refuse it, the cause first.
    refused_by: Vec<Denial>,
    /// When it would be granted if nothing else happened.
    #[schema(value_type = Option<String>, format = DateTime)]
    retry_at: Option<Timestamp>,
    /// Attempts of all organizations in the global window, by default an hour.
    global_attempts_last_hour: usize,
    /// Attempts of the organization in its window, by default a day.
    org_attempts_last_day: Option<usize>,
    /// The latest answers to starts since the process began, the latest last.
    decisions: Vec<Answer>,
}

/// What was answered to one start, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    organization_id: String,
    granted: bool,
    /// The attempt, where it was granted.
    #[schema(value_type = Option<u64>)]
    attempt_id: Option<AttemptId>,
    /// The rule that refused it.
    cause: Option<Denial>,
    /// The other rules that stood in its way.
    also: Vec<Denial>,
    /// When it would have been granted.
    #[schema(value_type = Option<String>, format = DateTime)]
    retry_at: Option<Timestamp>,
}

impl From<Decision> for Answer {
    fn from(decision: Decision) -> Self {
        let (attempt_id, cause, also, retry_at) = match decision.asked {
            Asked::Granted(attempt) => (Some(attempt), None, Vec::new(), None),
            Asked::Denied {
                cause,
                also,
                retry_at,
            } => (None, Some(cause), also, retry_at),
        };
        Self {
            at: decision.at,
            organization_id: decision.org.as_str().to_owned(),
            granted: attempt_id.is_some(),
            attempt_id,
            cause,
            also,
            retry_at,
        }
    }
}

/// Tells whether a start would be granted, and nothing is started.
#[utoipa::path(
    get, path = "/api/rate-limit-status", params(Of),
    responses((status = 200, body = Limits), Problem)
)]
pub(super) async fn limits(
    State(api): State<Api>,
    Asks(of): Asks<Of>,
) -> Result<axum::Json<Limits>, Problem> {
    let org = of
        .organization_id
        .as_deref()
        .map(organization)
        .transpose()?;
    let limits = api.operator.limits(org.as_ref())?;
    Ok(axum::Json(Limits {
        organization_id: of.organization_id,
        can_connect: limits.can_connect,
        refused_by: limits.refused_by,
        retry_at: limits.retry_at,
        global_attempts_last_hour: limits.global_attempts,
        org_attempts_last_day: limits.org_attempts,
        decisions: limits.decisions.into_iter().map(Answer::from).collect(),
    }))
}

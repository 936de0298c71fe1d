//! What a gateway has counted since its process began.

use std::collections::BTreeMap;

use squall_protocol::Now;

use super::organization::Organization;
use crate::id::OrgId;
use crate::limiter::Denial;
use crate::session::Pings;
use crate::state::State;

/// Refused starts, by the rule that refused first.
pub(super) type Denials = BTreeMap<Denial, u64>;

/// What was counted. It grows with organizations that were ever started, and with nothing else.
#[derive(Clone, Debug)]
pub struct Measures {
    /// Refused starts, by the rule that refused first: of any organization, also of one that was never admitted.
    pub denials: BTreeMap<Denial, u64>,
    /// Whether the store cannot be used now.
    pub store_fails: bool,
    /// Each organization's, by name.
    pub organizations: Vec<OfOrganization>,
}

/// What was counted of one organization.
#[derive(Clone, Debug)]
pub struct OfOrganization {
    /// Its name.
    pub org: OrgId,
    /// Where it stands.
    pub state: State,
    /// Seconds since any frame was last received; none, if none ever was.
    pub silent_for: Option<f64>,
    /// Starts that were admitted.
    pub attempts: u64,
    /// Disconnects, by cause.
    pub disconnects: BTreeMap<&'static str, u64>,
    /// Pings and how soon they were answered.
    pub pings: Pings,
}

impl OfOrganization {
    pub(super) fn new(now: Now, org: &OrgId, organization: &Organization) -> Self {
        let status = organization.session.lock().status();
        Self {
            org: org.clone(),
            state: organization.state,
            silent_for: status
                .last_activity
                .map(|at| now.wall.duration_since(at).as_secs_f64().max(0.0)),
            attempts: organization.attempts,
            disconnects: organization.disconnects.clone(),
            pings: status.pings,
        }
    }
}

//! What a mutant does to the limiter: what is asked of it, with which clock, over which store, and what it hears.

use squall_protocol::Now;
use squall_session::limiter::{Go, Permit};
use squall_session::machine::Revocation;
use squall_session::{AttemptId, Event, OrgId};

use crate::subject::{Admission, RealSession, Subject};

/// What a mutant does between its callers and the real limiter, for the life of one process. By default nothing.
pub(super) trait Skew: Send {
    /// The process has booted, and found these attempts cut short.
    fn on_boot(&mut self, _real: &mut RealSession, _cut_short: &[(OrgId, AttemptId)]) {}

    /// The operator asks for a session.
    fn admit(&mut self, real: &mut RealSession, now: Now, org: &OrgId) -> Admission<Permit> {
        real.admit(now, org)
    }

    /// At the start's time: may it dial?
    fn confirm(
        &mut self,
        real: &mut RealSession,
        now: Now,
        permit: Permit,
    ) -> Result<Go, Revocation> {
        real.confirm(now, permit)
    }

    /// A machine says something.
    fn hear(&mut self, real: &mut RealSession, now: Now, org: &OrgId, event: &Event) {
        real.hear(now, org, event);
    }
}

/// The skew that changes nothing.
pub(super) struct Straight;

impl Skew for Straight {}

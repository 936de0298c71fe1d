//! Pages of the gateway's API that do not say what the gateway knows.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use squall_protocol::Millis;
use squall_session::OrgId;
use squall_session::gateway::{
    Denied, Events, Granted, Limits, Measures, NoQr, NoSuchOrganization, Operator, Standing,
};
use squall_session::limiter::Denial;
use squall_session::store::StoreError;

use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// The page remembers that the session was connected, and not that it has ended.
pub(super) const CONNECTED: Mutant = Mutant {
    name: "status-page-still-connected",
    about: "an organization's own page goes on saying connected after its session has ended",
    incident: "ha-whatsapp#47",
    oracle: OracleName::StatusHonesty,
    scenario: "515 after six quiet hours",
    pages: Some(|real| {
        Arc::new(Pages {
            real,
            wrong: Wrong::Connected,
        })
    }),
    ..UNCHANGED
};

/// The page of the limits counts attempts, and forgets what else refuses a start.
pub(super) const NO_BLOCK: Mutant = Mutant {
    name: "limits-page-without-the-block",
    about: "the page of the limits knows no block, and says that a start would be granted",
    incident: "waxum PR#58",
    oracle: OracleName::StatusHonesty,
    scenario: "515 after six quiet hours",
    pages: Some(|real| {
        Arc::new(Pages {
            real,
            wrong: Wrong::NoBlock,
        })
    }),
    ..UNCHANGED
};

/// The gateway, seen through pages of which one is wrong.
struct Pages {
    real: Arc<dyn Operator>,
    wrong: Wrong,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Connected,
    NoBlock,
}

impl Operator for Pages {
    fn start(&self, org: &OrgId) -> Result<Granted, Denied> {
        self.real.start(org)
    }

    fn stop(&self, org: &OrgId) -> Result<(), NoSuchOrganization> {
        self.real.stop(org)
    }

    fn standing(&self, org: &OrgId) -> Result<Standing, NoSuchOrganization> {
        let mut standing = self.real.standing(org)?;
        let status = &mut standing.status;
        if self.wrong == Wrong::Connected && status.last_connected.is_some() {
            status.connected |= status.state.is_at_rest();
        }
        Ok(standing)
    }

    fn standings(&self) -> Vec<Standing> {
        self.real.standings()
    }

    fn qr(&self, org: &OrgId) -> Result<String, NoQr> {
        self.real.qr(org)
    }

    fn limits(&self, org: Option<&OrgId>) -> Result<Limits, StoreError> {
        let mut limits = self.real.limits(org)?;
        if self.wrong == Wrong::NoBlock && limits.refused_by == [Denial::Block] {
            limits.refused_by.clear();
            limits.can_connect = true;
            limits.retry_at = None;
        }
        Ok(limits)
    }

    fn measures(&self) -> Measures {
        self.real.measures()
    }

    fn events(&self) -> Arc<Events> {
        self.real.events()
    }

    fn now(&self) -> Timestamp {
        self.real.now()
    }

    fn after(&self, length: Millis) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.real.after(length)
    }
}

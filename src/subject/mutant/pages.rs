//! Pages of the gateway's API that do not say what the gateway knows.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

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

/// One page is drawn from a copy that only its own drawing renews.
pub(super) const BEHIND: Mutant = Mutant {
    name: "status-page-one-behind",
    about: "an organization's own page shows what was so when it was last looked at",
    incident: "waxum PR#58",
    oracle: OracleName::StatusHonesty,
    scenario: "515 after six quiet hours",
    pages: Some(|real| {
        Arc::new(Pages {
            real,
            shown: Some(Mutex::default()),
        })
    }),
    ..UNCHANGED
};

/// The page of the limits counts attempts, and forgets what else refuses a start.
pub(super) const NO_BLOCK: Mutant = Mutant {
    name: "limits-page-without-the-block",
    about: "the page of the limits knows no block, and says that a start would be granted",
    incident: "ha-whatsapp#47",
    oracle: OracleName::StatusHonesty,
    scenario: "515 after six quiet hours",
    pages: Some(|real| Arc::new(Pages { real, shown: None })),
    ..UNCHANGED
};

/// The gateway, seen through pages of which one kind is wrong: those of the status where there is a place for what was
/// shown last, else those of the limits.
struct Pages {
    real: Arc<dyn Operator>,
    shown: Option<Mutex<BTreeMap<OrgId, Standing>>>,
}

impl Operator for Pages {
    fn start(&self, org: &OrgId) -> Result<Granted, Denied> {
        self.real.start(org)
    }

    fn stop(&self, org: &OrgId) -> Result<(), NoSuchOrganization> {
        self.real.stop(org)
    }

    fn standing(&self, org: &OrgId) -> Result<Standing, NoSuchOrganization> {
        let standing = self.real.standing(org)?;
        let Some(shown) = &self.shown else {
            return Ok(standing);
        };
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = shown.insert(org.clone(), standing.clone());
        Ok(before.unwrap_or(standing))
    }

    fn standings(&self) -> Vec<Standing> {
        self.real.standings()
    }

    fn qr(&self, org: &OrgId) -> Result<String, NoQr> {
        self.real.qr(org)
    }

    fn limits(&self, org: Option<&OrgId>) -> Result<Limits, StoreError> {
        let mut limits = self.real.limits(org)?;
        if self.shown.is_none() && limits.refused_by == [Denial::Block] {
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

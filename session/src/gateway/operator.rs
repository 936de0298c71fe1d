//! What an operator asks of a gateway, and what it answers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use squall_protocol::{Millis, Now};

use super::measures::{Measures, OfOrganization};
use super::{Events, Gateway, Inside, Notice, World};
use crate::cause::Cause;
use crate::id::{AttemptId, OrgId};
use crate::limiter::{Admission, Denial};
use crate::session::Status;
use crate::state::State;
use crate::store::{Store, StoreError};

/// An admitted start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The attempt, which counts from now on.
    pub attempt: AttemptId,
    /// When it dials, by the wall clock.
    pub dial_at: Timestamp,
    /// Whether a QR code has to be scanned.
    pub needs_pairing: bool,
}

/// A start that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// By the limiter.
    Limiter {
        /// `store_unavailable` first, then `already_active`, else the rule that frees last.
        cause: Denial,
        /// The other rules that stand in the way.
        also: Vec<Denial>,
        /// The earliest instant at which the same call would be granted if nothing else happened.
        retry_at: Option<Timestamp>,
    },
    /// The gateway is about to end.
    Closing,
}

/// The gateway has never admitted a start of this organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no session of this organization was ever started; start-session starts one")]
pub struct NoSuchOrganization;

/// Why there is no QR code to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoQr {
    /// See there.
    #[error(transparent)]
    NoSuchOrganization(#[from] NoSuchOrganization),
    /// The session shows one only while it is `awaiting_qr_scan`.
    #[error("the session is {0}, and shows a QR code only while it is awaiting_qr_scan")]
    NotShown(State),
}

/// Where an organization stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What its session says, with the state as the gateway holds it.
    pub status: Status,
    /// Its phone number, once paired.
    pub phone_number: Option<String>,
    /// When the block ends in which it stands, by the wall clock.
    pub blocked_until: Option<Timestamp>,
}

/// What the limiter says without being asked to start anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Whether a start would be granted now.
    pub can_connect: bool,
    /// What would refuse it, the cause first.
    pub refused_by: Vec<Denial>,
    /// When it would be granted; none if now, or if no passing of time makes it so.
    pub retry_at: Option<Timestamp>,
    /// Attempts of all organizations in the global window.
    pub global_attempts: usize,
    /// Attempts of the organization in its window, where one was named.
    pub org_attempts: Option<usize>,
    /// What was answered to the starts that were asked for, the latest last: of the organization, where one was named.
    pub decisions: Vec<Decision>,
}

/// What was answered to one start, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When, by the wall clock.
    pub at: Timestamp,
    /// Whose.
    pub org: OrgId,
    /// The answer.
    pub asked: Asked,
}

/// The answer to a start, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Admitted: no rule stood in the way.
    Granted(AttemptId),
    /// Refused.
    Denied {
        /// By this rule first.
        cause: Denial,
        /// The others.
        also: Vec<Denial>,
        /// When the same call would have been granted, as it was told.
        retry_at: Option<Timestamp>,
    },
}

/// So many answers are remembered, since the process began.
const REMEMBERED: usize = 100;

/// A gateway, as whoever serves its operators sees it.
pub trait Operator: Send + Sync + 'static {
    /// The operator asks for a session.
    ///
    /// # Errors
    /// The limiter refuses, or the gateway is about to end.
    fn start(&self, org: &OrgId) -> Result<Granted, Denied>;

    /// The operator stops a session, or cancels a start before its dial. Where nothing is under way nothing happens.
    ///
    /// # Errors
    /// See [`NoSuchOrganization`].
    fn stop(&self, org: &OrgId) -> Result<(), NoSuchOrganization>;

    /// Where an organization stands.
    ///
    /// # Errors
    /// See [`NoSuchOrganization`].
    fn standing(&self, org: &OrgId) -> Result<Standing, NoSuchOrganization>;

    /// Where every organization stands.
    fn standings(&self) -> Vec<Standing>;

    /// The QR code that an organization shows. It holds a secret: whoever sees it can pair as this device.
    ///
    /// # Errors
    /// See [`NoQr`].
    fn qr(&self, org: &OrgId) -> Result<String, NoQr>;

    /// What the limiter says of a start: of this organization, or of one that has no history.
    ///
    /// # Errors
    /// The store could not be read.
    fn limits(&self, org: Option<&OrgId>) -> Result<Limits, StoreError>;

    /// What has happened since the process began, counted.
    fn measures(&self) -> Measures;

    /// What happens, while it happens.
    fn events(&self) -> Arc<Events>;

    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// Ready so long from now.
    fn after(&self, length: Millis) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl<S: Store, W: World> Operator for Gateway<S, W> {
    fn start(&self, org: &OrgId) -> Result<Granted, Denied> {
        let now = self.0.world.now();
        let mut inside = self.lock();
        let answer = self.answer(&mut inside, now, org);
        self.look_after_the_store(&mut inside, now, org);
        self.asked(now.wall, org, Notice::answered(&answer));
        answer
    }

    fn stop(&self, org: &OrgId) -> Result<(), NoSuchOrganization> {
        let inside = self.lock();
        let organization = inside.organizations.get(org).ok_or(NoSuchOrganization)?;
        self.asked(self.0.world.now().wall, org, Notice::StopAsked);
        organization.stop();
        Ok(())
    }

    fn standing(&self, org: &OrgId) -> Result<Standing, NoSuchOrganization> {
        let now = self.0.world.now();
        self.lock().standing(now, org).ok_or(NoSuchOrganization)
    }

    fn standings(&self) -> Vec<Standing> {
        let now = self.0.world.now();
        let inside = self.lock();
        let orgs = inside.organizations.keys();
        orgs.filter_map(|org| inside.standing(now, org)).collect()
    }

    fn qr(&self, org: &OrgId) -> Result<String, NoQr> {
        let inside = self.lock();
        let organization = inside.organizations.get(org).ok_or(NoSuchOrganization)?;
        let qr = organization.qr.clone();
        qr.ok_or(NoQr::NotShown(organization.state))
    }

    fn limits(&self, org: Option<&OrgId>) -> Result<Limits, StoreError> {
        let now = self.0.world.now();
        let mut inside = self.lock();
        // No organization has the empty name, so only what concerns all of them stands in its way.
        let nobody = OrgId::new("");
        let status = inside.limiter.status(now, org.unwrap_or(&nobody))?;
        let active = org.is_some_and(|org| inside.is_active(org));
        let rules = status.refused.into_iter().flat_map(|refused| {
            let cause = std::iter::once(refused.cause);
            cause.chain(refused.also)
        });
        let refused_by: Vec<Denial> = active
            .then_some(Denial::AlreadyActive)
            .into_iter()
            .chain(rules)
            .collect();
        let decisions = inside.decisions.iter();
        let own = decisions.filter(|decision| org.is_none_or(|org| decision.org == *org));
        Ok(Limits {
            can_connect: refused_by.is_empty(),
            refused_by,
            retry_at: status.retry_at.filter(|_| !active),
            global_attempts: status.global_attempts,
            org_attempts: org.map(|_| status.org_attempts),
            decisions: own.cloned().collect(),
        })
    }

    fn measures(&self) -> Measures {
        let now = self.0.world.now();
        let inside = self.lock();
        let organizations = inside.organizations.iter();
        Measures {
            denials: inside.denials.clone(),
            store_fails: inside.failing.is_some(),
            organizations: organizations
                .map(|(org, organization)| OfOrganization::new(now, org, organization))
                .collect(),
        }
    }

    fn events(&self) -> Arc<Events> {
        Arc::clone(&self.0.events)
    }

    fn now(&self) -> Timestamp {
        self.0.world.now().wall
    }

    fn after(&self, length: Millis) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let at = self.0.world.now().mono + length;
        Box::pin(self.0.world.sleep_until(at))
    }
}

impl<S: Store, W: World> Gateway<S, W> {
    /// An operator asked. Called under the lock, so that nothing that follows is told before it.
    fn asked(&self, at: Timestamp, org: &OrgId, notice: Notice) {
        self.0.listener.asked(at, org, &notice);
        self.0.events.write(at, org, notice);
    }

    /// What a start is answered.
    fn answer(&self, inside: &mut Inside<S>, now: Now, org: &OrgId) -> Result<Granted, Denied> {
        if inside.closing {
            return Err(Denied::Closing);
        }
        let active = inside.is_active(org);
        let admission = inside.limiter.admit(now, org, active);
        inside.remember(now, org, &admission);
        let permit = match admission {
            Admission::Granted(permit) => permit,
            Admission::Denied {
                cause,
                also,
                retry_at,
            } => {
                return Err(Denied::Limiter {
                    cause,
                    also,
                    retry_at,
                });
            }
        };
        let opened = match inside.organizations.contains_key(org) {
            true => Ok(()),
            false => self.open(inside, now, org),
        };
        let Inside {
            limiter,
            organizations,
            ..
        } = inside;
        let (Ok(()), Some(organization)) = (opened, organizations.get_mut(org)) else {
            // Nothing waits for it: the slot is given back, at once or as soon as the store can be written.
            let _ = limiter.withdraw(now, permit.attempt());
            return Err(unavailable());
        };
        let granted = Granted {
            attempt: permit.attempt(),
            dial_at: told(now, permit.dial_at() - now.mono),
            needs_pairing: organization.session.lock().status().needs_pairing,
        };
        organization.start(permit);
        Ok(granted)
    }
}

impl<S: Store> Inside<S> {
    fn is_active(&self, org: &OrgId) -> bool {
        let organization = self.organizations.get(org);
        organization.is_some_and(|organization| !organization.state.is_at_rest())
    }

    fn remember(&mut self, now: Now, org: &OrgId, admission: &Admission) {
        let asked = match admission {
            Admission::Granted(permit) => Asked::Granted(permit.attempt()),
            Admission::Denied {
                cause,
                also,
                retry_at,
            } => Asked::Denied {
                cause: *cause,
                also: also.clone(),
                retry_at: *retry_at,
            },
        };
        if let Asked::Denied { cause, .. } = &asked {
            *self.denials.entry(*cause).or_default() += 1;
        }
        if self.decisions.len() == REMEMBERED {
            self.decisions.pop_front();
        }
        self.decisions.push_back(Decision {
            at: now.wall,
            org: org.clone(),
            asked,
        });
    }

    fn standing(&self, now: Now, org: &OrgId) -> Option<Standing> {
        let organization = self.organizations.get(org)?;
        let mut status = organization.session.lock().status();
        status.state = organization.state;
        status.connected = organization.state.is_connected();
        if let (Some((_, at)), None) = (organization.died, &status.disconnect_reason) {
            status.disconnected_at = Some(at);
            status.disconnect_reason = Some(Cause::ProcessDied);
        }
        let jid = status.jid.as_deref();
        Some(Standing {
            phone_number: jid
                .and_then(|jid| jid.split([':', '@']).next())
                .map(str::to_owned),
            blocked_until: status
                .blocked_until
                .filter(|_| status.state == State::Blocked)
                .map(|until| told(now, until - now.mono)),
            status,
        })
    }
}

fn unavailable() -> Denied {
    Denied::Limiter {
        cause: Denial::StoreUnavailable,
        also: Vec::new(),
        retry_at: None,
    }
}

/// The wall clock so long from now.
pub(super) fn told(now: Now, remaining: Millis) -> Timestamp {
    let remaining = SignedDuration::from_millis(i64::try_from(remaining.get()).unwrap_or(i64::MAX));
    now.wall.saturating_add(remaining).unwrap_or(Timestamp::MAX)
}

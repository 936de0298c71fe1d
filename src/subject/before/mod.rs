//! The gateway as it was before: it reconnects by itself after every disconnect.
//!
//! What it did, as its operators tell it: it dialed at once on start-session and had no limiter; it sent an IQ ping every
//! 30 s and looked at the silence only then; it heard no WebSocket events; every five minutes it looked at the socket and
//! did nothing; and after any end but 401 it dialed again five seconds later, for ever.

mod reconnecting;

use std::collections::BTreeSet;

use rand::rngs::ChaCha8Rng;
use squall_protocol::Now;
use squall_protocol::pairing::Device;
use squall_session::limiter::StoreError;
use squall_session::machine::Revocation;
use squall_session::store::Store;
use squall_session::{AttemptId, Event, OrgId, State};

use self::reconnecting::{CONNECT, Reconnecting, SILENCE};
use crate::subject::{Admission, Boot, OpenStore, Setup, Subject};
use crate::trace::Claims;
use crate::words::{Denial, OracleName};

/// The gateway as it was before.
#[derive(Debug)]
pub struct Before {
    /// Where there is none it begins anew, and does not mind.
    store: Option<OpenStore>,
    attempts: u64,
    open: BTreeSet<OrgId>,
}

impl Boot for Before {
    const NAME: &'static str = "before";

    fn claims() -> Claims {
        Claims {
            not_judged: BTreeSet::from([
                OracleName::KeepAliveCadence,
                OracleName::Detection,
                OracleName::Expectations,
            ]),
            waits: false,
            own_silence: Some(SILENCE),
            own_patience: Some(CONNECT),
            own_handoff: None,
        }
    }

    fn boot(setup: &Setup, _: Now) -> Result<Self, StoreError> {
        let mut store = setup.store.open().ok();
        let ever = store
            .as_mut()
            .map(|store| store.transact(|ledger| ledger.attempts_ever));
        let attempts = ever.and_then(Result::ok).unwrap_or(0);
        Ok(Self {
            store,
            attempts,
            open: BTreeSet::new(),
        })
    }
}

impl Subject for Before {
    type Start = AttemptId;
    type Go = AttemptId;
    type Machine = Reconnecting;

    fn admit(&mut self, _: Now, org: &OrgId) -> Admission<AttemptId> {
        if self.open.contains(org) {
            return Admission::Denied {
                cause: Denial::AlreadyActive,
                also: Vec::new(),
                retry_at: None,
            };
        }
        self.attempts += 1;
        let (attempt, ever) = (AttemptId(self.attempts), self.attempts);
        // It counts them for its log alone, and goes on where it cannot.
        if let Some(store) = &mut self.store {
            let _ = store.transact(|ledger| ledger.attempts_ever = ever);
        }
        self.open.insert(org.clone());
        Admission::Granted {
            attempt,
            start: attempt,
        }
    }

    fn confirm(&mut self, _: Now, start: AttemptId) -> Result<AttemptId, Revocation> {
        Ok(start)
    }

    fn withdraw(&mut self, _: Now, _: AttemptId) {}

    fn hear(&mut self, _: Now, org: &OrgId, event: &Event) {
        match event {
            Event::State(State::Connecting) => {
                self.open.insert(org.clone());
            }
            Event::Disconnected(_) => {
                self.open.remove(org);
            }
            Event::Device(device) => {
                if let Some(store) = &mut self.store {
                    let _ = store.put_device(org, device.clone());
                }
            }
            _ => {}
        }
    }

    fn machine(&mut self, org: &OrgId, mut rng: ChaCha8Rng) -> Reconnecting {
        let stored = self.store.as_ref().map(|store| store.device(org));
        let stored = stored.and_then(Result::ok).flatten();
        let device = stored.unwrap_or_else(|| Device::generate(&mut rng));
        Reconnecting::new(device, rng)
    }

    fn cut_short(&mut self) -> Vec<(OrgId, AttemptId)> {
        Vec::new()
    }

    fn stands(&self, _: &OrgId) -> State {
        State::Idle
    }
}

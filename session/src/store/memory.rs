//! A store in memory, for tests and for the harness, which keeps it outside the client's process.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_protocol::pairing::Device;

use crate::id::{AttemptId, OrgId};
use crate::store::{Contents, Ledger, Store, StoreError};

/// A handle on a store in memory. Clones share the store, as processes share a disk.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    contents: Contents,
    health: Health,
    tears_next_commit: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Health {
    #[default]
    Good,
    Unavailable,
    Missing,
}

impl MemoryStore {
    /// A new, empty store.
    #[expect(
        clippy::new_without_default,
        reason = "a store is made knowingly: it remembers no earlier attempt"
    )]
    pub fn new() -> Self {
        Self {
            shared: Arc::default(),
        }
    }

    /// A store that holds this.
    pub fn holding(contents: Contents) -> Self {
        let shared = Shared {
            contents,
            ..Shared::default()
        };
        Self {
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// Makes every call fail from now on, as a full disk would; or lets them succeed again.
    pub fn set_available(&self, available: bool) {
        self.lock().health = if available {
            Health::Good
        } else {
            Health::Unavailable
        };
    }

    /// Makes the next transaction that changes something run and then fail to commit, as when the process dies or the disk fills in between.
    pub fn tear_next_commit(&self) {
        self.lock().tears_next_commit = true;
    }

    /// Removes the store, as when its file is deleted.
    pub fn lose(&self) {
        *self.lock() = Shared {
            health: Health::Missing,
            ..Shared::default()
        };
    }

    /// Devices that were moved aside, by organization and attempt.
    pub fn devices_aside(&self) -> Vec<(OrgId, AttemptId)> {
        self.lock().contents.aside.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn healthy(&self) -> Result<MutexGuard<'_, Shared>, StoreError> {
        let shared = self.lock();
        match shared.health {
            Health::Good => Ok(shared),
            Health::Unavailable => Err(StoreError::Unavailable(
                "it was made unavailable".to_owned(),
            )),
            Health::Missing => Err(StoreError::Missing),
        }
    }
}

impl Store for MemoryStore {
    fn transact<R>(&mut self, work: impl FnOnce(&mut Ledger) -> R) -> Result<R, StoreError> {
        let mut shared = self.healthy()?;
        let mut ledger = shared.contents.ledger.clone();
        let done = work(&mut ledger);
        if ledger != shared.contents.ledger && std::mem::take(&mut shared.tears_next_commit) {
            return Err(StoreError::Unavailable("it did not commit".to_owned()));
        }
        shared.contents.ledger = ledger;
        Ok(done)
    }

    fn device(&self, org: &OrgId) -> Result<Option<Device>, StoreError> {
        Ok(self.healthy()?.contents.devices.get(org).cloned())
    }

    fn put_device(&mut self, org: &OrgId, device: Device) -> Result<(), StoreError> {
        self.healthy()?.contents.devices.insert(org.clone(), device);
        Ok(())
    }

    fn set_device_aside(&mut self, org: &OrgId, attempt: AttemptId) -> Result<(), StoreError> {
        self.healthy()?.contents.set_device_aside(org, attempt);
        Ok(())
    }

    fn contents(&self) -> Result<Contents, StoreError> {
        Ok(self.healthy()?.contents.clone())
    }
}

//! The store of a client's process, kept outside of it: the process opens it as it boots, and it is there when the process
//! is gone.

use std::collections::BTreeMap;

use rand::Rng;
use squall_protocol::pairing::Device;
use squall_session::limiter::MemoryStore;
use squall_session::store::file::{RedbStore, SimulatedDisk};
use squall_session::store::{Contents, Ledger, Store, StoreError};
use squall_session::{AttemptId, OrgId};

/// A store that outlives the process. Clones share it, as processes share a disk.
#[derive(Clone, Debug)]
pub enum KeptStore {
    /// In memory: what was written is there.
    Memory(MemoryStore),
    /// In one file, on a disk that can be torn.
    File(SimulatedDisk),
}

/// How likely it is that a sector is on the disk after a power cut that was written and not synced.
const SURVIVES: f64 = 0.5;

impl KeptStore {
    /// A new, empty one in memory.
    pub fn memory() -> Self {
        Self::Memory(MemoryStore::new())
    }

    /// A new, empty one in a file.
    pub fn file() -> Self {
        let disk = SimulatedDisk::default();
        RedbStore::create_on(disk.clone(), Contents::default())
            .expect("a new disk that does not fail has room for a store");
        Self::File(disk)
    }

    /// Opens it, as a process does that boots.
    ///
    /// # Errors
    /// It was lost, is damaged, or somebody has it open; it is left as it is.
    pub fn open(&self) -> Result<OpenStore, StoreError> {
        Ok(match self {
            Self::Memory(store) => OpenStore::Memory(store.clone()),
            Self::File(disk) => OpenStore::File(Box::new(RedbStore::open_on(disk.clone())?)),
        })
    }

    /// What it holds, whoever has it open; nothing, where it was lost or is damaged.
    pub fn contents(&self) -> Option<Contents> {
        match self {
            Self::Memory(store) => store.contents().ok(),
            Self::File(disk) => RedbStore::verify_on(&SimulatedDisk::of(disk.bytes())).ok(),
        }
    }

    /// The process that has it open is killed.
    pub(crate) fn let_go(&self) {
        if let Self::File(disk) = self {
            disk.let_go();
        }
    }

    /// It is deleted.
    pub(crate) fn lose(&self) {
        match self {
            Self::Memory(store) => store.lose(),
            Self::File(disk) => disk.lose(),
        }
    }

    /// The power is cut, and damages what was not synced. Memory has nothing that is not.
    pub(crate) fn tear(&self, rng: &mut impl Rng) {
        if let Self::File(disk) = self {
            disk.lose_power(SURVIVES, rng);
        }
    }

    /// Puts these devices into it before anybody has it open.
    pub(crate) fn put_devices(&self, devices: BTreeMap<OrgId, Device>) -> Result<(), StoreError> {
        let mut store = self.open()?;
        for (org, device) in devices {
            store.put_device(&org, device)?;
        }
        Ok(())
    }
}

/// The store, as the process has it that opened it.
#[derive(Debug)]
pub enum OpenStore {
    /// See [`KeptStore::Memory`].
    Memory(MemoryStore),
    /// See [`KeptStore::File`].
    File(Box<RedbStore<SimulatedDisk>>),
}

impl Store for OpenStore {
    fn transact<R>(&mut self, work: impl FnOnce(&mut Ledger) -> R) -> Result<R, StoreError> {
        match self {
            Self::Memory(store) => store.transact(work),
            Self::File(store) => store.transact(work),
        }
    }

    fn device(&self, org: &OrgId) -> Result<Option<Device>, StoreError> {
        match self {
            Self::Memory(store) => store.device(org),
            Self::File(store) => store.device(org),
        }
    }

    fn put_device(&mut self, org: &OrgId, device: Device) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.put_device(org, device),
            Self::File(store) => store.put_device(org, device),
        }
    }

    fn set_device_aside(&mut self, org: &OrgId, attempt: AttemptId) -> Result<(), StoreError> {
        match self {
            Self::Memory(store) => store.set_device_aside(org, attempt),
            Self::File(store) => store.set_device_aside(org, attempt),
        }
    }

    fn contents(&self) -> Result<Contents, StoreError> {
        match self {
            Self::Memory(store) => store.contents(),
            Self::File(store) => store.contents(),
        }
    }
}

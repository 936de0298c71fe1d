//! What the suite runs on: a place for one store, which outlives whoever has it open.

use std::io;
use std::path::PathBuf;

use squall_session::limiter::MemoryStore;
use squall_session::store::file::{RedbStore, SimulatedDisk};
use squall_session::store::{Contents, Store};
use tempfile::TempDir;

/// A place with a new store in it.
pub(crate) trait Bench {
    type Store: Store;
    fn new() -> Self;
    /// Opens the store, as a process does that boots. The one before has let go of it.
    fn open(&self) -> Self::Store;
}

/// One whose next commit can be made to fail.
pub(crate) trait Failing: Bench {
    fn fail_next_commit(&self);
    fn recover(&self);
}

pub(crate) struct InMemory(MemoryStore);

impl Bench for InMemory {
    type Store = MemoryStore;

    fn new() -> Self {
        Self(MemoryStore::new())
    }

    fn open(&self) -> MemoryStore {
        self.0.clone()
    }
}

impl Failing for InMemory {
    fn fail_next_commit(&self) {
        self.0.tear_next_commit();
    }

    fn recover(&self) {}
}

/// A file of the file system.
pub(crate) struct InFile {
    _directory: TempDir,
    pub(crate) path: PathBuf,
}

impl Bench for InFile {
    type Store = RedbStore;

    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a place for files");
        let path = directory.path().join("squall.store");
        RedbStore::create(&path, Contents::default()).expect("there is room");
        Self {
            _directory: directory,
            path,
        }
    }

    fn open(&self) -> RedbStore {
        RedbStore::open(&self.path).expect("healthy")
    }
}

/// A disk that can fail.
pub(crate) struct OnDisk(pub(crate) SimulatedDisk);

impl Bench for OnDisk {
    type Store = RedbStore<SimulatedDisk>;

    fn new() -> Self {
        let disk = SimulatedDisk::default();
        RedbStore::create_on(disk.clone(), Contents::default()).expect("there is room");
        Self(disk)
    }

    fn open(&self) -> RedbStore<SimulatedDisk> {
        RedbStore::open_on(self.0.clone()).expect("healthy")
    }
}

impl Failing for OnDisk {
    fn fail_next_commit(&self) {
        self.0.fail_from(0, io::ErrorKind::StorageFull);
    }

    fn recover(&self) {
        self.0.recover();
    }
}

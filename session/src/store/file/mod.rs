//! A store in one file, by redb: the embedded default.
//!
//! Every commit is on the disk before it is answered. The file belongs to one process at a time. What is refused is left
//! as it is, to the byte.

mod disk;
mod held;
mod restore;
mod simulated;
mod tables;

use std::path::Path;

use redb::{Builder, Database, DatabaseError, StorageBackend as _, StorageError, WriteTransaction};
use squall_protocol::pairing::Device;

use crate::id::{AttemptId, OrgId};
use crate::store::{Contents, Ledger, Store, StoreError};

pub use disk::{AtPath, Disk};
use held::Held;
pub use simulated::{OpenDisk, SimulatedDisk};

/// A store in one file.
#[derive(Debug)]
pub struct RedbStore<D: Disk = AtPath> {
    disk: D,
    /// None after a commit that failed, until the file could be read again: then it is known whether it is on the disk.
    database: Option<Database>,
    /// As of the last commit. The lock makes it true: nobody else writes to the file.
    contents: Contents,
}

impl RedbStore {
    /// Opens the store of this path.
    ///
    /// # Errors
    /// It is missing, unreadable, locked, torn or from a later version; it is left as it is.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_on(AtPath::new(path.as_ref()))
    }

    /// Makes a store that holds this, in one transaction: either there is a whole one afterwards, or none.
    ///
    /// # Errors
    /// There is something at the path, or it cannot be written.
    pub fn create(path: impl AsRef<Path>, contents: Contents) -> Result<Self, StoreError> {
        Self::create_on(AtPath::new(path.as_ref()), contents)
    }
}

impl<D: Disk> RedbStore<D> {
    /// Opens the store on this disk. See [`RedbStore::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open_on(disk: D) -> Result<Self, StoreError> {
        let (database, contents) = opened(&disk)?;
        Ok(Self {
            disk,
            database: Some(database),
            contents,
        })
    }

    /// Makes a store on this disk. See [`RedbStore::create`].
    ///
    /// # Errors
    /// As there.
    pub fn create_on(disk: D, contents: Contents) -> Result<Self, StoreError> {
        let backend = disk.create()?;
        let made = || -> Result<Database, redb::Error> {
            let database = Builder::new().create_with_backend(backend)?;
            write(&database, |transaction| {
                tables::fill(transaction, &contents)
            })?;
            Ok(database)
        };
        match made() {
            Ok(database) => Ok(Self {
                disk,
                database: Some(database),
                contents,
            }),
            Err(error) => {
                disk.discard();
                Err(StoreError::Unavailable(error.to_string()))
            }
        }
    }

    /// Looks whether the store on this disk is whole, and leaves it as it is.
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn verify_on(disk: &D) -> Result<Contents, StoreError> {
        let (_, contents, _) = tried(disk)?;
        Ok(contents)
    }

    /// Opens the file again after a commit that failed.
    fn reopen(&mut self) -> Result<(), StoreError> {
        if self.database.is_none() {
            let (database, contents) = opened(&self.disk)?;
            self.contents = contents;
            self.database = Some(database);
        }
        Ok(())
    }

    fn commit(
        &mut self,
        work: impl FnOnce(&WriteTransaction, &Contents) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        self.reopen()?;
        let contents = &self.contents;
        let written = match &self.database {
            Some(database) => write(database, |transaction| work(transaction, contents)),
            None => Err(redb::Error::DatabaseClosed),
        };
        written.map_err(|error| {
            // Whoever has the file open has its lock, and nobody else is to get it: it is opened again at once.
            self.database = None;
            let _ = self.reopen();
            StoreError::Unavailable(error.to_string())
        })
    }
}

impl<D: Disk> Store for RedbStore<D> {
    fn transact<R>(&mut self, work: impl FnOnce(&mut Ledger) -> R) -> Result<R, StoreError> {
        self.reopen()?;
        let mut ledger = self.contents.ledger.clone();
        let done = work(&mut ledger);
        if ledger != self.contents.ledger {
            self.commit(|transaction, before| {
                tables::write_ledger(transaction, &before.ledger, &ledger)
            })?;
            self.contents.ledger = ledger;
        }
        Ok(done)
    }

    fn device(&self, org: &OrgId) -> Result<Option<Device>, StoreError> {
        Ok(self.contents.devices.get(org).cloned())
    }

    fn put_device(&mut self, org: &OrgId, device: Device) -> Result<(), StoreError> {
        self.commit(|transaction, _| tables::put_device(transaction, org, &device))?;
        self.contents.devices.insert(org.clone(), device);
        Ok(())
    }

    fn set_device_aside(&mut self, org: &OrgId, attempt: AttemptId) -> Result<(), StoreError> {
        self.commit(|transaction, _| tables::set_device_aside(transaction, org, attempt))?;
        self.contents.set_device_aside(org, attempt);
        Ok(())
    }

    fn contents(&self) -> Result<Contents, StoreError> {
        Ok(self.contents.clone())
    }
}

/// One transaction. It is on the disk when this returns.
fn write(
    database: &Database,
    work: impl FnOnce(&WriteTransaction) -> Result<(), redb::Error>,
) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    work(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// Opens what is on the disk, and lets nothing be written to it before it has proved to be a store.
fn opened<D: Disk>(disk: &D) -> Result<(Database, Contents), StoreError> {
    let (database, contents, held) = tried(disk)?;
    held.release()
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok((database, contents))
}

/// What is on the disk, checked to the last page, with nothing written to it.
fn tried<D: Disk>(disk: &D) -> Result<(Database, Contents, Held<D::Backend>), StoreError> {
    let held = Held::new(disk.open()?);
    let is_empty = held
        .len()
        .map(|length| length == 0)
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    if is_empty {
        return Err(StoreError::Damaged("it is empty".to_owned()));
    }
    let database = Builder::new()
        .set_check_integrity_on_open(true)
        .create_with_backend(held.handle())
        .map_err(refused)?;
    let contents = tables::read(&database)?;
    Ok((database, contents, held))
}

fn refused(error: DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Locked,
        DatabaseError::Storage(StorageError::Corrupted(what)) => StoreError::Damaged(what),
        DatabaseError::Storage(StorageError::Io(error))
            if [
                std::io::ErrorKind::InvalidData,
                std::io::ErrorKind::UnexpectedEof,
            ]
            .contains(&error.kind()) =>
        {
            StoreError::Damaged(error.to_string())
        }
        DatabaseError::UpgradeRequired(_) => StoreError::Damaged(error.to_string()),
        error => StoreError::Unavailable(error.to_string()),
    }
}

//! A backend that keeps every write to itself until what it opened has proved to be a store of ours.
//!
//! Opening a database repairs what a crash left half done, and so writes. A file that is refused must be left as it is.

use std::fmt;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

/// The bytes of `inner`, with the writes held back until [`Held::release`].
pub(super) struct Held<B> {
    inner: Arc<B>,
    holding: Arc<Mutex<Holding>>,
}

#[derive(Default)]
struct Holding {
    released: bool,
    /// What the bytes would be; a copy is made at the first write, when the database has its lock.
    copy: Option<Vec<u8>>,
    /// What is to be done once released, in its order.
    todo: Vec<Act>,
}

enum Act {
    SetLength(u64),
    Write(u64, Vec<u8>),
    Sync,
}

impl<B: StorageBackend> Held<B> {
    pub(super) fn new(inner: B) -> Self {
        Self {
            inner: Arc::new(inner),
            holding: Arc::default(),
        }
    }

    /// Another handle on the same bytes, to release them by.
    pub(super) fn handle(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            holding: Arc::clone(&self.holding),
        }
    }

    /// Does what was held back, in its order, and holds back nothing any more.
    pub(super) fn release(&self) -> io::Result<()> {
        let mut holding = self.lock();
        for act in std::mem::take(&mut holding.todo) {
            match act {
                Act::SetLength(length) => self.inner.set_len(length)?,
                Act::Write(offset, data) => self.inner.write(offset, &data)?,
                Act::Sync => self.inner.sync_data()?,
            }
        }
        holding.copy = None;
        holding.released = true;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Holding> {
        self.holding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the copy, and notes the act.
    fn hold(
        &self,
        holding: &mut Holding,
        act: Act,
        work: impl FnOnce(&mut Vec<u8>),
    ) -> io::Result<()> {
        if holding.copy.is_none() {
            let length = usize::try_from(self.inner.len()?).map_err(io::Error::other)?;
            let mut bytes = vec![0; length];
            self.inner.read(0, &mut bytes)?;
            holding.copy = Some(bytes);
        }
        if let Some(bytes) = &mut holding.copy {
            work(bytes);
        }
        holding.todo.push(act);
        Ok(())
    }
}

/// The part of the bytes that begins here, of this length.
fn part(bytes: &mut [u8], offset: u64, length: usize) -> io::Result<&mut [u8]> {
    let begins = usize::try_from(offset).map_err(io::Error::other)?;
    let ends = begins.saturating_add(length);
    bytes
        .get_mut(begins..ends)
        .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

impl<B: StorageBackend> StorageBackend for Held<B> {
    fn len(&self) -> io::Result<u64> {
        match &self.lock().copy {
            Some(bytes) => u64::try_from(bytes.len()).map_err(io::Error::other),
            None => self.inner.len(),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &mut self.lock().copy {
            Some(bytes) => {
                out.copy_from_slice(part(bytes, offset, out.len())?);
                Ok(())
            }
            None => self.inner.read(offset, out),
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut holding = self.lock();
        if holding.released {
            return self.inner.set_len(length);
        }
        let resized = usize::try_from(length).map_err(io::Error::other)?;
        self.hold(&mut holding, Act::SetLength(length), |bytes| {
            bytes.resize(resized, 0);
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut holding = self.lock();
        if holding.released {
            drop(holding);
            return self.inner.sync_data();
        }
        holding.todo.push(Act::Sync);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut holding = self.lock();
        if holding.released {
            return self.inner.write(offset, data);
        }
        let mut fits = Ok(());
        let act = Act::Write(offset, data.to_vec());
        self.hold(&mut holding, act, |bytes| {
            fits = part(bytes, offset, data.len()).map(|into| into.copy_from_slice(data));
        })?;
        fits
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}

impl<B> fmt::Debug for Held<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

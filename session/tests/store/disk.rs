//! A disk that can be full and lose its power: what is not synced then may be there, or not, or in part.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use redb::StorageBackend;
use squall_session::store::StoreError;
use squall_session::store::file::Disk;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// A handle on a disk; clones share it.
#[derive(Clone, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    exists: bool,
    /// As whoever reads it sees it.
    seen: Vec<u8>,
    /// As it survives.
    synced: Vec<u8>,
    unsynced: Vec<Write>,
    /// How many changes there ever were.
    changes: u64,
    fails: Option<Fails>,
}

enum Write {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

/// From which change on, and what every one then fails with.
struct Fails {
    from: u64,
    with: io::ErrorKind,
}

impl SimulatedDisk {
    /// Every change from the `nth` from now on fails, 0 being the next one.
    pub(crate) fn fail_from(&self, nth: u64, with: io::ErrorKind) {
        let mut state = self.lock();
        let from = state.changes + nth;
        state.fails = Some(Fails { from, with });
    }

    /// Nothing fails any more.
    pub(crate) fn recover(&self) {
        self.lock().fails = None;
    }

    /// How many changes there ever were.
    pub(crate) fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// The disk as it is when the power is back: each sector that was not synced is there with this chance, as the seed
    /// says.
    pub(crate) fn after_power_cut(&self, chance: f64, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let state = self.lock();
        let mut bytes = state.synced.clone();
        for write in &state.unsynced {
            match write {
                Write::Length(length) if rng.random_bool(chance) => bytes.resize(*length, 0),
                Write::Length(_) => {}
                Write::Bytes(offset, data) => {
                    for (nth, sector) in data.chunks(SECTOR).enumerate() {
                        if rng.random_bool(chance) {
                            put(&mut bytes, offset + nth * SECTOR, sector);
                        }
                    }
                }
            }
        }
        Self::of(bytes)
    }

    /// A disk with these bytes on it.
    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            exists: true,
            seen: bytes.clone(),
            synced: bytes,
            ..State::default()
        })))
    }

    /// What whoever reads it sees.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lock().seen.clone()
    }

    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        state.changes += 1;
        match &state.fails {
            Some(fails) if state.changes > fails.from => Err(fails.with.into()),
            _ => Ok(state),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes where there is room, and makes room where there is none.
fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let ends = offset + data.len();
    if bytes.len() < ends {
        bytes.resize(ends, 0);
    }
    bytes[offset..ends].copy_from_slice(data);
}

impl Disk for SimulatedDisk {
    type Backend = Self;

    fn open(&self) -> Result<Self, StoreError> {
        if self.lock().exists {
            Ok(self.clone())
        } else {
            Err(StoreError::Missing)
        }
    }

    fn create(&self) -> Result<Self, StoreError> {
        if std::mem::replace(&mut self.lock().exists, true) {
            return Err(StoreError::Exists);
        }
        Ok(self.clone())
    }

    fn discard(&self) {
        *self.lock() = State::default();
    }
}

impl StorageBackend for SimulatedDisk {
    fn len(&self) -> io::Result<u64> {
        u64::try_from(self.lock().seen.len()).map_err(io::Error::other)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let state = self.lock();
        let part = state.seen.get(offset..offset.saturating_add(out.len()));
        out.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut state = self.change()?;
        state.seen.resize(length, 0);
        state.unsynced.push(Write::Length(length));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.change()?;
        state.synced = state.seen.clone();
        state.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let mut state = self.change()?;
        put(&mut state.seen, offset, data);
        state.unsynced.push(Write::Bytes(offset, data.to_vec()));
        Ok(())
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedDisk")
    }
}

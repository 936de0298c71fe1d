//! A disk in memory, for tests and for the harness: it can be full, and it can lose its power.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::{Rng, RngExt as _};
use redb::StorageBackend;

use super::Disk;
use crate::store::StoreError;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

/// A handle on a disk with room for one store; clones share it, as processes do. As with a file, one process at a time
/// has it open.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

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
    /// How often it was opened.
    opened: u64,
    /// Which of these has it now.
    holder: Option<u64>,
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
    /// A disk with these bytes on it.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State {
            exists: true,
            seen: bytes.clone(),
            synced: bytes,
            ..State::default()
        })))
    }

    /// Every change from the `nth` from now on fails, 0 being the next one.
    pub fn fail_from(&self, nth: u64, with: io::ErrorKind) {
        let mut state = self.lock();
        let from = state.changes + nth;
        state.fails = Some(Fails { from, with });
    }

    /// Nothing fails any more.
    pub fn recover(&self) {
        self.lock().fails = None;
    }

    /// How many changes there ever were.
    pub fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// What whoever reads it sees.
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().seen.clone()
    }

    /// The disk as it is when the power is back: each sector that was not synced is there with this chance.
    pub fn after_power_cut(&self, chance: f64, rng: &mut impl Rng) -> Self {
        Self::of(self.lock().survives(chance, rng))
    }

    /// The process that has it open is killed. What it wrote is there; what it writes from now on goes nowhere.
    pub fn let_go(&self) {
        self.lock().holder = None;
    }

    /// The power is cut, and the process that has it open dies of it. Each sector that was not synced is there afterwards
    /// with this chance.
    pub fn lose_power(&self, chance: f64, rng: &mut impl Rng) {
        let mut state = self.lock();
        let bytes = state.survives(chance, rng);
        state.seen.clone_from(&bytes);
        state.synced = bytes;
        state.unsynced.clear();
        state.holder = None;
    }

    /// The store is deleted.
    pub fn lose(&self) {
        let mut state = self.lock();
        *state = State {
            opened: state.opened,
            changes: state.changes,
            ..State::default()
        };
    }

    fn hold(&self) -> Result<OpenDisk, StoreError> {
        let mut state = self.lock();
        if state.holder.is_some() {
            return Err(StoreError::Locked);
        }
        state.opened += 1;
        state.holder = Some(state.opened);
        Ok(OpenDisk {
            disk: self.clone(),
            nth: state.opened,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn survives(&self, chance: f64, rng: &mut impl Rng) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for write in &self.unsynced {
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
        bytes
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
    type Backend = OpenDisk;

    fn open(&self) -> Result<OpenDisk, StoreError> {
        if self.lock().exists {
            self.hold()
        } else {
            Err(StoreError::Missing)
        }
    }

    fn create(&self) -> Result<OpenDisk, StoreError> {
        if std::mem::replace(&mut self.lock().exists, true) {
            return Err(StoreError::Exists);
        }
        self.hold()
    }

    fn discard(&self) {
        self.lose();
    }
}

/// A disk as the process has it that opened it, until it is dropped.
pub struct OpenDisk {
    disk: SimulatedDisk,
    nth: u64,
}

impl OpenDisk {
    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.disk.lock();
        if state.holder != Some(self.nth) {
            return Err(io::Error::other("the process was killed"));
        }
        state.changes += 1;
        match &state.fails {
            Some(fails) if state.changes > fails.from => Err(fails.with.into()),
            _ => Ok(state),
        }
    }
}

impl Drop for OpenDisk {
    fn drop(&mut self) {
        let mut state = self.disk.lock();
        if state.holder == Some(self.nth) {
            state.holder = None;
        }
    }
}

impl StorageBackend for OpenDisk {
    fn len(&self) -> io::Result<u64> {
        u64::try_from(self.disk.lock().seen.len()).map_err(io::Error::other)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let state = self.disk.lock();
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
        for write in std::mem::take(&mut state.unsynced) {
            match write {
                Write::Length(length) => state.synced.resize(length, 0),
                Write::Bytes(offset, data) => put(&mut state.synced, offset, &data),
            }
        }
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

impl fmt::Debug for OpenDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenDisk")
    }
}

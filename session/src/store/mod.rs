//! What must outlive the process: attempts, failures, blocks, the clock's high-water mark, and each device's keys.

#[cfg(feature = "redb")]
pub mod file;
#[cfg(feature = "redb")]
mod keys;
#[cfg(feature = "redb")]
pub mod lines;
mod memory;

use std::collections::BTreeMap;
use std::ops::{Add, Sub};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use squall_protocol::Millis;
use squall_protocol::pairing::Device;

use crate::id::{AttemptId, OrgId};
use crate::state::State;

pub use memory::MemoryStore;

/// A place that forgets nothing. A transaction happens whole or not at all.
pub trait Store: Send + 'static {
    /// Runs `work` on the ledger and commits what it did, durably, before it returns. Where `work` changed nothing there is
    /// nothing to commit. On an error nothing was committed; where it was the confirmation alone that failed, all of it
    /// may have been, and then counts.
    ///
    /// # Errors
    /// The store is missing, unreadable or could not commit.
    fn transact<R>(&mut self, work: impl FnOnce(&mut Ledger) -> R) -> Result<R, StoreError>;

    /// The organization's device, if it has one.
    ///
    /// # Errors
    /// The store cannot be read.
    fn device(&self, org: &OrgId) -> Result<Option<Device>, StoreError>;

    /// Keeps a device.
    ///
    /// # Errors
    /// The store cannot be written.
    fn put_device(&mut self, org: &OrgId, device: Device) -> Result<(), StoreError>;

    /// Moves the organization's device aside under the attempt's number; it is not erased.
    ///
    /// # Errors
    /// The store cannot be written.
    fn set_device_aside(&mut self, org: &OrgId, attempt: AttemptId) -> Result<(), StoreError>;

    /// Everything that it holds, as of the last commit.
    ///
    /// # Errors
    /// The store cannot be read.
    fn contents(&self) -> Result<Contents, StoreError>;
}

/// Everything that a store holds. Its debug form shows no secret.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// What the limiter remembers.
    pub ledger: Ledger,
    /// Each organization's device.
    pub devices: BTreeMap<OrgId, Device>,
    /// Devices that were moved aside, by organization and attempt.
    pub aside: BTreeMap<(OrgId, AttemptId), Device>,
}

impl Contents {
    fn set_device_aside(&mut self, org: &OrgId, attempt: AttemptId) {
        if let Some(device) = self.devices.remove(org) {
            self.aside.insert((org.clone(), attempt), device);
        }
    }
}

/// Why a store cannot serve.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There is none. A forgotten attempt is how numbers get blocked, so none is made silently.
    #[error(
        "the store does not exist; make one with `squall store init`, knowing that it remembers no earlier attempt"
    )]
    Missing,
    /// There is one where one was to be made.
    #[error(
        "there is something already, and it was left as it is; a store is never made over another"
    )]
    Exists,
    /// Another process has it.
    #[error(
        "the store is in use by another process; end the gateway that runs on it first, since two that share one file would each forget what the other admits"
    )]
    Locked,
    /// It was written by a later version.
    #[error(
        "the store has format {found}, and this version reads up to {known}; use the later version that wrote it"
    )]
    Newer {
        /// Its format.
        found: u64,
        /// The latest format that is known here.
        known: u64,
    },
    /// It is no store, or torn. It is left as it is: a store begun anew would remember no earlier attempt.
    #[error(
        "the store is damaged, and was left as it is: {0}; restore it from `squall store export`, or wait until nothing in it can count any more before you make another"
    )]
    Damaged(String),
    /// It could not be read or written just now.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
}

/// What the limiter remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The latest time that the limiter has seen.
    pub high_water: Option<LimiterTime>,
    /// How many attempts there ever were.
    pub attempts_ever: u64,
    /// Attempts that a rule may still ask for, by number and so in the order of admission.
    pub attempts: BTreeMap<AttemptId, Attempt>,
    /// Each organization's last failure.
    pub failures: BTreeMap<OrgId, LimiterTime>,
    /// Until when an organization is blocked.
    pub blocks: BTreeMap<OrgId, LimiterTime>,
    /// Until when all are.
    pub block_of_all: Option<LimiterTime>,
    /// Where each organization came to rest, for what is shown after a boot.
    pub ends: BTreeMap<OrgId, State>,
}

/// An attempt that was admitted and not given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whose.
    pub org: OrgId,
    /// When.
    pub admitted_at: LimiterTime,
    /// Whether the death of the process would cut it short.
    pub open: bool,
    /// Whether its permit's time has come: then it was dialed or revoked, and can no longer be given back.
    pub spent: bool,
}

/// A time of the limiter: milliseconds of the Unix epoch, by a clock that never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LimiterTime(i64);

impl LimiterTime {
    /// The limiter's time when it first looks at a wall clock.
    pub fn from_wall(wall: Timestamp) -> Self {
        Self(wall.as_millisecond())
    }

    /// Milliseconds of the Unix epoch.
    pub const fn as_millisecond(self) -> i64 {
        self.0
    }
}

impl Add<Millis> for LimiterTime {
    type Output = Self;
    fn add(self, length: Millis) -> Self {
        Self(self.0.saturating_add_unsigned(length.get()))
    }
}

impl Sub for LimiterTime {
    type Output = Millis;
    /// How long after `earlier`; zero where it is not.
    fn sub(self, earlier: Self) -> Millis {
        Millis::new(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

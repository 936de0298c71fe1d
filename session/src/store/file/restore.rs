//! The way back for a device that was moved aside.

use super::{Disk, RedbStore, tables};
use crate::id::{AttemptId, OrgId};
use crate::store::StoreError;

impl<D: Disk> RedbStore<D> {
    /// Gives an organization the device back that was moved aside under this attempt, and moves the one that it has
    /// instead aside under the same: nothing is lost, and the same again undoes it. Whether there was one.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn restore(&mut self, org: &OrgId, attempt: AttemptId) -> Result<bool, StoreError> {
        let key = (org.clone(), attempt);
        let Some(device) = self.contents.aside.get(&key).cloned() else {
            return Ok(false);
        };
        self.commit(|transaction, before| {
            let instead = before.devices.get(org);
            tables::restore(transaction, org, attempt, &device, instead)
        })?;
        self.contents.aside.remove(&key);
        if let Some(instead) = self.contents.devices.insert(org.clone(), device) {
            self.contents.aside.insert(key, instead);
        }
        Ok(true)
    }
}

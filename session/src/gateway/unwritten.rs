//! Devices that could not be written when they came: kept, and tried again, so that a full disk costs nobody a pairing.

use std::collections::VecDeque;

use squall_protocol::pairing::Device;

use crate::id::{AttemptId, OrgId};
use crate::store::{Store, StoreError};

/// What is still to be written of devices, in order.
#[derive(Default)]
pub(super) struct Unwritten {
    writes: VecDeque<Write>,
    /// Why the first of them could not be.
    failure: Option<StoreError>,
}

enum Write {
    Put(OrgId, Box<Device>),
    SetAside(OrgId, AttemptId),
}

impl Unwritten {
    pub(super) fn put(&mut self, store: &mut impl Store, org: &OrgId, device: &Device) {
        let device = Box::new(device.clone());
        self.writes.push_back(Write::Put(org.clone(), device));
        self.write(store);
    }

    pub(super) fn set_aside(&mut self, store: &mut impl Store, org: &OrgId, attempt: AttemptId) {
        self.writes.push_back(Write::SetAside(org.clone(), attempt));
        self.write(store);
    }

    /// Writes what can be written, in order, and keeps the rest.
    pub(super) fn write(&mut self, store: &mut impl Store) {
        self.failure = None;
        while let Some(write) = self.writes.front() {
            let written = match write {
                Write::Put(org, device) => store.put_device(org, (**device).clone()),
                Write::SetAside(org, attempt) => store.set_device_aside(org, *attempt),
            };
            if let Err(why) = written {
                self.failure = Some(why);
                return;
            }
            self.writes.pop_front();
        }
    }

    /// Why something is not written yet; none, if all is.
    pub(super) fn failure(&self) -> Option<&StoreError> {
        self.failure.as_ref()
    }
}

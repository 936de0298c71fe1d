//! Devices that could not be written when they came: kept, and tried again, so that a full disk costs nobody a pairing.

use squall_protocol::pairing::Device;

use crate::id::{AttemptId, OrgId};
use crate::store::Store;

/// What is still to be written of devices, in order.
#[derive(Default)]
pub(super) struct Unwritten(Vec<Write>);

enum Write {
    Put(OrgId, Box<Device>),
    SetAside(OrgId, AttemptId),
}

impl Unwritten {
    pub(super) fn put(&mut self, store: &mut impl Store, org: &OrgId, device: &Device) {
        self.0
            .push(Write::Put(org.clone(), Box::new(device.clone())));
        self.write(store);
    }

    pub(super) fn set_aside(&mut self, store: &mut impl Store, org: &OrgId, attempt: AttemptId) {
        self.0.push(Write::SetAside(org.clone(), attempt));
        self.write(store);
    }

    /// Writes what can be written, in order, and keeps the rest.
    pub(super) fn write(&mut self, store: &mut impl Store) {
        let written = self.0.iter().take_while(|write| match write {
            Write::Put(org, device) => store.put_device(org, (**device).clone()).is_ok(),
            Write::SetAside(org, attempt) => store.set_device_aside(org, *attempt).is_ok(),
        });
        let written = written.count();
        self.0.drain(..written);
    }
}

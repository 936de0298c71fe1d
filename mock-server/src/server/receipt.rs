//! Receipts: that somebody has a message, has read it, or could not read it.

use squall_protocol::jid::Jid;
use squall_protocol::{Node, Now};

use super::Server;
use super::mailbox::Settled;
use super::request::Caller;
use crate::fault::IqKind;
use crate::id::ConnectionId;

impl Server {
    pub(super) fn on_receipt(&mut self, now: Now, id: ConnectionId, receipt: &Node) {
        let Some(caller) = self.caller(id) else {
            return;
        };
        self.settle_messages(&caller, receipt);
        let mut ack = Node::new("ack").attr("class", "receipt");
        for (name, written) in [
            ("id", "id"),
            ("from", "to"),
            ("type", "type"),
            ("participant", "participant"),
        ] {
            if let Some(value) = receipt.get(written) {
                ack = ack.attr(name, value);
            }
        }
        self.send_checked(now, id, ack, Some(IqKind::Receipt));
        if !receipt.get("type").is_some_and(|kind| OWN.contains(&kind)) {
            self.forward(now, &caller, receipt);
        }
    }

    /// Whoever says anything of a message has it.
    fn settle_messages(&mut self, caller: &Caller, receipt: &Node) {
        let listed = receipt.find("list").map(Node::children).unwrap_or_default();
        let ids = listed.iter().chain([receipt]).filter_map(|it| it.get("id"));
        let Some(device) = self.device_mut(caller) else {
            return;
        };
        for id in ids {
            device.mail.settle(Settled {
                tag: "message",
                id,
                from: receipt.get("to"),
                kind: None,
            });
        }
    }

    /// To the device that is named, or to all of the user's. The one who tells is named in the numbers in which it names
    /// whom it tells.
    fn forward(&mut self, now: Now, caller: &Caller, receipt: &Node) {
        let to: Option<Jid> = receipt.get("to").and_then(|to| to.parse().ok());
        let Some((to, name)) = to.and_then(|to| Some((to, self.accounts.whose(to)?.clone())))
        else {
            return;
        };
        let Some(own) = self.accounts.get(&caller.name) else {
            return;
        };
        let from = own.address(to.namespace, caller.device);
        let mut copy = Node::new("receipt").attr("from", from);
        for name in ["id", "type", "participant", "recipient"] {
            if let Some(value) = receipt.get(name).filter(|value| *value != INACTIVE) {
                copy = copy.attr(name, value);
            }
        }
        copy = copy.attr("t", now.wall.as_second());
        copy.content = receipt.content.clone();
        for device in self.devices_of(&name) {
            let named = to.device == 0 || to.device == device.device;
            if named && device != *caller {
                self.deliver(now, &device, copy.clone());
            }
        }
    }

    /// The companions of an account.
    pub(super) fn devices_of(&self, name: &str) -> Vec<Caller> {
        let account = self.accounts.get(name);
        let numbers = account.iter().flat_map(|account| account.devices.keys());
        numbers
            .map(|device| Caller {
                name: name.into(),
                device: *device,
            })
            .collect()
    }
}

/// What a device tells its own phone and nobody else.
const OWN: &[&str] = &[
    "peer_msg",
    "hist_sync",
    "sender",
    "read-self",
    "played-self",
];
/// Has it, and nobody is looking: that counts as having it.
const INACTIVE: &str = "inactive";

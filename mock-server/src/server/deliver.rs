//! Stanzas for devices: kept until they are acknowledged, sent at once to whoever is there, and to the others at their
//! next login.

use std::sync::Arc;

use compact_str::CompactString;
use squall_protocol::{Node, Now};

use super::mailbox::Settled;
use super::request::Caller;
use super::{SERVER_JID, Server, Stage};
use crate::id::ConnectionId;

impl Server {
    /// Hands a stanza to a device, which has to acknowledge it. One for which there is no room is lost: whoever can be
    /// refused was refused before.
    pub(super) fn deliver(&mut self, now: Now, to: &Caller, node: Node) {
        let Some(device) = self.device_mut(to) else {
            return;
        };
        if !device.mail.has_room(&node) {
            return;
        }
        let node = Arc::new(node);
        device.mail.put(Arc::clone(&node), false);
        if let Some(connection) = self.connection_of(to) {
            self.send_shared(now, connection, node);
        }
    }

    /// The connection on which a device is logged in.
    pub(super) fn connection_of(&self, device: &Caller) -> Option<ConnectionId> {
        let account = self.accounts.get(&device.name)?;
        let connection = account.devices.get(&device.device)?.connection?;
        (self.connections.stage(connection) == Some(Stage::Open)).then_some(connection)
    }

    pub(super) fn device_mut(&mut self, of: &Caller) -> Option<&mut super::CompanionDevice> {
        let account = self.accounts.get_mut(&of.name)?;
        account.devices.get_mut(&of.device)
    }

    /// What waits for a device that has just logged in.
    pub(super) fn send_waiting(&mut self, now: Now, id: ConnectionId, to: &Caller) {
        let waiting: Vec<Arc<Node>> = match self.device_mut(to) {
            Some(device) => {
                device.connection = Some(id);
                device.mail.waiting(false).cloned().collect()
            }
            None => Vec::new(),
        };
        let count = |tag: &str| waiting.iter().filter(|node| node.tag == tag).count();
        let preview = Node::new("offline_preview")
            .attr("count", waiting.len())
            .attr("message", count("message"))
            .attr("receipt", count("receipt"))
            .attr("notification", count("notification"))
            .attr("appdata", "0");
        self.send(now, id, from_server(preview));
        for (index, node) in waiting.iter().enumerate() {
            let mut node = (**node).clone();
            node.attrs
                .push(("offline".into(), compact_str::format_compact!("{index}")));
            self.send(now, id, node);
        }
        let offline = Node::new("offline").attr("count", waiting.len());
        self.send(now, id, from_server(offline));
    }

    /// A client has what it was sent.
    pub(super) fn on_ack(&mut self, id: ConnectionId, ack: &Node) {
        let Some(caller) = self.caller(id) else {
            return;
        };
        let (Some(class), Some(name)) = (ack.get("class"), ack.get("id")) else {
            return;
        };
        let settled = Settled {
            tag: class,
            id: name,
            from: ack.get("to"),
            kind: ack.get("type"),
        };
        if let Some(device) = self.device_mut(&caller) {
            device.mail.settle(settled);
        }
    }

    /// An id for a stanza of the server's own.
    pub(super) fn stanza_id(&mut self) -> CompactString {
        self.stanzas += 1;
        compact_str::format_compact!("server-{}", self.stanzas)
    }
}

fn from_server(child: Node) -> Node {
    Node::new("ib").attr("from", SERVER_JID).child(child)
}

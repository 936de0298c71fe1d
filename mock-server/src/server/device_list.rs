//! The list of an account's devices: for whoever wants to write to it, and for whoever keeps the list when it changes.

use squall_protocol::pairing::KeyIndexList;
use squall_protocol::{Node, Now};

use super::Server;
use super::account::Chance;
use super::request::Caller;

impl Server {
    /// `<devices>` of an account: the phone, its companions, and the phone's signature.
    pub(super) fn devices_node(&mut self, now: Now, name: &str) -> Option<Node> {
        let account = self.accounts.get(name)?;
        let phone = Node::new("device").attr("id", "0");
        let companions = account.devices.keys().filter(|device| **device != 0);
        let list = companions.fold(Node::new("device-list").child(phone), |list, device| {
            list.child(
                Node::new("device")
                    .attr("id", device)
                    .attr("key-index", device),
            )
        });
        let signed = self.key_index_list(now, name)?;
        Some(Node::new("devices").child(list).child(signed))
    }

    /// The phone's word for its companions. Without it whatsapp-rust takes no user's companions for real.
    fn key_index_list(&mut self, now: Now, name: &str) -> Option<Node> {
        let account = self.accounts.get_mut(name)?;
        if let Some(signed) = &account.signed_list {
            return Some(signed.clone());
        }
        let changed = *account.changed.get_or_insert(now.wall);
        let list = KeyIndexList {
            changed,
            current: account.last_device(),
            valid: account.devices.keys().copied().collect(),
        };
        let account = self.accounts.get(name)?;
        let mut rng = self.accounts.chance(account.phone, Chance::DeviceList);
        // The same list has the same signature.
        rng.set_word_pos(u128::from(changed.as_second().unsigned_abs()) * WORDS_A_SIGNATURE);
        let bytes = account.key.sign_key_indexes(&list, &mut rng);
        let signed = Node::new("key-index-list")
            .attr("ts", changed.as_second())
            .bytes(bytes);
        self.accounts.get_mut(name)?.signed_list = Some(signed.clone());
        Some(signed)
    }

    /// An account has a device more, or less: told to its own others, and to those that keep its list. The rest will ask.
    pub(super) fn devices_changed(&mut self, now: Now, name: &str, device: u32, how: Change) {
        let Some(account) = self.accounts.get_mut(name) else {
            return;
        };
        account.changed = Some(now.wall);
        account.signed_list = None;
        let concerned: Vec<(u64, u32)> = account.listed_by.iter().copied().collect();
        let mut concerned: Vec<Caller> = concerned
            .into_iter()
            .filter_map(|(phone, device)| {
                let name = self.accounts.name_of(phone)?.clone();
                Some(Caller { name, device })
            })
            .collect();
        for own in self.devices_of(name) {
            if !concerned.contains(&own) {
                concerned.push(own);
            }
        }
        concerned.retain(|caller| *caller.name != *name || caller.device != device);
        if concerned.is_empty() {
            return;
        }
        let Some(list) = self.key_index_list(now, name) else {
            return;
        };
        let Some(change) = self.change_node(name, device, how, list) else {
            return;
        };
        for caller in concerned {
            let notification = Node::new("notification")
                .attr("from", change.get("jid").unwrap_or_default())
                .attr("type", "devices")
                .attr("id", self.stanza_id())
                .attr("t", now.wall.as_second())
                .child(change.clone());
            self.deliver(now, &caller, notification);
        }
    }

    fn change_node(&self, name: &str, device: u32, how: Change, list: Node) -> Option<Node> {
        let account = self.accounts.get(name)?;
        let tag = match how {
            Change::Added => "add",
            Change::Removed => "remove",
        };
        let changed = Node::new("device")
            .attr("jid", account.jid(device))
            .attr("lid", account.lid(device))
            .attr("key-index", device);
        let node = Node::new(tag)
            .attr("device_hash", self.device_hash(name)?)
            .attr("jid", account.jid(0))
            .attr("lid", account.lid(0));
        Some(node.child(changed).child(list))
    }

    /// What a client compares with the hash of the list that it keeps, to know whether it missed anything.
    fn device_hash(&self, name: &str) -> Option<String> {
        let account = self.accounts.get(name)?;
        let companions = account.devices.keys().filter(|device| **device != 0);
        let devices = std::iter::once(&0).chain(companions);
        let jids = devices.map(|device| account.jid(*device));
        Some(squall_protocol::jid::list_hash(jids))
    }
}

/// What became of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It was paired.
    Added,
    /// It is the account's no more.
    Removed,
}

/// 64 bytes are drawn for a signature.
const WORDS_A_SIGNATURE: u128 = 16;

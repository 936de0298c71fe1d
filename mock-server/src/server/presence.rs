//! Who is there, and who is writing.

use std::sync::Arc;

use compact_str::CompactString;
use squall_protocol::jid::Jid;
use squall_protocol::{Node, Now};

use super::account::push_name;
use super::request::Caller;
use super::{Server, Stage};
use crate::id::ConnectionId;

impl Server {
    pub(super) fn on_presence(&mut self, now: Now, id: ConnectionId, presence: &Node) {
        let Some(caller) = self.caller(id) else {
            return;
        };
        let is_available = match presence.get("type") {
            Some("subscribe") => return self.watch(now, id, presence),
            Some("unsubscribe") => return self.unwatch(id, presence),
            Some("unavailable") => false,
            _ => true,
        };
        if let Some(name) = presence.get("name").and_then(push_name)
            && let Some(account) = self.accounts.get_mut(&caller.name)
        {
            account.push_name = name;
        }
        if let Some(connection) = self.connections.get_mut(id) {
            connection.is_available = is_available;
        }
        self.tell_watchers(now, &caller.name);
    }

    /// This connection wants to hear of somebody from now on; at once it hears how things stand.
    fn watch(&mut self, now: Now, id: ConnectionId, presence: &Node) {
        let Some(name) = self.named_in(presence) else {
            return;
        };
        if let Some(account) = self.accounts.get_mut(&name)
            && account.watchers.insert(id)
            && let Some(connection) = self.connections.get_mut(id)
        {
            connection.watches.push(name.clone());
        }
        if let Some(state) = self.presence_of(&name) {
            self.send(now, id, state);
        }
    }

    fn unwatch(&mut self, id: ConnectionId, presence: &Node) {
        let Some(name) = self.named_in(presence) else {
            return;
        };
        if let Some(account) = self.accounts.get_mut(&name) {
            account.watchers.remove(&id);
        }
        if let Some(connection) = self.connections.get_mut(id) {
            connection.watches.retain(|watched| *watched != name);
        }
    }

    /// A connection is about to be forgotten: it watches nobody any more, and nobody is there through it.
    pub(super) fn leave(&mut self, now: Now, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let watches = std::mem::take(&mut connection.watches);
        let was_there = std::mem::take(&mut connection.is_available);
        let name = connection.account.clone();
        for watched in watches {
            if let Some(account) = self.accounts.get_mut(&watched) {
                account.watchers.remove(&id);
            }
        }
        if was_there && let Some(name) = name {
            self.tell_watchers(now, &name);
        }
    }

    fn tell_watchers(&mut self, now: Now, name: &str) {
        if !self.is_there(name)
            && let Some(account) = self.accounts.get_mut(name)
        {
            account.last_seen = Some(now.wall);
        }
        let watchers: Vec<ConnectionId> = match self.accounts.get(name) {
            Some(account) => account.watchers.iter().copied().collect(),
            None => return,
        };
        let Some(state) = self.presence_of(name).map(Arc::new) else {
            return;
        };
        for watcher in watchers {
            self.send_shared(now, watcher, Arc::clone(&state));
        }
    }

    fn presence_of(&self, name: &str) -> Option<Node> {
        let account = self.accounts.get(name)?;
        let state = Node::new("presence").attr("from", account.jid(0));
        if self.is_there(name) {
            return Some(state);
        }
        let state = state.attr("type", "unavailable");
        Some(match account.last_seen {
            Some(last) => state.attr("last", last.as_second()),
            None => state,
        })
    }

    /// Whether any device of the account is in somebody's hands.
    fn is_there(&self, name: &str) -> bool {
        let Some(account) = self.accounts.get(name) else {
            return false;
        };
        let devices = account.devices.values();
        devices.filter_map(|device| device.connection).any(|id| {
            self.connections.get(id).is_some_and(|connection| {
                connection.is_available && connection.stage == Stage::Open
            })
        })
    }

    /// Somebody writes, or has stopped: told to the other's devices that are logged in, and to the others if they come
    /// back soon.
    pub(super) fn on_chatstate(&mut self, now: Now, id: ConnectionId, chatstate: &Node) {
        let to: Option<Jid> = chatstate.get("to").and_then(|to| to.parse().ok());
        let (Some(caller), Some(to), Some(name)) = (self.caller(id), to, self.named_in(chatstate))
        else {
            return;
        };
        let Some(own) = self.accounts.get(&caller.name) else {
            return;
        };
        let mut copy = Node::new("chatstate").attr("from", own.address(to.namespace, 0));
        copy.content = chatstate.content.clone();
        let copy = Arc::new(copy);
        for device in self.devices_of(&name) {
            if device != caller {
                self.tell_or_keep(now, &device, &copy);
            }
        }
    }

    fn tell_or_keep(&mut self, now: Now, device: &Caller, news: &Arc<Node>) {
        match self.connection_of(device) {
            Some(connection) => self.send_shared(now, connection, Arc::clone(news)),
            None => {
                if let Some(device) = self.device_mut(device) {
                    device.mail.put_writing(now.mono, Arc::clone(news));
                }
            }
        }
    }

    /// The account that a stanza is for.
    fn named_in(&self, stanza: &Node) -> Option<CompactString> {
        let to: Jid = stanza.get("to")?.parse().ok()?;
        self.accounts.whose(to).cloned()
    }
}

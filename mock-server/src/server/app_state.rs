//! The app state: settings that an account's devices share through the server, which keeps their patches in order.
//!
//! The devices encrypt them. The server holds the key in the phone's stead, which has set two things before any companion
//! came: what the user calls himself, and a salt.

use std::collections::BTreeMap;

use compact_str::CompactString;
use rand::Rng;
use squall_protocol::app_state::{Setting, SyncKey, numbered};
use squall_protocol::{Node, Now};

use super::account::Chance;
use super::iq::Reply;
use super::request::Caller;
use super::{SERVER_JID, Server};

/// An account's app state.
#[derive(Debug)]
pub(crate) struct AppState {
    pub(crate) key: SyncKey,
    /// The salt of the tokens that let somebody write.
    pub(crate) salt: [u8; 32],
    /// The patches of each collection, each as its readers get it. A collection's version is their number.
    collections: BTreeMap<CompactString, Vec<Vec<u8>>>,
    /// The bytes of them all.
    weight: usize,
}

impl AppState {
    /// The phone's, with what it has set where `push_name` is given: a client that was handed no key could not read that.
    fn new(now: Now, push_name: Option<&str>, rng: &mut impl Rng) -> Self {
        let mut key = SyncKey {
            id: [0; 6],
            data: [0; 32],
        };
        let mut salt = [0; 32];
        rng.fill_bytes(&mut key.id);
        rng.fill_bytes(&mut key.data);
        rng.fill_bytes(&mut salt);
        let mut state = Self {
            key,
            salt,
            collections: BTreeMap::new(),
            weight: 0,
        };
        if let Some(name) = push_name {
            for setting in [Setting::PushName(name), Setting::NctSalt(&salt)] {
                let at = now.wall.as_millisecond();
                let patch = state.key.first_patch(setting, at, rng);
                state.push(setting.collection(), patch);
            }
        }
        state
    }

    fn push(&mut self, collection: &str, patch: Vec<u8>) {
        self.weight += patch.len();
        let patches = self.collections.entry(collection.into()).or_default();
        patches.push(patch);
    }

    fn version(&self, collection: &str) -> u64 {
        self.collections.get(collection).map_or(0, Vec::len) as u64
    }

    /// `<patches>` with those later than `version`; nothing where there are none.
    fn later(&self, collection: &str, version: u64) -> Option<Node> {
        let patches = self.collections.get(collection)?;
        let later = patches.get(usize::try_from(version).ok()?..)?;
        if later.is_empty() {
            return None;
        }
        let nodes = later
            .iter()
            .map(|patch| Node::new("patch").bytes(patch.as_slice()));
        Some(nodes.fold(Node::new("patches"), Node::child))
    }

    /// What becomes of one collection's request, and whether it was written to.
    fn answer(&mut self, request: &Node) -> (Node, bool) {
        let name = request.get("name").unwrap_or_default();
        let known: u64 = request.get("version").unwrap_or("0").parse().unwrap_or(0);
        let current = self.version(name);
        let answer = |version: u64, kind: &str| {
            Node::new("collection")
                .attr("name", name)
                .attr("version", version)
                .attr("type", kind)
        };
        let error = |code: &str, text: &str| {
            let error = Node::new("error").attr("code", code).attr("text", text);
            answer(current, "error").child(error)
        };
        if !COLLECTIONS.contains(&name) {
            return (error("404", "item-not-found"), false);
        }
        let later = self.later(name, known);
        let with = |node: Node| later.clone().into_iter().fold(node, Node::child);
        let Some(patch) = request.find("patch").and_then(Node::content_bytes) else {
            return (with(answer(current, "result")), false);
        };
        if known != current {
            return (with(error("409", "conflict")), false);
        }
        if self.weight + patch.len() > MAX_WEIGHT {
            return (error("406", "not-acceptable"), false);
        }
        self.push(name, numbered(current + 1, patch));
        (answer(current + 1, "result"), true)
    }
}

impl Server {
    pub(super) fn reply_to_app_state(
        &mut self,
        now: Now,
        caller: &Caller,
        request: &Node,
    ) -> Option<Reply> {
        let asked = request.find("sync")?.children();
        let state = self.app_state(now, &caller.name)?;
        let mut sync = Node::new("sync");
        let mut written = Vec::new();
        for collection in asked.iter().filter(|asked| asked.tag == "collection") {
            let (answer, was_written) = state.answer(collection);
            if was_written {
                written.push(answer.clone());
            }
            sync = sync.child(answer);
        }
        for collection in written {
            self.tell_others_of(now, caller, &collection);
        }
        Some(Reply::Result(Some(sync)))
    }

    /// The app state of an account, made when it is first needed.
    pub(super) fn app_state(&mut self, now: Now, name: &str) -> Option<&mut AppState> {
        let phone_writes = self.settings.messaging.phone_writes;
        let phone = self.accounts.get(name)?.phone;
        let mut rng = self.accounts.chance(phone, Chance::AppState);
        let account = self.accounts.get_mut(name)?;
        let push_name = phone_writes.then_some(account.push_name.as_str());
        let state = account
            .app_state
            .get_or_insert_with(|| Box::new(AppState::new(now, push_name, &mut rng)));
        Some(state)
    }

    /// The account's other devices come and fetch what was written.
    fn tell_others_of(&mut self, now: Now, writer: &Caller, collection: &Node) {
        let change = ["name", "version"]
            .into_iter()
            .fold(Node::new("collection"), |node, name| {
                node.attr(name, collection.get(name).unwrap_or_default())
            });
        for device in self.devices_of(&writer.name) {
            if device != *writer {
                let notification = Node::new("notification")
                    .attr("from", SERVER_JID)
                    .attr("type", "server_sync")
                    .attr("id", self.stanza_id())
                    .attr("t", now.wall.as_second())
                    .child(change.clone());
                self.deliver(now, &device, notification);
            }
        }
    }
}

/// The collections that there are.
const COLLECTIONS: &[&str] = &[
    "critical_block",
    "critical_unblock_low",
    "regular_high",
    "regular_low",
    "regular",
];
/// Of each account, in bytes: 10,000 settings are less than that.
const MAX_WEIGHT: usize = 4 << 20;

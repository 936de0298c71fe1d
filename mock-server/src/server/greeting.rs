//! What the phone writes to a companion after its first login, sealed for it as any message is.

use std::sync::Arc;

use rand::RngExt;
use squall_protocol::phone::{key_share, no_history, padded};
use squall_protocol::signal::{Bundle, Sender};
use squall_protocol::{Node, Now};

use super::Server;
use super::account::Chance;
use super::request::Caller;
use crate::id::ConnectionId;

impl Server {
    /// What a device is told once it has heard everything that waited: what its phone wrote, and who is writing just now.
    /// Baileys takes the phone's word for its history only then.
    pub(super) fn send_news(&mut self, now: Now, id: ConnectionId, to: &Caller) {
        self.greet(now, to);
        let Some(device) = self.device_mut(to) else {
            return;
        };
        let of_the_phone: Vec<Arc<Node>> = device.mail.waiting(true).cloned().collect();
        let writing: Vec<Arc<Node>> = device.mail.take_writing(now.mono).collect();
        for node in of_the_phone.into_iter().chain(writing) {
            self.send_shared(now, id, node);
        }
    }

    /// The phone writes to a new device.
    fn greet(&mut self, now: Now, to: &Caller) {
        let phone_writes = self.settings.messaging.phone_writes;
        let Some(device) = self.device_mut(to) else {
            return;
        };
        if !std::mem::take(&mut device.is_new) || !phone_writes {
            return;
        }
        let bundle = Bundle {
            identity: device.keys.identity,
            signed_pre_key_id: device.keys.signed.id,
            signed_pre_key: device.keys.signed.key,
        };
        for letter in self.greeting(now, to, bundle).into_iter().flatten() {
            if let Some(device) = self.device_mut(to)
                && device.mail.has_room(&letter)
            {
                device.mail.put(Arc::new(letter), true);
            }
        }
    }

    fn greeting(&mut self, now: Now, to: &Caller, bundle: Bundle) -> Option<[Node; 2]> {
        let at = now.wall.as_millisecond();
        let state = self.app_state(now, &to.name)?;
        let texts = [key_share(&state.key, at), no_history(&state.salt)];
        let phone = self.accounts.get(&to.name)?.phone;
        let mut rng = self.accounts.chance(phone, Chance::Phone);
        rng.set_word_pos(u128::from(to.device) * WORDS_A_GREETING);
        let mut of_keys = self.accounts.chance(phone, Chance::PhoneKeys);
        let account = self.accounts.get_mut(&to.name)?;
        let registration_id = account.phone_keys(&mut of_keys).registration_id;
        // A device whose pre-key is none can be told nothing.
        let mut sender =
            Sender::begin(account.key.keys(), registration_id, bundle, &mut rng).ok()?;
        let from = account.jid(0);
        Some(texts.map(|text| {
            let padding = rng.random_range(1..=16);
            let sealed = Node::new("enc")
                .attr("v", "2")
                .attr("type", "pkmsg")
                .bytes(sender.seal(&padded(text, padding)));
            Node::new("message")
                .attr("from", from)
                .attr("id", format!("3EB0{:016X}", rng.random::<u64>()))
                .attr("type", "text")
                .attr("category", "peer")
                .attr("t", now.wall.as_second())
                .child(sealed)
        }))
    }
}

/// More than the keys, ids and paddings of one take.
const WORDS_A_GREETING: u128 = 64;

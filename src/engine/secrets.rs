//! Every key of the run, looked for in everything that is written, as it is written.
//!
//! What a run writes is made of trace entries: the full trace, its prose, findings and reports. So each entry is searched
//! before anybody hears it, for every form in which programs print a key. Entries hold only what the run's parts put into
//! them, so a key that is in none is in no report.
//!
//! The keys are those that some code can read: each device's static Noise key, identity key, signed pre-key and ADV
//! secret, the server's static key, and the keys of its root and intermediate certificates. The ephemeral keys of a
//! handshake and the keys of a transport have no accessor, in the protocol crate or elsewhere; a way to search for them
//! would be the first way to leak them.

mod forms;
mod texts;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxBuildHasher;
use squall_mock_server::server::Server;
use squall_protocol::keys::KeyPair;
use squall_protocol::pairing::Device;

use crate::trace::{Event, OrgName};

use forms::{Key, SHORTEST, forms};

/// The keys of a run.
#[derive(Default)]
pub(crate) struct Secrets(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    names: BTreeMap<Key, Arc<str>>,
    /// Every form of every key, by its first bytes. Each byte of a page is looked up here, and a page that lists thousands of
    /// organizations is looked for thousands of keys: hence a hash, and not an order that nobody asks for.
    forms: HashMap<[u8; PREFIX], Vec<Form>, FxBuildHasher>,
    /// The keys of each organization's devices, oldest first.
    devices: BTreeMap<OrgName, VecDeque<[Key; 4]>>,
    /// The server's static keys after the first, oldest first.
    rotated: VecDeque<Key>,
}

struct Form {
    of: Key,
    bytes: Vec<u8>,
}

/// Long enough that hardly any text has a key's first bytes by chance, and shorter than every form.
const PREFIX: usize = 8;

/// Of each organization so many devices are remembered, the last ones: one that was set aside can still be in a log, and
/// one that is set aside each day must not cost memory for ever.
const DEVICES: usize = 8;
/// And so many static keys of the server.
const ROTATED: usize = 8;

impl Secrets {
    /// No private key of the server's own must be written anywhere.
    pub(crate) fn keep_server(&self, server: &Server) {
        let mut kept = self.lock();
        for (name, keys) in server.key_pairs() {
            kept.keep(name, keys.secret());
        }
    }

    /// Nor a static key that it has taken since.
    pub(crate) fn keep_rotated(&self, keys: &KeyPair) {
        let mut kept = self.lock();
        kept.keep("a static key that the server took later", keys.secret());
        kept.rotated.push_back(keys.secret());
        if kept.rotated.len() > ROTATED
            && let Some(oldest) = kept.rotated.pop_front()
        {
            kept.forget(&[oldest]);
        }
    }

    /// Nor must any key of this device.
    pub(crate) fn keep_device(&self, org: &OrgName, device: &Device) {
        let keys = [
            ("Noise key", device.noise.secret()),
            ("identity key", device.identity.secret()),
            ("signed pre-key", device.signed_pre_key.secret()),
            ("ADV secret", device.adv_secret),
        ];
        let mut kept = self.lock();
        if kept.names.contains_key(&keys[0].1) {
            return;
        }
        for (name, key) in keys {
            kept.keep(&format!("the {name} of org {org}'s device"), key);
        }
        let devices = kept.devices.entry(org.clone()).or_default();
        devices.push_back(keys.map(|(_, key)| key));
        if devices.len() > DEVICES
            && let Some(oldest) = devices.pop_front()
        {
            kept.forget(&oldest);
        }
    }

    /// Nor must what opens the gateway's API.
    pub(crate) fn keep_api_key(&self, key: [u8; 32]) {
        self.lock().keep("the key of the gateway's API", key);
    }

    /// What an entry with this event gives away: which key, and where, never the key itself.
    pub(crate) fn given_away(&self, event: &Event) -> Vec<Event> {
        let mut found = Vec::new();
        texts::of(event, &mut |place, text| {
            // Nearly every text is shorter than any form of a key.
            if text.len() >= SHORTEST {
                found.extend(self.lock().within(text).map(|key| Event::SecretFound {
                    key: key.to_string(),
                    place: place.to_owned(),
                }));
            }
        });
        found
    }

    /// What a page gives away: which key, never the key itself.
    pub(crate) fn in_page(&self, place: &str, page: &[u8]) -> Vec<Event> {
        let kept = self.lock();
        let found = kept.within(page).map(|key| Event::SecretFound {
            key: key.to_string(),
            place: place.to_owned(),
        });
        found.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn keep(&mut self, name: &str, key: Key) {
        if self.names.insert(key, name.into()).is_some() {
            return;
        }
        for bytes in forms(&key) {
            if let Some(prefix) = bytes.first_chunk().copied() {
                let form = Form { of: key, bytes };
                self.forms.entry(prefix).or_default().push(form);
            }
        }
    }

    fn forget(&mut self, keys: &[Key]) {
        self.names.retain(|key, _| !keys.contains(key));
        self.forms.retain(|_, forms| {
            forms.retain(|form| !keys.contains(&form.of));
            !forms.is_empty()
        });
    }

    /// The names of the keys that are in this text, each once.
    fn within(&self, text: &[u8]) -> impl Iterator<Item = Arc<str>> {
        let mut found = BTreeMap::new();
        for (at, prefix) in text.windows(PREFIX).enumerate() {
            let prefix = prefix
                .first_chunk()
                .and_then(|prefix| self.forms.get(prefix));
            for form in prefix.into_iter().flatten() {
                if text[at..].starts_with(&form.bytes)
                    && let Some(name) = self.names.get(&form.of)
                {
                    found.insert(form.of, Arc::clone(name));
                }
            }
        }
        found.into_values()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;
    use squall_mock_server::server::Settings;
    use squall_protocol::Node;

    use super::*;
    use crate::trace::{ConnectionId, Message, Side};

    fn kept() -> (Secrets, Device) {
        let device = Device::generate(&mut ChaCha8Rng::seed_from_u64(1));
        let secrets = Secrets::default();
        secrets.keep_device(&"2".into(), &device);
        (secrets, device)
    }

    fn in_detail(secrets: &Secrets, why: String) -> Vec<Event> {
        secrets.given_away(&Event::RefusedToStart { why })
    }

    fn sent(node: Node) -> Event {
        Event::Sent {
            conn: ConnectionId(1),
            from: Side::Client,
            message: Message::Stanza(Arc::new(node)),
        }
    }

    #[test]
    fn a_key_in_any_text_is_named_and_not_repeated() {
        let (secrets, device) = kept();
        let hex: String = device
            .identity
            .secret()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let found = in_detail(&secrets, format!("no session for {hex} twice {hex}"));
        let [Event::SecretFound { key, place }] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(key, "the identity key of org 2's device");
        assert_eq!(place, "a refusal to start");
    }

    #[test]
    fn a_key_as_it_is_inside_a_stanza_is_found() {
        let (secrets, device) = kept();
        let key = device.adv_secret.to_vec();
        let node = Node::new("iq").child(Node::new("debug").child(Node::new("key").bytes(key)));
        assert_eq!(secrets.given_away(&sent(node)).len(), 1);
    }

    #[test]
    fn the_servers_own_keys_are_found() {
        let secrets = Secrets::default();
        let server = Server::new(Settings::default(), &mut ChaCha8Rng::seed_from_u64(3));
        secrets.keep_server(&server);
        for (name, keys) in server.key_pairs() {
            let found = in_detail(&secrets, format!("signed by {:?}", keys.secret()));
            assert!(
                matches!(&found[..], [Event::SecretFound { key, .. }] if key == name),
                "{name}: {found:?}"
            );
        }
    }

    #[test]
    fn a_key_that_the_server_took_later_is_found_until_it_is_one_of_many() {
        let secrets = Secrets::default();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let keys: Vec<_> = (0..=ROTATED).map(|_| KeyPair::generate(&mut rng)).collect();
        let found = |keys: &KeyPair| in_detail(&secrets, format!("{:?}", keys.secret())).len();
        keys[..ROTATED]
            .iter()
            .for_each(|it| secrets.keep_rotated(it));
        assert_eq!(found(&keys[0]), 1);
        secrets.keep_rotated(&keys[ROTATED]);
        assert_eq!([found(&keys[0]), found(&keys[ROTATED])], [0, 1]);
    }

    #[test]
    fn public_keys_and_part_of_a_key_are_no_secret() {
        let (secrets, device) = kept();
        let public = Node::new("key").bytes(device.identity.public());
        assert!(secrets.given_away(&sent(public)).is_empty());
        let mut almost = device.adv_secret;
        almost[31] ^= 1;
        assert!(
            secrets
                .given_away(&sent(Node::new("key").bytes(almost)))
                .is_empty()
        );
    }

    #[test]
    fn the_devices_before_the_last_few_are_forgotten() {
        let secrets = Secrets::default();
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let devices: Vec<_> = (0..=DEVICES).map(|_| Device::generate(&mut rng)).collect();
        let size = |secrets: &Secrets| {
            let kept = secrets.lock();
            (kept.names.len(), kept.forms.values().map(Vec::len).sum())
        };
        for device in &devices[..DEVICES] {
            secrets.keep_device(&"2".into(), device);
        }
        let (keys, _): (usize, usize) = size(&secrets);
        secrets.keep_device(&"2".into(), &devices[DEVICES]);
        assert_eq!(size(&secrets).0, keys);
        let shown = |device: &Device| format!("{:?}", device.noise.secret());
        assert!(in_detail(&secrets, shown(&devices[0])).is_empty());
        assert_eq!(in_detail(&secrets, shown(&devices[1])).len(), 1);
        assert_eq!(in_detail(&secrets, shown(&devices[DEVICES])).len(), 1);
    }
}

//! What others need to write to a device: its identity, its signed pre-key, and keys that are used once.

use std::collections::{BTreeSet, VecDeque};

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use sha1::{Digest, Sha1};
use squall_protocol::Node;
use squall_protocol::keys::{KEY_TYPE, KeyPair, typed};
use squall_protocol::pairing::{Device, Registration};

/// The public keys of a device.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    pub(crate) registration_id: u32,
    pub(crate) identity: [u8; 32],
    pub(crate) signed: SignedPreKey,
    one_time: VecDeque<PreKey>,
    /// Whether the device has handed its keys in itself, after its pairing did.
    uploaded: bool,
}

/// A pre-key that the identity key vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedPreKey {
    /// 24 bits.
    pub(crate) id: u32,
    pub(crate) key: [u8; 32],
    pub(crate) signature: [u8; 64],
}

/// A pre-key that is handed out once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PreKey {
    /// 24 bits.
    id: u32,
    key: [u8; 32],
}

/// Why keys are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// The request lacks something, or something has another length than it must have.
    Malformed,
    /// There would be more than [`MAX_ONE_TIME`].
    TooMany,
}

impl Keys {
    pub(crate) fn new(registration_id: u32, identity: [u8; 32], signed: SignedPreKey) -> Self {
        Self {
            registration_id,
            identity,
            signed,
            one_time: VecDeque::new(),
            uploaded: false,
        }
    }

    /// What a device tells when it registers.
    pub(crate) fn registered(device: &Registration) -> Self {
        let signed = SignedPreKey {
            id: device.signed_pre_key_id,
            key: device.signed_pre_key,
            signature: device.signed_pre_key_signature,
        };
        Self::new(device.registration_id, device.identity, signed)
    }

    /// What this device would have told.
    pub(crate) fn of(device: &Device) -> Self {
        let signed = SignedPreKey {
            id: 1,
            key: device.signed_pre_key.public(),
            signature: device.signed_pre_key_signature,
        };
        Self::new(device.registration_id, device.identity.public(), signed)
    }

    /// The keys of a phone with this identity. It is written to and reads nothing, so what is secret is thrown away.
    pub(crate) fn of_phone(identity: &KeyPair, rng: &mut ChaCha8Rng) -> Self {
        let key = KeyPair::generate(rng).public();
        let signature = identity.sign(&typed(&key), rng);
        let signed = SignedPreKey {
            id: 1,
            key,
            signature,
        };
        Self::new(rng.random_range(1..=0x3FFF), identity.public(), signed)
    }

    /// How many keys are left that are used once.
    pub(crate) fn left(&self) -> usize {
        self.one_time.len()
    }

    /// Takes an upload: everything anew but the keys that are used once, which are added.
    pub(crate) fn upload(&mut self, request: &Node) -> Result<(), NotTaken> {
        let (registration, identity, signed) = (
            exact(request, "registration").ok_or(NotTaken::Malformed)?,
            public(request, "identity").ok_or(NotTaken::Malformed)?,
            signed(request).ok_or(NotTaken::Malformed)?,
        );
        let list = request.find("list").map(Node::children).unwrap_or_default();
        if self.one_time.len() + list.len() > MAX_ONE_TIME {
            return Err(NotTaken::TooMany);
        }
        let added: Option<Vec<PreKey>> = list.iter().map(PreKey::read).collect();
        let added = added.ok_or(NotTaken::Malformed)?;
        let ids: BTreeSet<u32> = added.iter().map(|key| key.id).collect();
        self.one_time.retain(|known| !ids.contains(&known.id));
        self.one_time.extend(added);
        self.registration_id = u32::from_be_bytes(registration);
        self.identity = identity;
        self.signed = signed;
        self.uploaded = true;
        Ok(())
    }

    /// Takes another signed pre-key in place of the one there is.
    pub(crate) fn rotate(&mut self, rotate: &Node) -> Result<(), NotTaken> {
        self.signed = signed(rotate).ok_or(NotTaken::Malformed)?;
        Ok(())
    }

    /// What is on the server, for the device to compare; `None` before its first upload.
    pub(crate) fn digest(&self) -> Option<Node> {
        if !self.uploaded {
            return None;
        }
        let mut hash = Sha1::new();
        hash.update(self.identity);
        hash.update(self.signed.key);
        hash.update(self.signed.signature);
        let mut list = Node::new("list");
        for key in &self.one_time {
            hash.update(key.key);
            list = list.child(Node::new("id").bytes(three(key.id)));
        }
        let hash = Node::new("hash").bytes(hash.finalize().to_vec());
        let keys = self.within(Node::new("digest"));
        Some(keys.child(self.signed.node()).child(list).child(hash))
    }

    /// Writes what somebody needs who has no session with the device into `user`, and takes one of the keys that are used
    /// once for it.
    pub(crate) fn bundle(&mut self, user: Node) -> Node {
        let user = self.within(user);
        let user = match self.one_time.pop_front() {
            Some(key) => user.child(key.node()),
            None => user,
        };
        user.child(self.signed.node())
    }

    fn within(&self, node: Node) -> Node {
        node.child(Node::new("registration").bytes(self.registration_id.to_be_bytes()))
            .child(Node::new("type").bytes([KEY_TYPE]))
            .child(Node::new("identity").bytes(self.identity))
    }
}

impl SignedPreKey {
    fn node(&self) -> Node {
        Node::new("skey")
            .child(Node::new("id").bytes(three(self.id)))
            .child(Node::new("value").bytes(self.key))
            .child(Node::new("signature").bytes(self.signature))
    }
}

impl PreKey {
    fn read(key: &Node) -> Option<Self> {
        Some(Self {
            id: number(key)?,
            key: public(key, "value")?,
        })
    }

    fn node(&self) -> Node {
        Node::new("key")
            .child(Node::new("id").bytes(three(self.id)))
            .child(Node::new("value").bytes(self.key))
    }
}

/// The `<skey>` inside.
fn signed(node: &Node) -> Option<SignedPreKey> {
    let signed = node.find("skey")?;
    Some(SignedPreKey {
        id: number(signed)?,
        key: public(signed, "value")?,
        signature: exact(signed, "signature")?,
    })
}

/// The number in `<id>`.
fn number(node: &Node) -> Option<u32> {
    let [a, b, c] = exact(node, "id")?;
    Some(u32::from_be_bytes([0, a, b, c]))
}

/// A public key, with its type before it or without.
fn public(node: &Node, tag: &str) -> Option<[u8; 32]> {
    let bytes = node.find(tag)?.content_bytes()?;
    match bytes {
        [KEY_TYPE, key @ ..] if key.len() == 32 => key.try_into().ok(),
        key => key.try_into().ok(),
    }
}

fn exact<const N: usize>(node: &Node, tag: &str) -> Option<[u8; N]> {
    node.find(tag)?.content_bytes()?.try_into().ok()
}

/// A number of 24 bits, as it is on the wire.
fn three(number: u32) -> [u8; 3] {
    let [_, a, b, c] = number.to_be_bytes();
    [a, b, c]
}

/// Of each device. Baileys and whatsapp-rust hand in 812 at once, and again when few are left.
pub(crate) const MAX_ONE_TIME: usize = 4096;

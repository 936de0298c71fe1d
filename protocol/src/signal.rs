//! Signal's X3DH and its first sending chain: as much as somebody needs who writes first and never reads.
//!
//! The phone of an account writes to its companion after the first login. No key that is used once is taken for it, and no
//! answer is ever read, so there is one ratchet step and one chain.

use prost::Message;
use rand::Rng;

use crate::derive::{encrypt, hkdf, hmac, split};
use crate::keys::{KeyPair, LowOrderKey, typed};

/// What is known of a device that is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Its identity key.
    pub identity: [u8; 32],
    /// The number of its signed pre-key.
    pub signed_pre_key_id: u32,
    /// Its signed pre-key. Whoever asks is to have verified the signature.
    pub signed_pre_key: [u8; 32],
}

/// One side of a session: the one that began it.
pub struct Sender {
    identity: [u8; 32],
    registration_id: u32,
    to: Bundle,
    base: [u8; 32],
    ratchet: [u8; 32],
    chain: [u8; 32],
    counter: u32,
}

impl Sender {
    /// Begins a session, without a pre-key that is used once. Draws 64 bytes from `rng`.
    ///
    /// # Errors
    /// [`LowOrderKey`] where one of the device's keys is none.
    pub fn begin(
        identity: &KeyPair,
        registration_id: u32,
        to: Bundle,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Self, LowOrderKey> {
        let base = KeyPair::generate(rng);
        let ratchet = KeyPair::generate(rng);
        let shared = [
            [0xff; 32],
            identity.agree(&to.signed_pre_key)?,
            base.agree(&to.identity)?,
            base.agree(&to.signed_pre_key)?,
        ];
        let root = root(&shared);
        let (_, chain) = step(&root, &ratchet.agree(&to.signed_pre_key)?);
        Ok(Self {
            identity: identity.public(),
            registration_id,
            to,
            base: base.public(),
            ratchet: ratchet.public(),
            chain,
            counter: 0,
        })
    }

    /// The next message with this inside, as `<enc type="pkmsg">` carries it.
    pub fn seal(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let (cipher_key, mac_key, iv) = message_keys(&self.chain);
        self.chain = hmac(&self.chain, &[&[CHAIN]]);
        let message = SignalMessage {
            ratchet_key: Some(typed(&self.ratchet).to_vec()),
            counter: Some(self.counter),
            previous_counter: Some(0),
            ciphertext: Some(encrypt(&cipher_key, &iv, plaintext)),
        };
        self.counter += 1;
        let mut sealed = vec![VERSION];
        message
            .encode(&mut sealed)
            .expect("a vector takes whatever comes");
        let mac = mac(&mac_key, &self.identity, &self.to.identity, &sealed);
        sealed.extend_from_slice(&mac);
        let first = PreKeySignalMessage {
            base_key: Some(typed(&self.base).to_vec()),
            identity_key: Some(typed(&self.identity).to_vec()),
            message: Some(sealed),
            registration_id: Some(self.registration_id),
            signed_pre_key_id: Some(self.to.signed_pre_key_id),
        };
        let mut bytes = vec![VERSION];
        first
            .encode(&mut bytes)
            .expect("a vector takes whatever comes");
        bytes
    }
}

/// The root key of what both sides computed.
fn root(shared: &[[u8; 32]; 4]) -> [u8; 32] {
    let derived: [u8; 64] = hkdf(&[0; 32], &shared.concat(), "WhisperText");
    split(&derived).0
}

/// A step of the ratchet: the next root, and a new chain.
fn step(root: &[u8; 32], agreed: &[u8; 32]) -> ([u8; 32], [u8; 32]) {
    let derived: [u8; 64] = hkdf(root, agreed, "WhisperRatchet");
    let (root, rest) = split(&derived);
    (root, split(rest).0)
}

/// The keys of the chain's next message: for AES, for the MAC, and the IV.
fn message_keys(chain: &[u8; 32]) -> ([u8; 32], [u8; 32], [u8; 16]) {
    let seed = hmac(chain, &[&[MESSAGE]]);
    let derived: [u8; 80] = hkdf(&[0; 32], &seed, "WhisperMessageKeys");
    let (cipher_key, rest) = split(&derived);
    let (mac_key, rest) = split(rest);
    (cipher_key, mac_key, split(rest).0)
}

/// What authenticates a message between these two.
fn mac(key: &[u8; 32], from: &[u8; 32], to: &[u8; 32], message: &[u8]) -> [u8; 8] {
    split(&hmac(key, &[&typed(from), &typed(to), message])).0
}

#[derive(Clone, PartialEq, Message)]
struct SignalMessage {
    #[prost(bytes = "vec", optional, tag = "1")]
    ratchet_key: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "2")]
    counter: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    previous_counter: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    ciphertext: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct PreKeySignalMessage {
    #[prost(bytes = "vec", optional, tag = "2")]
    base_key: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    identity_key: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    message: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "5")]
    registration_id: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    signed_pre_key_id: Option<u32>,
}

/// Version 3 of the protocol, spoken by somebody who knows no later one.
const VERSION: u8 = 0x33;
/// What is hashed into a chain for the keys of a message, and for the chain's next state.
const MESSAGE: u8 = 1;
const CHAIN: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::derive::decrypt;
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::ChaCha8Rng;

    /// The other side: a device that reads what was written to it, from the keys alone that it has.
    struct Reader {
        identity: KeyPair,
        signed_pre_key: KeyPair,
    }

    impl Reader {
        fn bundle(&self) -> Bundle {
            Bundle {
                identity: self.identity.public(),
                signed_pre_key_id: 1,
                signed_pre_key: self.signed_pre_key.public(),
            }
        }

        /// What is inside, and its number in the chain; `None` where it does not authenticate.
        fn open(&self, bytes: &[u8]) -> Option<(u32, Vec<u8>)> {
            let key = |bytes: Option<Vec<u8>>| -> [u8; 32] {
                let bytes = bytes.unwrap();
                assert_eq!((bytes.len(), bytes[0]), (33, 5));
                bytes[1..].try_into().unwrap()
            };
            assert_eq!(bytes[0], 0x33);
            let first = PreKeySignalMessage::decode(&bytes[1..]).unwrap();
            let (sender, base) = (key(first.identity_key), key(first.base_key));
            let sealed = first.message.unwrap();
            let (signed, told) = sealed.split_at(sealed.len() - 8);
            let message = SignalMessage::decode(&signed[1..]).unwrap();
            let shared = [
                [0xff; 32],
                self.signed_pre_key.agree(&sender).unwrap(),
                self.identity.agree(&base).unwrap(),
                self.signed_pre_key.agree(&base).unwrap(),
            ];
            let ratchet = self
                .signed_pre_key
                .agree(&key(message.ratchet_key))
                .unwrap();
            let (_, mut chain) = step(&root(&shared), &ratchet);
            let counter = message.counter.unwrap();
            for _ in 0..counter {
                chain = hmac(&chain, &[&[2]]);
            }
            let (cipher_key, mac_key, iv) = message_keys(&chain);
            let expected = mac(&mac_key, &sender, &self.identity.public(), signed);
            (expected == told).then(|| {
                (
                    counter,
                    decrypt(&cipher_key, &iv, &message.ciphertext.unwrap()),
                )
            })
        }
    }

    fn scene(seed: u64) -> (Sender, Reader) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let reader = Reader {
            identity: KeyPair::generate(&mut rng),
            signed_pre_key: KeyPair::generate(&mut rng),
        };
        let phone = KeyPair::generate(&mut rng);
        let sender = Sender::begin(&phone, 9, reader.bundle(), &mut rng).unwrap();
        (sender, reader)
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_read_in_its_order(seed: u64, texts: Vec<Vec<u8>>) {
            let (mut sender, reader) = scene(seed);
            for (number, text) in (0..).zip(texts) {
                prop_assert_eq!(reader.open(&sender.seal(&text)), Some((number, text)));
            }
        }
    }

    #[test]
    fn what_is_changed_does_not_authenticate() {
        let (mut sender, reader) = scene(1);
        let sealed = sender.seal(b"text");
        let mut message = PreKeySignalMessage::decode(&sealed[1..]).unwrap();
        if let Some(inner) = &mut message.message {
            *inner.last_mut().unwrap() ^= 1;
        }
        let changed = [&[VERSION][..], &message.encode_to_vec()].concat();
        assert_eq!(reader.open(&changed), None);
    }
}

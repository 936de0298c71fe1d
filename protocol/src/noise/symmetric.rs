//! The symmetric state of a handshake (Noise specification, 5.2).

use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use aes_gcm::{Aes256Gcm, Key, Tag};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};

use super::transport::{Opener, Sealer};
use super::{HandshakeError, Transport};

/// The pattern's name, filled up to the 32 bytes of a hash.
const XX: [u8; 32] = *b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0";

/// Bytes of an authentication tag.
pub(super) const TAG_LENGTH: usize = 16;

/// Which end of the connection this is: it decides which key is for which direction.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Initiator,
    Responder,
}

/// Transcript hash, chaining key and the current cipher.
pub(super) struct Symmetric {
    hash: [u8; 32],
    chaining: [u8; 32],
    cipher: Option<Aes256Gcm>,
    counter: u32,
}

impl Symmetric {
    /// The state of pattern XX after its prologue.
    pub(super) fn xx(prologue: &[u8]) -> Self {
        let mut state = Self {
            hash: XX,
            chaining: XX,
            cipher: None,
            counter: 0,
        };
        state.mix_hash(prologue);
        state
    }

    pub(super) fn mix_hash(&mut self, data: &[u8]) {
        let hash = Sha256::new().chain_update(self.hash).chain_update(data);
        self.hash = hash.finalize().into();
    }

    pub(super) fn mix_key(&mut self, shared: &[u8; 32]) {
        let (chaining, key) = self.derive(shared);
        self.chaining = chaining;
        self.cipher = Some(cipher(&key));
        self.counter = 0;
    }

    /// Encrypts with the transcript as associated data, and hashes what came out.
    pub(super) fn encrypt(&mut self, plaintext: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(plaintext.len() + TAG_LENGTH);
        text.extend_from_slice(plaintext);
        let nonce = nonce(self.counter);
        let tag = self
            .cipher()
            .encrypt_inout_detached(&nonce, &self.hash, text.as_mut_slice().into())
            .expect("a payload is far below the 64 GiB of AES-GCM");
        text.extend_from_slice(&tag);
        self.counter += 1;
        self.mix_hash(&text);
        text
    }

    /// Decrypts what [`Symmetric::encrypt`] made of the same state.
    pub(super) fn decrypt(
        &mut self,
        ciphertext: &[u8],
        field: &'static str,
    ) -> Result<Vec<u8>, HandshakeError> {
        let refused = HandshakeError::Authentication(field);
        let Some((text, tag)) = ciphertext.split_last_chunk::<TAG_LENGTH>() else {
            return Err(refused);
        };
        let mut text = text.to_vec();
        let nonce = nonce(self.counter);
        self.cipher()
            .decrypt_inout_detached(
                &nonce,
                &self.hash,
                text.as_mut_slice().into(),
                &Tag::from(*tag),
            )
            .map_err(|_| refused)?;
        self.counter += 1;
        self.mix_hash(ciphertext);
        Ok(text)
    }

    /// The transport keys: the first for what the initiator sends.
    pub(super) fn split(&self, role: Role) -> Transport {
        let (to_responder, to_initiator) = self.derive(&[]);
        let (seals, opens) = match role {
            Role::Initiator => (to_responder, to_initiator),
            Role::Responder => (to_initiator, to_responder),
        };
        Transport {
            sealer: Sealer::new(cipher(&seals)),
            opener: Opener::new(cipher(&opens)),
        }
    }

    fn cipher(&self) -> &Aes256Gcm {
        self.cipher
            .as_ref()
            .expect("pattern XX agrees on a key before it encrypts")
    }

    fn derive(&self, input: &[u8]) -> ([u8; 32], [u8; 32]) {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        let mut both = [0; 64];
        Hkdf::<Sha256>::new(Some(&self.chaining), input)
            .expand(&[], &mut both)
            .expect("HKDF-SHA256 gives up to 8160 bytes");
        first.copy_from_slice(&both[..32]);
        second.copy_from_slice(&both[32..]);
        (first, second)
    }
}

pub(super) fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
}

/// 8 zero bytes and the counter, big-endian.
pub(super) fn nonce(counter: u32) -> Nonce<Aes256Gcm> {
    let [a, b, c, d] = counter.to_be_bytes();
    Nonce::<Aes256Gcm>::from([0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d])
}

//! The symmetric state of a handshake (Noise specification, 5.2).

use aes_gcm::aead::{AeadInOut, KeyInit, Nonce};
use aes_gcm::{Aes256Gcm, Key, Tag};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};

use super::transport::{Opener, Sealer};
use super::{HandshakeError, Transport};

/// A pattern's name, as the Noise specification has it (5.2): filled up to the 32 bytes of a hash, or hashed where it is
/// longer.
pub(super) struct Pattern(&'static [u8]);

/// Neither side knows the other.
pub(super) const XX: Pattern = Pattern(b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0");
/// The client knows the server's key, and says who it is in its first message.
pub(super) const IK: Pattern = Pattern(b"Noise_IK_25519_AESGCM_SHA256\0\0\0\0");
/// The key that the client knew is no longer the server's: what it sealed is not read, and the rest is as in XX.
pub(super) const XX_FALLBACK: Pattern = Pattern(b"Noise_XXfallback_25519_AESGCM_SHA256");

/// Bytes of an authentication tag.
pub const TAG_LENGTH: usize = 16;

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
    /// The state of a pattern after its prologue.
    pub(super) fn new(pattern: &Pattern, prologue: &[u8]) -> Self {
        let name =
            <[u8; 32]>::try_from(pattern.0).unwrap_or_else(|_| Sha256::digest(pattern.0).into());
        let mut state = Self {
            hash: name,
            chaining: name,
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
            .expect("every pattern agrees on a key before it encrypts")
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

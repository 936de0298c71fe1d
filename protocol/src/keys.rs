//! X25519 keys, drawn from a generator that the caller lends.

use std::fmt;

use rand::Rng;
use x25519_dalek::{PublicKey, StaticSecret};

use crate::xeddsa;

/// Signal's number for Curve25519 keys.
pub const KEY_TYPE: u8 = 5;

/// A public key behind its type: the form that is signed, and that Signal's messages carry.
pub fn typed(public: &[u8; 32]) -> [u8; 33] {
    let mut typed = [KEY_TYPE; 33];
    typed[1..].copy_from_slice(public);
    typed
}

/// A Curve25519 key pair, for agreement and for XEdDSA signatures. Its debug form shows the public half alone.
#[derive(Clone)]
pub struct KeyPair {
    secret: StaticSecret,
    public: PublicKey,
}

/// A public key that leads every agreement to the all-zero secret (RFC 7748, 6.1): no key of an honest peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the peer's public key has low order, so anybody could know the shared secret")]
pub struct LowOrderKey;

impl KeyPair {
    /// A new pair; draws 32 bytes from `rng`.
    pub fn generate(rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        Self::from_secret(secret)
    }

    /// The pair of this secret scalar, clamped when it is used.
    pub fn from_secret(secret: [u8; 32]) -> Self {
        let secret = StaticSecret::from(secret);
        let public = PublicKey::from(&secret);
        Self { secret, public }
    }

    /// The public half.
    pub fn public(&self) -> [u8; 32] {
        self.public.to_bytes()
    }

    /// The secret scalar, for a store that keeps the pair. Not for display.
    pub fn secret(&self) -> [u8; 32] {
        self.secret.to_bytes()
    }

    /// The secret that this pair shares with `their_public`.
    ///
    /// # Errors
    /// [`LowOrderKey`] where the secret would be all zero.
    pub fn agree(&self, their_public: &[u8; 32]) -> Result<[u8; 32], LowOrderKey> {
        let shared = self.secret.diffie_hellman(&PublicKey::from(*their_public));
        if shared.was_contributory() {
            Ok(shared.to_bytes())
        } else {
            Err(LowOrderKey)
        }
    }

    /// An XEdDSA signature of `message`; draws 64 bytes from `rng`.
    pub fn sign(
        &self,
        message: &[u8],
        rng: &mut (impl Rng + ?Sized),
    ) -> [u8; xeddsa::SIGNATURE_LENGTH] {
        xeddsa::sign(&self.secret.to_bytes(), message, rng)
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair(public {:02x?}…)", &self.public.as_bytes()[..4])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_sides_agree_on_one_secret(one: [u8; 32], other: [u8; 32]) {
            let (one, other) = (KeyPair::from_secret(one), KeyPair::from_secret(other));
            prop_assert_eq!(one.agree(&other.public()), other.agree(&one.public()));
        }
    }

    #[test]
    fn a_key_of_low_order_is_refused() {
        let keys = KeyPair::from_secret([7; 32]);
        let mut order_four = [0; 32];
        order_four[0] = 1;
        for public in [[0; 32], order_four] {
            assert_eq!(keys.agree(&public), Err(LowOrderKey));
        }
    }

    #[test]
    fn the_debug_form_tells_no_secret() {
        let keys = KeyPair::from_secret([0xab; 32]);
        assert!(!format!("{keys:?}").contains("ab, ab"));
    }
}

//! X25519 keys, drawn from a generator that the caller lends.

use std::fmt;

use x25519_dalek::{PublicKey, StaticSecret};

/// A Curve25519 key pair, for agreement and for XEdDSA signatures. Its debug form shows the public half alone.
#[derive(Clone)]
pub struct KeyPair {
    secret: StaticSecret,
    public: PublicKey,
}

impl KeyPair {
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
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair(public {:02x?}…)", &self.public.as_bytes()[..4])
    }
}

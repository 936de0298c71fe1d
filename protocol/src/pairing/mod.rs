//! Pairing, of both sides: what a device is and says of itself, what the QR code says, what the phone signs and what the
//! device signs in return.

mod adv;
mod key_index;
mod login;
mod qr;

pub use adv::{Account, DeviceIdentity, PairSuccess, Paired, PairingError};
pub use key_index::KeyIndexList;
pub use login::{Login, NotPaired, PayloadError, Registration};
pub use qr::{InvalidQr, QR_PREFIX, QrCode, parse_qr, qr_text};

use std::fmt;

use rand::{Rng, RngExt};

use crate::keys::{KeyPair, typed};

/// A companion device: its keys, and once it is paired the name that it logs in with. Its debug form shows no secret.
#[derive(Clone)]
pub struct Device {
    /// The static key of its Noise handshakes.
    pub noise: KeyPair,
    /// The identity key that pairing signs.
    pub identity: KeyPair,
    /// The signed pre-key that its registration carries.
    pub signed_pre_key: KeyPair,
    /// The identity key's signature over that pre-key.
    pub signed_pre_key_signature: [u8; 64],
    /// The number of its registration, 1 to 16380.
    pub registration_id: u32,
    /// The secret that only the QR code carries.
    pub adv_secret: [u8; 32],
    /// `PHONE:DEVICE@s.whatsapp.net`, once paired.
    pub jid: Option<String>,
    /// `LID:DEVICE@lid`, once paired.
    pub lid: Option<String>,
}

impl Device {
    /// A new device, not paired yet. Everything is drawn from `rng`.
    pub fn generate(rng: &mut (impl Rng + ?Sized)) -> Self {
        let noise = KeyPair::generate(rng);
        let identity = KeyPair::generate(rng);
        let signed_pre_key = KeyPair::generate(rng);
        let signed_pre_key_signature = identity.sign(&typed(&signed_pre_key.public()), rng);
        let registration_id = rng.random_range(1..=MAX_REGISTRATION_ID);
        let mut adv_secret = [0; 32];
        rng.fill_bytes(&mut adv_secret);
        Self {
            noise,
            identity,
            signed_pre_key,
            signed_pre_key_signature,
            registration_id,
            adv_secret,
            jid: None,
            lid: None,
        }
    }

    /// Whether it has a name to log in with.
    pub fn is_paired(&self) -> bool {
        self.jid.is_some()
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("noise", &self.noise)
            .field("identity", &self.identity)
            .field("registration_id", &self.registration_id)
            .field("jid", &self.jid)
            .field("lid", &self.lid)
            .finish_non_exhaustive()
    }
}

/// Signal's registration numbers have 14 bits, of which the highest values are kept back.
const MAX_REGISTRATION_ID: u32 = 16380;

#[cfg(test)]
mod tests;

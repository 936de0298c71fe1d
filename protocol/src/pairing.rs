//! The pairing structures of both sides: what a device is, what the phone signs, what the QR code says.

use crate::keys::KeyPair;

/// A companion device: its keys, and once it is paired the name that it logs in with.
#[derive(Clone, Debug)]
pub struct Device {
    /// The static key of its Noise handshakes.
    pub noise: KeyPair,
    /// The identity key that pairing signs.
    pub identity: KeyPair,
    /// The signed pre-key that its registration carries.
    pub signed_pre_key: KeyPair,
    /// The number of its registration.
    pub registration_id: u32,
    /// The secret that only the QR code carries.
    pub adv_secret: [u8; 32],
    /// `PHONE:DEVICE@s.whatsapp.net`, once paired.
    pub jid: Option<String>,
    /// `LID:DEVICE@lid`, once paired.
    pub lid: Option<String>,
}

//! A device as a store writes it down: its secrets in base64, everything that is public made from them again.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use squall_protocol::keys::KeyPair;
use squall_protocol::pairing::Device;

/// A device in writing. It has no debug form: it is nothing but secrets.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenDevice {
    noise: Bytes<32>,
    identity: Bytes<32>,
    signed_pre_key: Bytes<32>,
    signed_pre_key_signature: Bytes<64>,
    registration_id: u32,
    adv_secret: Bytes<32>,
    jid: Option<String>,
    lid: Option<String>,
}

impl From<&Device> for WrittenDevice {
    fn from(device: &Device) -> Self {
        Self {
            noise: Bytes(device.noise.secret()),
            identity: Bytes(device.identity.secret()),
            signed_pre_key: Bytes(device.signed_pre_key.secret()),
            signed_pre_key_signature: Bytes(device.signed_pre_key_signature),
            registration_id: device.registration_id,
            adv_secret: Bytes(device.adv_secret),
            jid: device.jid.clone(),
            lid: device.lid.clone(),
        }
    }
}

impl From<WrittenDevice> for Device {
    fn from(written: WrittenDevice) -> Self {
        Self {
            noise: KeyPair::from_secret(written.noise.0),
            identity: KeyPair::from_secret(written.identity.0),
            signed_pre_key: KeyPair::from_secret(written.signed_pre_key.0),
            signed_pre_key_signature: written.signed_pre_key_signature.0,
            registration_id: written.registration_id,
            adv_secret: written.adv_secret.0,
            jid: written.jid,
            lid: written.lid,
        }
    }
}

/// So many bytes, in base64.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Bytes<const N: usize>([u8; N]);

impl<const N: usize> From<Bytes<N>> for String {
    fn from(bytes: Bytes<N>) -> Self {
        BASE64_STANDARD.encode(bytes.0)
    }
}

/// The message says nothing of what was read: it may be most of a key.
#[derive(Debug, thiserror::Error)]
#[error("not {0} bytes in base64")]
struct NotSoMany(usize);

impl<const N: usize> TryFrom<String> for Bytes<N> {
    type Error = NotSoMany;

    fn try_from(text: String) -> Result<Self, NotSoMany> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| NotSoMany(N))?;
        bytes.try_into().map(Self).map_err(|_| NotSoMany(N))
    }
}

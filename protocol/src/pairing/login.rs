//! The client payload: what a client says of itself as it concludes the handshake, a registration or a login.

use prost::Message;

use super::Device;
use crate::jid::{InvalidJid, Jid};
use crate::keys::{KEY_TYPE, typed};
use crate::message::{ClientPayload, DevicePairingData};
use crate::xeddsa;

/// A device without a name cannot log in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPaired {
    /// It was never paired.
    #[error("the device is not paired; it has to register first")]
    NoJid,
    /// What it was paired as is no device's name.
    #[error(transparent)]
    Jid(#[from] InvalidJid),
}

impl Device {
    /// The payload that registers this device. It names no client version: the fields for it are left out.
    pub fn registration(&self) -> ClientPayload {
        ClientPayload {
            passive: Some(false),
            pull: Some(false),
            device_pairing_data: Some(DevicePairingData {
                registration_id: Some(self.registration_id.to_be_bytes().to_vec()),
                key_type: Some(vec![KEY_TYPE]),
                identity: Some(self.identity.public().to_vec()),
                signed_pre_key_id: Some(SIGNED_PRE_KEY_ID.to_vec()),
                signed_pre_key: Some(self.signed_pre_key.public().to_vec()),
                signed_pre_key_signature: Some(self.signed_pre_key_signature.to_vec()),
                ..DevicePairingData::default()
            }),
            ..ClientPayload::default()
        }
    }

    /// The payload that logs this device in.
    ///
    /// # Errors
    /// [`NotPaired`].
    pub fn login(&self) -> Result<ClientPayload, NotPaired> {
        let jid: Jid = self.jid.as_deref().ok_or(NotPaired::NoJid)?.parse()?;
        Ok(ClientPayload {
            username: Some(jid.user),
            device: Some(jid.device),
            passive: Some(true),
            pull: Some(true),
            ..ClientPayload::default()
        })
    }

    /// The encoded payload: a login if the device is paired, else a registration. `attempt` counts the connection
    /// attempts before this one.
    ///
    /// # Errors
    /// [`NotPaired::Jid`].
    pub fn client_payload(&self, attempt: u32) -> Result<Vec<u8>, NotPaired> {
        let mut payload = match self.login() {
            Ok(login) => login,
            Err(NotPaired::NoJid) => self.registration(),
            Err(error) => return Err(error),
        };
        payload.connect_attempt_count = Some(attempt);
        Ok(payload.encode_to_vec())
    }
}

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// To be paired.
    Registration(Registration),
    /// To go on as a device that was paired.
    Device {
        /// The phone number.
        user: u64,
        /// The device's number.
        device: u32,
    },
}

/// The public keys of a device that registers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The number of its registration.
    pub registration_id: u32,
    /// The identity public key.
    pub identity: [u8; 32],
    /// The number of its signed pre-key, 24 bits.
    pub signed_pre_key_id: u32,
    /// The signed pre-key.
    pub signed_pre_key: [u8; 32],
    /// The identity key's signature over it, verified.
    pub signed_pre_key_signature: [u8; 64],
    /// What the user calls himself, if he does.
    pub push_name: Option<String>,
}

/// Why a client payload says neither.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PayloadError {
    /// The bytes are no client payload.
    #[error("not a client payload: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A field is missing, or it is of a wrong length.
    #[error("the client payload has no usable {0}")]
    Field(&'static str),
    /// The keys are of a kind other than Curve25519, which is 5.
    #[error("the keys are of type {0:02x?}, not 05")]
    KeyType(Vec<u8>),
    /// The pre-key is not signed by the identity key.
    #[error("the pre-key is not signed by the identity key")]
    PreKeySignature,
}

impl Login {
    /// Reads an encoded client payload. A registration's signature is verified.
    ///
    /// # Errors
    /// [`PayloadError`].
    pub fn parse(payload: &[u8]) -> Result<Self, PayloadError> {
        let payload = ClientPayload::decode(payload)?;
        match payload.device_pairing_data {
            Some(data) => Registration::parse(data, payload.push_name).map(Self::Registration),
            None => Ok(Self::Device {
                user: payload.username.ok_or(PayloadError::Field("username"))?,
                // proto3 leaves a zero out.
                device: payload.device.unwrap_or(0),
            }),
        }
    }
}

impl Registration {
    fn parse(data: DevicePairingData, push_name: Option<String>) -> Result<Self, PayloadError> {
        let key_type = data.key_type.unwrap_or_default();
        if key_type != [KEY_TYPE] {
            return Err(PayloadError::KeyType(key_type));
        }
        let identity = exact(data.identity, "identity key")?;
        let signed_pre_key = exact(data.signed_pre_key, "signed pre-key")?;
        let [a, b, c] = exact(data.signed_pre_key_id, "pre-key number")?;
        let signature: [u8; 64] = exact(data.signed_pre_key_signature, "pre-key signature")?;
        if !xeddsa::verify(&identity, &typed(&signed_pre_key), &signature) {
            return Err(PayloadError::PreKeySignature);
        }
        Ok(Self {
            registration_id: u32::from_be_bytes(exact(
                data.registration_id,
                "registration number",
            )?),
            identity,
            signed_pre_key_id: u32::from_be_bytes([0, a, b, c]),
            signed_pre_key,
            signed_pre_key_signature: signature,
            push_name: push_name.filter(|name| !name.is_empty()),
        })
    }
}

fn exact<const N: usize>(
    field: Option<Vec<u8>>,
    name: &'static str,
) -> Result<[u8; N], PayloadError> {
    field
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(PayloadError::Field(name))
}

/// The first signed pre-key of a device is number 1.
const SIGNED_PRE_KEY_ID: [u8; 3] = [0, 0, 1];

//! What the phone certifies and the device countersigns: the ADV device identity ("account device verification").

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use prost::Message;
use rand::{Rng, RngExt};
use sha2::Sha256;

use super::Device;
use crate::jid::{InvalidJid, Jid};
use crate::keys::KeyPair;
use crate::message::{AdvDeviceIdentity, AdvSignedDeviceIdentity, AdvSignedDeviceIdentityHmac};
use crate::node::Node;
use crate::xeddsa;

/// A phone's account: the key that vouches for its companion devices.
#[derive(Clone)]
pub struct Account {
    keys: KeyPair,
}

/// What the phone is to say of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairSuccess<'a> {
    /// The device's identity public key, from its registration.
    pub identity: &'a [u8; 32],
    /// The name that it will log in with.
    pub jid: Jid,
    /// Its hidden name.
    pub lid: Jid,
    /// The phone's platform, `android` or `iphone`.
    pub platform: &'a str,
    /// The device's place in the phone's list of keys.
    pub key_index: u32,
    /// The wall time, of which the identity keeps whole seconds.
    pub now: Timestamp,
}

/// What was certified of a device, as the server reads it back from a verified reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceIdentity {
    /// The number drawn at pairing.
    pub raw_id: u32,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// The device's place in the phone's list of keys.
    pub key_index: u32,
}

/// Why pairing did not come about.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PairingError {
    /// A part of the stanza is missing.
    #[error("the stanza has no usable {0}")]
    Missing(&'static str),
    /// Bytes that are no message.
    #[error("malformed: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A name that is no device's.
    #[error(transparent)]
    Jid(#[from] InvalidJid),
    /// A hosted account or another kind than the end-to-end encrypted one, which is 0.
    #[error("the account is of type {0}; only type 0, end-to-end encrypted, is spoken here")]
    AccountType(u32),
    /// The answer was not made with the secret of this device's QR code.
    #[error("the HMAC is not that of this device's secret: another QR code was answered")]
    Hmac,
    /// The account key did not sign this device's identity.
    #[error("the account signature is not over this device's identity")]
    AccountSignature,
    /// The reply names an account other than this one.
    #[error("the reply is signed for another account")]
    OtherAccount,
    /// The device's identity key did not sign the account.
    #[error("the device signature is not that of the registered identity")]
    DeviceSignature,
}

impl Account {
    /// A new account; draws 32 bytes from `rng`.
    pub fn generate(rng: &mut (impl Rng + ?Sized)) -> Self {
        Self::new(KeyPair::generate(rng))
    }

    /// The account with these keys.
    pub fn new(keys: KeyPair) -> Self {
        Self { keys }
    }

    /// The public key that its devices come to know.
    pub fn public(&self) -> [u8; 32] {
        self.keys.public()
    }

    /// Its keys, which are the phone's identity too.
    pub fn keys(&self) -> &KeyPair {
        &self.keys
    }

    /// The `<pair-success>` that tells a device it is paired, authenticated with the secret of its QR code. Draws 68 bytes
    /// from `rng`.
    pub fn pair_success(
        &self,
        what: &PairSuccess<'_>,
        adv_secret: &[u8; 32],
        rng: &mut (impl Rng + ?Sized),
    ) -> Node {
        let details = AdvDeviceIdentity {
            raw_id: Some(rng.random()),
            timestamp: Some(u64::try_from(what.now.as_second()).unwrap_or(0)),
            key_index: Some(what.key_index),
            account_type: Some(ACCOUNT_E2EE),
            device_type: Some(ACCOUNT_E2EE),
        }
        .encode_to_vec();
        let signature = self
            .keys
            .sign(&account_signed(&details, what.identity), rng);
        let signed = AdvSignedDeviceIdentity {
            details: Some(details),
            account_signature_key: Some(self.keys.public().to_vec()),
            account_signature: Some(signature.to_vec()),
            device_signature: None,
        }
        .encode_to_vec();
        let hmac = hmac(adv_secret, &signed).finalize().into_bytes();
        let authenticated = AdvSignedDeviceIdentityHmac {
            details: Some(signed),
            hmac: Some(hmac.to_vec()),
            account_type: None,
        };
        Node::new("pair-success")
            .child(Node::new("device-identity").bytes(authenticated.encode_to_vec()))
            .child(
                Node::new("device")
                    .attr("jid", what.jid)
                    .attr("lid", what.lid),
            )
            .child(Node::new("platform").attr("name", what.platform))
    }

    /// Verifies a device's `<pair-device-sign>`: that this account vouched for `identity`, and that the identity key
    /// countersigned.
    ///
    /// # Errors
    /// [`PairingError`].
    pub fn verify_reply(
        &self,
        identity: &[u8; 32],
        pair_device_sign: &Node,
    ) -> Result<DeviceIdentity, PairingError> {
        let signed = pair_device_sign
            .find("device-identity")
            .and_then(Node::content_bytes)
            .ok_or(PairingError::Missing("device-identity"))?;
        let signed = AdvSignedDeviceIdentity::decode(signed)?;
        let details = signed.details.ok_or(PairingError::Missing("details"))?;
        // Baileys leaves the key out of its reply, whatsapp-rust leaves it in.
        if signed
            .account_signature_key
            .is_some_and(|key| key != self.keys.public())
        {
            return Err(PairingError::OtherAccount);
        }
        let by_account = signed
            .account_signature
            .ok_or(PairingError::Missing("account signature"))?;
        if !xeddsa::verify(
            &self.keys.public(),
            &account_signed(&details, identity),
            &by_account,
        ) {
            return Err(PairingError::AccountSignature);
        }
        let by_device = signed
            .device_signature
            .ok_or(PairingError::Missing("device signature"))?;
        let message = device_signed(&details, identity, &self.keys.public());
        if !xeddsa::verify(identity, &message, &by_device) {
            return Err(PairingError::DeviceSignature);
        }
        let details = AdvDeviceIdentity::decode(details.as_slice())?;
        Ok(DeviceIdentity {
            raw_id: details.raw_id.unwrap_or(0),
            timestamp: details.timestamp.unwrap_or(0),
            key_index: details.key_index.unwrap_or(0),
        })
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({:?})", self.keys)
    }
}

/// A device that has just been paired.
#[derive(Clone, Debug)]
pub struct Paired {
    /// The device with its names.
    pub device: Device,
    /// The phone's account public key.
    pub account: [u8; 32],
    /// The `<pair-device-sign>` to answer with.
    pub reply: Node,
}

impl Device {
    /// Verifies a `<pair-success>` and countersigns it. Draws 64 bytes from `rng`.
    ///
    /// # Errors
    /// [`PairingError`].
    pub fn on_pair_success(
        &self,
        pair_success: &Node,
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<Paired, PairingError> {
        let signed = self.authenticated(pair_success)?;
        let mut signed = AdvSignedDeviceIdentity::decode(signed.as_slice())?;
        let identity = self.identity.public();
        let details = signed
            .details
            .as_deref()
            .ok_or(PairingError::Missing("details"))?;
        let account: [u8; 32] = signed
            .account_signature_key
            .as_deref()
            .and_then(|key| key.try_into().ok())
            .ok_or(PairingError::Missing("account key"))?;
        let by_account = signed
            .account_signature
            .as_deref()
            .ok_or(PairingError::Missing("account signature"))?;
        if !xeddsa::verify(&account, &account_signed(details, &identity), by_account) {
            return Err(PairingError::AccountSignature);
        }
        let key_index = AdvDeviceIdentity::decode(details)?.key_index.unwrap_or(0);
        let by_device = self
            .identity
            .sign(&device_signed(details, &identity, &account), rng);
        signed.device_signature = Some(by_device.to_vec());

        let mut device = self.clone();
        (device.jid, device.lid) = names(pair_success)?;
        let reply = Node::new("pair-device-sign").child(
            Node::new("device-identity")
                .attr("key-index", key_index)
                .bytes(signed.encode_to_vec()),
        );
        Ok(Paired {
            device,
            account,
            reply,
        })
    }

    /// The signed identity inside, if it was made with this device's secret.
    fn authenticated(&self, pair_success: &Node) -> Result<Vec<u8>, PairingError> {
        let bytes = pair_success
            .find("device-identity")
            .and_then(Node::content_bytes)
            .ok_or(PairingError::Missing("device-identity"))?;
        let message = AdvSignedDeviceIdentityHmac::decode(bytes)?;
        match message.account_type {
            None | Some(ACCOUNT_E2EE) => {}
            Some(other) => return Err(PairingError::AccountType(other)),
        }
        let signed = message.details.ok_or(PairingError::Missing("details"))?;
        let code = message.hmac.ok_or(PairingError::Missing("HMAC"))?;
        hmac(&self.adv_secret, &signed)
            .verify_slice(&code)
            .map_err(|_| PairingError::Hmac)?;
        Ok(signed)
    }
}

/// The names in a `<pair-success>`. The hidden one may be missing.
fn names(pair_success: &Node) -> Result<(Option<String>, Option<String>), PairingError> {
    let device = pair_success
        .find("device")
        .ok_or(PairingError::Missing("device"))?;
    let jid = device.get("jid").ok_or(PairingError::Missing("jid"))?;
    let jid = jid.parse::<Jid>()?.to_string();
    let lid = match device.get("lid") {
        Some(lid) => Some(lid.parse::<Jid>()?.to_string()),
        None => None,
    };
    Ok((Some(jid), lid))
}

/// HMAC-SHA256; it compares in constant time.
fn hmac(secret: &[u8; 32], message: &[u8]) -> Hmac<Sha256> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    hmac.update(message);
    hmac
}

/// What the account key signs.
fn account_signed(details: &[u8], identity: &[u8; 32]) -> Vec<u8> {
    [&ACCOUNT_SIGNED[..], details, identity].concat()
}

/// What the device's identity key signs.
fn device_signed(details: &[u8], identity: &[u8; 32], account: &[u8; 32]) -> Vec<u8> {
    [&DEVICE_SIGNED[..], details, identity, account].concat()
}

/// An end-to-end encrypted account, or device of one; 1 would be hosted.
const ACCOUNT_E2EE: u32 = 0;
/// Before what the account key signs; `06 05` for hosted accounts.
const ACCOUNT_SIGNED: [u8; 2] = [6, 0];
/// Before what the device's key signs.
const DEVICE_SIGNED: [u8; 2] = [6, 1];

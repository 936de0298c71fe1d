//! The protobuf messages of the handshake, the certificates and pairing, with the fields that this protocol uses.
//!
//! Field numbers are those of WhatsApp's own messages; every field is optional there, so presence is for the reader to
//! check. Unknown fields are skipped.

use prost::Message;

/// What each frame of a handshake is: exactly one field is set.
#[derive(Clone, PartialEq, Message)]
pub struct HandshakeMessage {
    /// The client's opening.
    #[prost(message, optional, tag = "2")]
    pub client_hello: Option<ClientHello>,
    /// The server's answer.
    #[prost(message, optional, tag = "3")]
    pub server_hello: Option<ServerHello>,
    /// The client's conclusion.
    #[prost(message, optional, tag = "4")]
    pub client_finish: Option<ClientFinish>,
}

/// The client's opening. In the XX pattern the ephemeral key alone; IK carries all three.
#[derive(Clone, PartialEq, Message)]
pub struct ClientHello {
    /// The client's ephemeral public key, 32 bytes.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub ephemeral: Option<Vec<u8>>,
    /// The client's static public key, encrypted.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub r#static: Option<Vec<u8>>,
    /// A [`ClientPayload`], encrypted.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub payload: Option<Vec<u8>>,
}

/// The server's answer.
#[derive(Clone, PartialEq, Message)]
pub struct ServerHello {
    /// The server's ephemeral public key, 32 bytes.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub ephemeral: Option<Vec<u8>>,
    /// The server's static public key, encrypted: 48 bytes.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub r#static: Option<Vec<u8>>,
    /// A [`CertChain`], encrypted.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub payload: Option<Vec<u8>>,
}

/// The client's conclusion.
#[derive(Clone, PartialEq, Message)]
pub struct ClientFinish {
    /// The client's static public key, encrypted: 48 bytes.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub r#static: Option<Vec<u8>>,
    /// A [`ClientPayload`], encrypted.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub payload: Option<Vec<u8>>,
}

/// The server's certificates.
#[derive(Clone, PartialEq, Message)]
pub struct CertChain {
    /// Of the server's static key, signed by the intermediate key.
    #[prost(message, optional, tag = "1")]
    pub leaf: Option<NoiseCertificate>,
    /// Of the intermediate key, signed by the root key.
    #[prost(message, optional, tag = "2")]
    pub intermediate: Option<NoiseCertificate>,
}

/// One certificate.
#[derive(Clone, PartialEq, Message)]
pub struct NoiseCertificate {
    /// [`CertificateDetails`], as the bytes that were signed.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub details: Option<Vec<u8>>,
    /// XEdDSA over `details`, 64 bytes.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub signature: Option<Vec<u8>>,
}

/// What a certificate says.
#[derive(Clone, PartialEq, Message)]
pub struct CertificateDetails {
    /// This certificate's number.
    #[prost(uint32, optional, tag = "1")]
    pub serial: Option<u32>,
    /// The number of the certificate whose key signed it; 0 is the root.
    #[prost(uint32, optional, tag = "2")]
    pub issuer_serial: Option<u32>,
    /// The certified public key, 32 bytes.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub key: Option<Vec<u8>>,
    /// Valid from here, in seconds since 1970.
    #[prost(uint64, optional, tag = "4")]
    pub not_before: Option<u64>,
    /// Valid until here, in seconds since 1970.
    #[prost(uint64, optional, tag = "5")]
    pub not_after: Option<u64>,
}

/// Who connects: a device that registers, or one that logs in.
#[derive(Clone, PartialEq, Message)]
pub struct ClientPayload {
    /// The phone number, at a login.
    #[prost(uint64, optional, tag = "1")]
    pub username: Option<u64>,
    /// Whether the server holds stanzas back until the client says that it is active.
    #[prost(bool, optional, tag = "3")]
    pub passive: Option<bool>,
    /// What the user calls himself.
    #[prost(string, optional, tag = "7")]
    pub push_name: Option<String>,
    /// How many attempts came before this one.
    #[prost(uint32, optional, tag = "16")]
    pub connect_attempt_count: Option<u32>,
    /// The device's number, at a login.
    #[prost(uint32, optional, tag = "18")]
    pub device: Option<u32>,
    /// The device's keys. Its presence makes the connection a registration.
    #[prost(message, optional, tag = "19")]
    pub device_pairing_data: Option<DevicePairingData>,
    /// Whether the client asks for its offline stanzas.
    #[prost(bool, optional, tag = "33")]
    pub pull: Option<bool>,
}

/// The keys of a device that registers.
#[derive(Clone, PartialEq, Message)]
pub struct DevicePairingData {
    /// The registration number, 4 bytes big-endian.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub registration_id: Option<Vec<u8>>,
    /// The kind of the keys: one byte, 5 for Curve25519.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub key_type: Option<Vec<u8>>,
    /// The identity public key, 32 bytes.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub identity: Option<Vec<u8>>,
    /// The number of the signed pre-key, 3 bytes big-endian.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub signed_pre_key_id: Option<Vec<u8>>,
    /// The signed pre-key, 32 bytes.
    #[prost(bytes = "vec", optional, tag = "5")]
    pub signed_pre_key: Option<Vec<u8>>,
    /// XEdDSA by the identity key over 5 and the pre-key, 64 bytes.
    #[prost(bytes = "vec", optional, tag = "6")]
    pub signed_pre_key_signature: Option<Vec<u8>>,
    /// A hash that names the client's version.
    #[prost(bytes = "vec", optional, tag = "7")]
    pub build_hash: Option<Vec<u8>>,
    /// What the device says of itself, a message of its own.
    #[prost(bytes = "vec", optional, tag = "8")]
    pub device_props: Option<Vec<u8>>,
}

/// What the phone certifies of a companion device.
#[derive(Clone, PartialEq, Message)]
pub struct AdvDeviceIdentity {
    /// A number drawn at pairing.
    #[prost(uint32, optional, tag = "1")]
    pub raw_id: Option<u32>,
    /// When it was paired, in seconds since 1970.
    #[prost(uint64, optional, tag = "2")]
    pub timestamp: Option<u64>,
    /// The device's place in the phone's list of keys.
    #[prost(uint32, optional, tag = "3")]
    pub key_index: Option<u32>,
    /// The kind of the account: 0 is end-to-end encrypted, 1 hosted.
    #[prost(uint32, optional, tag = "4")]
    pub account_type: Option<u32>,
    /// The kind of the device, as the account's.
    #[prost(uint32, optional, tag = "5")]
    pub device_type: Option<u32>,
}

/// A device identity with the signatures of both sides.
#[derive(Clone, PartialEq, Message)]
pub struct AdvSignedDeviceIdentity {
    /// An [`AdvDeviceIdentity`], as the bytes that were signed.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub details: Option<Vec<u8>>,
    /// The phone's account public key, 32 bytes. A client's reply may leave it out.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub account_signature_key: Option<Vec<u8>>,
    /// By the account key, 64 bytes.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub account_signature: Option<Vec<u8>>,
    /// By the device's identity key, 64 bytes; in the client's reply alone.
    #[prost(bytes = "vec", optional, tag = "4")]
    pub device_signature: Option<Vec<u8>>,
}

/// A signed device identity under the secret of the QR code.
#[derive(Clone, PartialEq, Message)]
pub struct AdvSignedDeviceIdentityHmac {
    /// An [`AdvSignedDeviceIdentity`], as the bytes that were authenticated.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub details: Option<Vec<u8>>,
    /// HMAC-SHA256 of `details` under the ADV secret, 32 bytes.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub hmac: Option<Vec<u8>>,
    /// The kind of the account: absent or 0 is end-to-end encrypted.
    #[prost(uint32, optional, tag = "3")]
    pub account_type: Option<u32>,
}

/// Which of an account's devices are its own still.
#[derive(Clone, PartialEq, Message)]
pub struct AdvKeyIndexList {
    /// A number of the account's.
    #[prost(uint32, optional, tag = "1")]
    pub raw_id: Option<u32>,
    /// When the list was last changed, in seconds since 1970.
    #[prost(uint64, optional, tag = "2")]
    pub timestamp: Option<u64>,
    /// The highest place ever given to a device.
    #[prost(uint32, optional, tag = "3")]
    pub current_index: Option<u32>,
    /// The places of the devices that there are; the phone's is 0.
    #[prost(uint32, repeated, packed = "true", tag = "4")]
    pub valid_indexes: Vec<u32>,
}

/// A list of devices that the phone vouches for.
#[derive(Clone, PartialEq, Message)]
pub struct AdvSignedKeyIndexList {
    /// An [`AdvKeyIndexList`], as the bytes that were signed.
    #[prost(bytes = "vec", optional, tag = "1")]
    pub details: Option<Vec<u8>>,
    /// By the account key, 64 bytes.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub account_signature: Option<Vec<u8>>,
}

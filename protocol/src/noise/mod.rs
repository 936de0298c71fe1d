//! The Noise handshake `25519_AESGCM_SHA256` as WhatsApp speaks it, and the transport that it leads to.
//!
//! Three patterns: XX, where neither side knows the other; IK, by which a client that knows the server's key resumes in one
//! round trip; and XXfallback, by which a server answers IK that was sealed for another key than its own.
//!
//! Standard Noise but for one step: after the first message of XX, a standard implementation also hashes that message's
//! empty payload into the transcript. Here nothing is hashed for it. Both sides' steps are consumed by the next one, so no
//! message can be taken twice or out of order.

mod initiator;
mod responder;
mod symmetric;
mod transport;

pub use initiator::{Initiator, Resumed, Resumption, TrustedServer};
pub use responder::{Answered, AwaitingFinish, Client, Responder};
pub use symmetric::TAG_LENGTH;
pub use transport::{Opener, Sealer, Transport, TransportError};

use crate::certificate::CertificateError;
use crate::keys::LowOrderKey;

/// Why a handshake ended without a transport.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HandshakeError {
    /// The bytes are no handshake message.
    #[error("not a handshake message: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A handshake message, but another one than the pattern has here.
    #[error("expected a {0}, and the message has none")]
    Missing(&'static str),
    /// A key of the wrong length.
    #[error("the {field} is {length} bytes long, not 32")]
    KeyLength {
        /// Which key.
        field: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// A ciphertext does not authenticate: another key, another transcript, or bytes changed on the way.
    #[error("the {0} does not authenticate")]
    Authentication(&'static str),
    /// The peer sent a key that leads to no secret.
    #[error(transparent)]
    LowOrder(#[from] LowOrderKey),
    /// The server's certificates do not certify its static key.
    #[error("the server's certificate: {0}")]
    Certificate(#[from] CertificateError),
}

/// A message's field, if it is there.
fn field<T>(value: Option<T>, name: &'static str) -> Result<T, HandshakeError> {
    value.ok_or(HandshakeError::Missing(name))
}

/// A public key of 32 bytes.
fn public_key(bytes: &[u8], name: &'static str) -> Result<[u8; 32], HandshakeError> {
    <[u8; 32]>::try_from(bytes).map_err(|_| HandshakeError::KeyLength {
        field: name,
        length: bytes.len(),
    })
}

#[cfg(test)]
mod tests;

//! The client's side of the handshake.

use std::fmt;

use jiff::Timestamp;
use prost::Message;
use rand::Rng;

use super::symmetric::{Role, Symmetric};
use super::{HandshakeError, Transport, field, public_key};
use crate::certificate::{self, TrustedRoot};
use crate::keys::KeyPair;
use crate::message::{ClientFinish, ClientHello, HandshakeMessage};

/// A client that has said hello and waits for the server's.
pub struct Initiator {
    state: Symmetric,
    keys: KeyPair,
    ephemeral: KeyPair,
}

impl Initiator {
    /// Opens a handshake with the static key `keys`; the second value is the body of the client's first frame. The
    /// `prologue` is the intro header as sent. Draws 32 bytes from `rng`.
    pub fn new(prologue: &[u8], keys: KeyPair, rng: &mut (impl Rng + ?Sized)) -> (Self, Vec<u8>) {
        let ephemeral = KeyPair::generate(rng);
        let mut state = Symmetric::xx(prologue);
        state.mix_hash(&ephemeral.public());
        let hello = HandshakeMessage {
            client_hello: Some(ClientHello {
                ephemeral: Some(ephemeral.public().to_vec()),
                ..ClientHello::default()
            }),
            ..HandshakeMessage::default()
        };
        let initiator = Self {
            state,
            keys,
            ephemeral,
        };
        (initiator, hello.encode_to_vec())
    }

    /// Takes the body of the server's first frame and checks the server's certificates at the wall time `now`.
    ///
    /// # Errors
    /// [`HandshakeError`]; the handshake is over then.
    pub fn on_server_hello(
        mut self,
        body: &[u8],
        root: &TrustedRoot,
        now: Timestamp,
    ) -> Result<TrustedServer, HandshakeError> {
        let message = HandshakeMessage::decode(body)?;
        let hello = field(message.server_hello, "server hello")?;
        let their_ephemeral = public_key(
            &field(hello.ephemeral, "server's ephemeral key")?,
            "server's ephemeral key",
        )?;
        self.state.mix_hash(&their_ephemeral);
        self.state.mix_key(&self.ephemeral.agree(&their_ephemeral)?);
        let sealed = field(hello.r#static, "server's static key")?;
        let their_static = self.state.decrypt(&sealed, "server's static key")?;
        let their_static = public_key(&their_static, "server's static key")?;
        self.state.mix_key(&self.ephemeral.agree(&their_static)?);
        let sealed = field(hello.payload, "certificate chain")?;
        let chain = self.state.decrypt(&sealed, "certificate chain")?;
        certificate::verify(&chain, &their_static, root, now)?;
        Ok(TrustedServer {
            state: self.state,
            keys: self.keys,
            their_ephemeral,
            their_static,
        })
    }
}

/// A client that knows the server and may now say who it is.
pub struct TrustedServer {
    state: Symmetric,
    keys: KeyPair,
    their_ephemeral: [u8; 32],
    their_static: [u8; 32],
}

impl TrustedServer {
    /// The server's certified static key.
    pub fn static_key(&self) -> [u8; 32] {
        self.their_static
    }

    /// Concludes the handshake with the encoded client payload; the first value is the body of the client's second frame.
    ///
    /// # Errors
    /// [`HandshakeError::LowOrder`].
    pub fn finish(mut self, payload: &[u8]) -> Result<(Vec<u8>, Transport), HandshakeError> {
        let sealed_static = self.state.encrypt(&self.keys.public());
        self.state.mix_key(&self.keys.agree(&self.their_ephemeral)?);
        let sealed_payload = self.state.encrypt(payload);
        let finish = HandshakeMessage {
            client_finish: Some(ClientFinish {
                r#static: Some(sealed_static),
                payload: Some(sealed_payload),
            }),
            ..HandshakeMessage::default()
        };
        Ok((finish.encode_to_vec(), self.state.split(Role::Initiator)))
    }
}

impl fmt::Debug for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Initiator({:?})", self.keys)
    }
}

impl fmt::Debug for TrustedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrustedServer({:?})", self.keys)
    }
}

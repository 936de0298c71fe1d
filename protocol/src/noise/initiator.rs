//! The client's side of the handshake.

use std::fmt;

use jiff::Timestamp;
use prost::Message;
use rand::Rng;

use super::symmetric::{IK, Pattern, Role, Symmetric, XX, XX_FALLBACK};
use super::{HandshakeError, Transport, field, public_key};
use crate::certificate::{self, TrustedRoot};
use crate::keys::KeyPair;
use crate::message::{ClientFinish, ClientHello, HandshakeMessage, ServerHello};

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
        let state = opened(&XX, prologue, &ephemeral);
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
        let (hello, their_ephemeral) = server_hello(body)?;
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

/// The state of a pattern that begins with the client's ephemeral key.
fn opened(pattern: &Pattern, prologue: &[u8], ephemeral: &KeyPair) -> Symmetric {
    let mut state = Symmetric::new(pattern, prologue);
    state.mix_hash(&ephemeral.public());
    state
}

/// The server's hello, and the ephemeral key in it.
fn server_hello(body: &[u8]) -> Result<(ServerHello, [u8; 32]), HandshakeError> {
    let message = HandshakeMessage::decode(body)?;
    let mut hello = field(message.server_hello, "server hello")?;
    let ephemeral = field(hello.ephemeral.take(), "server's ephemeral key")?;
    let ephemeral = public_key(&ephemeral, "server's ephemeral key")?;
    Ok((hello, ephemeral))
}

/// A client that knows the server from before, has said who it is in its hello, and waits for the server's.
pub struct Resumption {
    state: Symmetric,
    prologue: Vec<u8>,
    keys: KeyPair,
    ephemeral: KeyPair,
    known: [u8; 32],
}

/// What a server made of a resumption.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each connection, and taken apart at once"
)]
pub enum Resumed {
    /// It has still the key that the client knew: the connection is established.
    Established(Transport),
    /// It has another one, which is certified: the client is to say once more who it is.
    Fallback(TrustedServer),
}

impl Resumption {
    /// Opens a handshake with a server whose static key is `known`, and says in the encoded client payload who the client
    /// is; the second value is the body of the client's first frame. Else as [`Initiator::new`].
    ///
    /// # Errors
    /// [`HandshakeError::LowOrder`].
    pub fn new(
        prologue: &[u8],
        keys: KeyPair,
        known: [u8; 32],
        payload: &[u8],
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(Self, Vec<u8>), HandshakeError> {
        let ephemeral = KeyPair::generate(rng);
        let mut state = Symmetric::new(&IK, prologue);
        state.mix_hash(&known);
        state.mix_hash(&ephemeral.public());
        state.mix_key(&ephemeral.agree(&known)?);
        let sealed_static = state.encrypt(&keys.public());
        state.mix_key(&keys.agree(&known)?);
        let sealed_payload = state.encrypt(payload);
        let hello = HandshakeMessage {
            client_hello: Some(ClientHello {
                ephemeral: Some(ephemeral.public().to_vec()),
                r#static: Some(sealed_static),
                payload: Some(sealed_payload),
            }),
            ..HandshakeMessage::default()
        };
        let resumption = Self {
            state,
            prologue: prologue.to_vec(),
            keys,
            ephemeral,
            known,
        };
        Ok((resumption, hello.encode_to_vec()))
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
    ) -> Result<Resumed, HandshakeError> {
        let (hello, their_ephemeral) = server_hello(body)?;
        if hello.r#static.is_some() {
            let fallback = Initiator {
                state: opened(&XX_FALLBACK, &self.prologue, &self.ephemeral),
                keys: self.keys,
                ephemeral: self.ephemeral,
            };
            let trusted = fallback.on_server_hello(body, root, now)?;
            return Ok(Resumed::Fallback(trusted));
        }
        self.state.mix_hash(&their_ephemeral);
        self.state.mix_key(&self.ephemeral.agree(&their_ephemeral)?);
        self.state.mix_key(&self.keys.agree(&their_ephemeral)?);
        let sealed = field(hello.payload, "certificate chain")?;
        let chain = self.state.decrypt(&sealed, "certificate chain")?;
        certificate::verify(&chain, &self.known, root, now)?;
        Ok(Resumed::Established(self.state.split(Role::Initiator)))
    }
}

impl fmt::Debug for Resumption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resumption({:?})", self.keys)
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

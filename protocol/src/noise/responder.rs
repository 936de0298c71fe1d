//! The server's side of the handshake.

use std::fmt;

use prost::Message;
use rand::Rng;

use super::symmetric::{IK, Pattern, Role, Symmetric, XX, XX_FALLBACK};
use super::{HandshakeError, Transport, field, public_key};
use crate::keys::KeyPair;
use crate::message::{HandshakeMessage, ServerHello};

/// A server that waits for a client's hello.
pub struct Responder {
    prologue: Vec<u8>,
    keys: KeyPair,
    chain: Vec<u8>,
}

/// What a client's hello led to.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each connection, and taken apart at once"
)]
pub enum Answered {
    /// The client is to conclude: pattern XX, or its fallback where the client opened with a key that is not the server's.
    Awaiting(AwaitingFinish),
    /// The client knew the server's key and has said who it is: pattern IK.
    Resumed(Client),
}

impl Responder {
    /// Waits with the static key `keys` and the encoded certificate chain that is to certify it. The `prologue` is the
    /// intro header as received.
    pub fn new(prologue: &[u8], keys: KeyPair, chain: Vec<u8>) -> Self {
        Self {
            prologue: prologue.to_vec(),
            keys,
            chain,
        }
    }

    /// Takes the body of the client's first frame; the second value is the body of the server's first. Draws 32 bytes
    /// from `rng`.
    ///
    /// # Errors
    /// [`HandshakeError`]; the handshake is over then. A hello in pattern IK that does not authenticate is no error: that
    /// is what the fallback is for.
    pub fn on_client_hello(
        self,
        body: &[u8],
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(Answered, Vec<u8>), HandshakeError> {
        let message = HandshakeMessage::decode(body)?;
        let hello = field(message.client_hello, "client hello")?;
        let their_ephemeral = public_key(
            &field(hello.ephemeral, "client's ephemeral key")?,
            "client's ephemeral key",
        )?;
        let ephemeral = KeyPair::generate(rng);
        let (answered, answer) = match (hello.r#static, hello.payload) {
            (Some(sealed_static), Some(sealed_payload)) => {
                let resumed =
                    Resuming::read(&self, &their_ephemeral, &sealed_static, &sealed_payload)?;
                match resumed {
                    Some(resuming) => resuming.answer(&self, &ephemeral, &their_ephemeral)?,
                    None => self.answer(&XX_FALLBACK, ephemeral, &their_ephemeral)?,
                }
            }
            (Some(_), None) => return Err(HandshakeError::Missing("client payload")),
            (None, _) => self.answer(&XX, ephemeral, &their_ephemeral)?,
        };
        let message = HandshakeMessage {
            server_hello: Some(answer),
            ..HandshakeMessage::default()
        };
        Ok((answered, message.encode_to_vec()))
    }

    /// Says who the server is, to a client that did not say who it is.
    fn answer(
        &self,
        pattern: &Pattern,
        ephemeral: KeyPair,
        their_ephemeral: &[u8; 32],
    ) -> Result<(Answered, ServerHello), HandshakeError> {
        let mut state = Symmetric::new(pattern, &self.prologue);
        state.mix_hash(their_ephemeral);
        state.mix_hash(&ephemeral.public());
        state.mix_key(&ephemeral.agree(their_ephemeral)?);
        let sealed_static = state.encrypt(&self.keys.public());
        state.mix_key(&self.keys.agree(their_ephemeral)?);
        let sealed_chain = state.encrypt(&self.chain);
        let answer = ServerHello {
            ephemeral: Some(ephemeral.public().to_vec()),
            r#static: Some(sealed_static),
            payload: Some(sealed_chain),
        };
        let awaiting = AwaitingFinish { state, ephemeral };
        Ok((Answered::Awaiting(awaiting), answer))
    }
}

/// A client that has said who it is in its hello.
struct Resuming {
    state: Symmetric,
    static_key: [u8; 32],
    payload: Vec<u8>,
}

impl Resuming {
    /// Reads a hello in pattern IK; nothing where it was sealed for another key.
    fn read(
        server: &Responder,
        their_ephemeral: &[u8; 32],
        sealed_static: &[u8],
        sealed_payload: &[u8],
    ) -> Result<Option<Self>, HandshakeError> {
        let mut state = Symmetric::new(&IK, &server.prologue);
        state.mix_hash(&server.keys.public());
        state.mix_hash(their_ephemeral);
        state.mix_key(&server.keys.agree(their_ephemeral)?);
        let Ok(static_key) = state.decrypt(sealed_static, "client's static key") else {
            return Ok(None);
        };
        let static_key = public_key(&static_key, "client's static key")?;
        state.mix_key(&server.keys.agree(&static_key)?);
        let payload = state.decrypt(sealed_payload, "client payload")?;
        Ok(Some(Self {
            state,
            static_key,
            payload,
        }))
    }

    /// Concludes: the client has nothing more to say.
    fn answer(
        mut self,
        server: &Responder,
        ephemeral: &KeyPair,
        their_ephemeral: &[u8; 32],
    ) -> Result<(Answered, ServerHello), HandshakeError> {
        self.state.mix_hash(&ephemeral.public());
        self.state.mix_key(&ephemeral.agree(their_ephemeral)?);
        self.state.mix_key(&ephemeral.agree(&self.static_key)?);
        let answer = ServerHello {
            ephemeral: Some(ephemeral.public().to_vec()),
            r#static: None,
            payload: Some(self.state.encrypt(&server.chain)),
        };
        let client = Client {
            payload: self.payload,
            static_key: self.static_key,
            transport: self.state.split(Role::Responder),
        };
        Ok((Answered::Resumed(client), answer))
    }
}

/// A server that has answered and waits for the client's conclusion.
pub struct AwaitingFinish {
    state: Symmetric,
    ephemeral: KeyPair,
}

/// A client that has concluded its handshake.
#[derive(Debug)]
pub struct Client {
    /// Its encoded client payload: who it says it is.
    pub payload: Vec<u8>,
    /// The static public key that it proved to hold.
    pub static_key: [u8; 32],
    /// The established connection.
    pub transport: Transport,
}

impl AwaitingFinish {
    /// Takes the body of the client's second frame.
    ///
    /// # Errors
    /// [`HandshakeError`]; the handshake is over then.
    pub fn on_client_finish(mut self, body: &[u8]) -> Result<Client, HandshakeError> {
        let message = HandshakeMessage::decode(body)?;
        let finish = field(message.client_finish, "client finish")?;
        let sealed = field(finish.r#static, "client's static key")?;
        let static_key = self.state.decrypt(&sealed, "client's static key")?;
        let static_key = public_key(&static_key, "client's static key")?;
        self.state.mix_key(&self.ephemeral.agree(&static_key)?);
        let sealed = field(finish.payload, "client payload")?;
        let payload = self.state.decrypt(&sealed, "client payload")?;
        Ok(Client {
            payload,
            static_key,
            transport: self.state.split(Role::Responder),
        })
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Responder({:?})", self.keys)
    }
}

impl fmt::Debug for AwaitingFinish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AwaitingFinish")
    }
}

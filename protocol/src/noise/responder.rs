//! The server's side of the handshake.

use std::fmt;

use prost::Message;
use rand::Rng;

use super::symmetric::{Role, Symmetric};
use super::{HandshakeError, Transport, field, public_key};
use crate::keys::KeyPair;
use crate::message::{HandshakeMessage, ServerHello};

/// A server that waits for a client's hello.
pub struct Responder {
    state: Symmetric,
    keys: KeyPair,
    chain: Vec<u8>,
}

impl Responder {
    /// Waits with the static key `keys` and the encoded certificate chain that is to certify it. The `prologue` is the
    /// intro header as received.
    pub fn new(prologue: &[u8], keys: KeyPair, chain: Vec<u8>) -> Self {
        Self {
            state: Symmetric::xx(prologue),
            keys,
            chain,
        }
    }

    /// Takes the body of the client's first frame; the second value is the body of the server's first. Draws 32 bytes
    /// from `rng`.
    ///
    /// # Errors
    /// [`HandshakeError`]; the handshake is over then.
    pub fn on_client_hello(
        mut self,
        body: &[u8],
        rng: &mut (impl Rng + ?Sized),
    ) -> Result<(AwaitingFinish, Vec<u8>), HandshakeError> {
        let message = HandshakeMessage::decode(body)?;
        let hello = field(message.client_hello, "client hello")?;
        if hello.r#static.is_some() {
            return Err(HandshakeError::Resumption);
        }
        let their_ephemeral = public_key(
            &field(hello.ephemeral, "client's ephemeral key")?,
            "client's ephemeral key",
        )?;
        self.state.mix_hash(&their_ephemeral);
        let ephemeral = KeyPair::generate(rng);
        self.state.mix_hash(&ephemeral.public());
        self.state.mix_key(&ephemeral.agree(&their_ephemeral)?);
        let sealed_static = self.state.encrypt(&self.keys.public());
        self.state.mix_key(&self.keys.agree(&their_ephemeral)?);
        let sealed_chain = self.state.encrypt(&self.chain);
        let answer = HandshakeMessage {
            server_hello: Some(ServerHello {
                ephemeral: Some(ephemeral.public().to_vec()),
                r#static: Some(sealed_static),
                payload: Some(sealed_chain),
            }),
            ..HandshakeMessage::default()
        };
        let awaiting = AwaitingFinish {
            state: self.state,
            ephemeral,
        };
        Ok((awaiting, answer.encode_to_vec()))
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

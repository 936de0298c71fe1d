//! What the app asks of its host: time, sleep, and somebody who listens.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use squall_protocol::keys::KeyPair;
use squall_protocol::{Instant, Node, Now};

use crate::fault::Malformation;
use crate::id::ConnectionId;
use crate::server::ServerEvent;

/// A future in a box, for a trait that is used as an object.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The host. Every method but `sleep_until` is called from whichever task has something to say, outside the server's
/// lock, so it may call back.
pub trait World: Send + Sync + 'static {
    /// The time.
    fn now(&self) -> Now;

    /// Ends when the monotonic clock shows `at`.
    fn sleep_until(&self, at: Instant) -> Sleep;

    /// Something happened at the server. An event that comes with a stanza (a login, a pair-success) is told just before
    /// that stanza is written.
    fn event(&self, event: &ServerEvent);

    /// Tells what the next message that this connection's stream carries will be. Called in the order of the messages,
    /// immediately before each is handed to the stream. HTTP answers, pongs and close frames are not announced: they
    /// speak for themselves.
    fn sending(&self, connection: ConnectionId, label: Label);

    /// Tells what a binary frame of this connection carried, right after it was opened and before the server acts on it.
    fn received(&self, _connection: ConnectionId, _carried: Received<'_>) {}

    /// The link is to reset this connection: what is under way is lost, and both ends are told.
    fn reset(&self, connection: ConnectionId);

    /// These are the server's static keys from now on: for a host that proves that no key is written anywhere.
    fn key_rotated(&self, _keys: &KeyPair) {}

    /// What the link holds of this connection may flow again, as far as [`carry`](super::MockServer::carry) lets it now.
    fn resume(&self, connection: ConnectionId);
}

/// What a client's binary frame carried.
#[derive(Clone, Copy, Debug)]
pub enum Received<'a> {
    /// A message of the handshake: `client_hello` or `client_finish`.
    Handshake(&'static str),
    /// This stanza.
    Stanza(&'a Node),
}

/// What a message carries that its bytes no longer show.
#[derive(Clone, Debug, PartialEq)]
pub enum Label {
    /// A binary frame with a handshake message: `server_hello` or `garbage_hello`.
    Handshake(&'static str),
    /// A binary frame with this stanza.
    Stanza(Arc<Node>),
    /// A binary frame with this stanza, damaged so that it does not authenticate.
    Corrupt(Arc<Node>),
    /// A frame that RFC 6455 forbids. Its header may promise what never comes: it is as long as
    /// [`Malformation::bytes`].
    Malformed(Malformation),
}

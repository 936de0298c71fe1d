//! What goes out, and what a fault may make of it.

use squall_protocol::{Millis, Node};

use super::IqKind;

/// A stanza on its way out.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The stanza.
    pub node: &'a Node,
    /// The kind of request that it answers, if it answers one.
    pub answers: Option<IqKind>,
}

/// A WebSocket control frame on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The server's own Ping.
    Ping,
    /// The answer to a Ping.
    Pong,
    /// A close frame.
    Close,
}

/// What becomes of a stanza or a frame on its way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict<T> {
    /// Nothing: it goes.
    #[default]
    Pass,
    /// It goes later by so much; what follows does not wait for it.
    After(Millis),
    /// It never goes.
    Withhold,
    /// This goes in its place: a stanza, or a frame of the same kind with this payload.
    Instead(T),
}

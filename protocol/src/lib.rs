//! The WhatsApp Web connection protocol as real clients speak it, for both roles and without I/O.
//!
//! Bytes in, bytes out: no socket, no clock, no task. What comes from the network is hostile until parsed; every parser
//! answers bad bytes with an error, reads nothing past the end and allocates no more than it was given.

pub mod keys;
pub mod node;
pub mod pairing;
pub mod time;

pub use node::{Content, Node};
pub use time::{Instant, Millis, Now};

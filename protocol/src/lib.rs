//! The WhatsApp Web connection protocol as real clients speak it, for both roles and without I/O.
//!
//! Bytes in, bytes out: no socket, no clock, no task. What comes from the network is hostile until parsed; every parser
//! answers bad bytes with an error, reads nothing past the end and allocates in proportion to what it was given.

pub mod time;
pub mod zone;

pub mod jid;
pub mod node;

pub mod codec;
pub mod frame;

mod derive;
pub mod keys;
pub mod message;
pub mod xeddsa;

pub mod certificate;
pub mod noise;
pub mod pairing;

pub mod app_state;
pub mod phone;
pub mod signal;

#[cfg(test)]
mod fixed;

pub use node::{Content, Node};
pub use time::{Instant, Millis, Now};
pub use zone::Zone;

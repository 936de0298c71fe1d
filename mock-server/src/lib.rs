//! A mock server that speaks the WhatsApp Web connection protocol and injects faults.
//!
//! [`server::Server`] is the machine: accounts, pairing, login, requests, the guard, without I/O. [`fault`] holds one
//! file for each thing that may go wrong. [`app`] puts the machine behind axum, on any listener: in-memory links in
//! virtual time, or real sockets.

pub mod app;
mod dice;
pub mod fault;
pub mod id;
pub mod server;

pub use app::{Label, MockServer, World};
pub use id::{ConnectionId, Peer};

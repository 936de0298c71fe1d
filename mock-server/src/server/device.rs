//! A companion device, as its account keeps it.

use crate::id::ConnectionId;
use crate::server::keys::Keys;
use crate::server::mailbox::Mailbox;

/// A companion that was paired.
#[derive(Debug)]
pub(crate) struct CompanionDevice {
    /// The static key of its Noise handshakes.
    pub(crate) noise: [u8; 32],
    /// What others need to write to it.
    pub(crate) keys: Keys,
    /// What waits for it.
    pub(crate) mail: Mailbox,
    /// The connection of its last login, live or not.
    pub(crate) connection: Option<ConnectionId>,
    /// Whether the phone has yet to write to it, as it does once, after the first login.
    pub(crate) is_new: bool,
}

impl CompanionDevice {
    /// A device that was just paired.
    pub(crate) fn new(noise: [u8; 32], keys: Keys) -> Self {
        Self {
            noise,
            keys,
            mail: Mailbox::default(),
            connection: None,
            is_new: true,
        }
    }
}

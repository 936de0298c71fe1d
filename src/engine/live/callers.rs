//! Who is behind a socket that was accepted: a client of our own says so, by the port from which it dials.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use squall_mock_server::Peer;
use tokio::sync::Notify;

/// Those who have dialed and were not recognized yet.
#[derive(Default)]
pub(super) struct Callers {
    by_port: Mutex<BTreeMap<u16, Peer>>,
    said: Notify,
}

impl Callers {
    /// The connection from this port is this one.
    pub(super) fn say(&self, port: u16, peer: Peer) {
        self.lock().insert(port, peer);
        self.said.notify_waiters();
    }

    /// Whose connection it is that comes from this port, once that is said.
    pub(super) async fn recognize(&self, port: u16) -> Peer {
        loop {
            // Listens before it looks, so that nothing is said in between.
            let said = self.said.notified();
            let mut said = std::pin::pin!(said);
            said.as_mut().enable();
            if let Some(peer) = self.lock().remove(&port) {
                return peer;
            }
            said.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u16, Peer>> {
        self.by_port.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

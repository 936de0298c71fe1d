//! What went over a connection, counted while it goes.

use std::sync::atomic::{AtomicU64, Ordering};

use squall_protocol::{Instant, Node};

/// The counters of one WebSocket. The bytes are those of whole frames, headers included; HTTP is not counted.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) received: Way,
    pub(crate) sent: Way,
    /// Pings that the client asked for by a stanza.
    pub(crate) iq_pings: Count,
    /// The client's WebSocket Pings.
    pub(crate) web_socket_pings: Count,
    /// When something was received last, in milliseconds, once something was.
    last: AtomicU64,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Way {
    pub(crate) frames: Count,
    pub(crate) bytes: Count,
}

/// A number that grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Traffic {
    /// Bytes came.
    pub(crate) fn came(&self, now: Instant, bytes: usize) {
        self.received.bytes.add(bytes);
        // The next millisecond, so that zero means never.
        let at = now.since_start().get() + 1;
        self.last.store(at, Ordering::Relaxed);
    }

    /// When something came last.
    pub(crate) fn last_activity(&self) -> Option<Instant> {
        let at = self.last.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Instant::at(at))
    }

    /// A stanza came.
    pub(crate) fn stanza(&self, node: &Node) {
        if node.is("iq", &[("xmlns", "w:p"), ("type", "get")]) {
            self.iq_pings.add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_at_time_zero_is_activity() {
        let traffic = Traffic::default();
        assert_eq!(traffic.last_activity(), None);
        traffic.came(Instant::START, 7);
        assert_eq!(traffic.last_activity(), Some(Instant::START));
        assert_eq!(traffic.received.bytes.get(), 7);
    }

    #[test]
    fn only_a_request_for_a_pong_is_a_ping() {
        let traffic = Traffic::default();
        let iq = |kind: &str| Node::new("iq").attr("xmlns", "w:p").attr("type", kind);
        traffic.stanza(&iq("get"));
        traffic.stanza(&iq("result"));
        traffic.stanza(&Node::new("presence"));
        assert_eq!(traffic.iq_pings.get(), 1);
    }
}

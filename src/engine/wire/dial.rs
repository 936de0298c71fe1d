//! A dial as the client's kernel makes it: tried again until there is an answer.

use std::future::Future;
use std::io;
use std::sync::Arc;

use squall_mock_server::Peer;
use squall_mock_server::app::MockServer;
use squall_mock_server::fault::Connect;
use squall_mock_server::server::Closed;
use squall_protocol::Millis;

use crate::engine::conductor::Class;
use crate::engine::link::End;
use crate::engine::link::exchange::Exchange;

/// When a SYN without an answer is sent again, since the first: RFC 6298, 2.1 and 5.5, wait 1 s and then twice as long each
/// time; Linux does so six times by default (`tcp_syn_retries`).
const AGAIN_AFTER: [Millis; 6] = [
    Millis::from_secs(1),
    Millis::from_secs(3),
    Millis::from_secs(7),
    Millis::from_secs(15),
    Millis::from_secs(31),
    Millis::from_secs(63),
];
/// When the kernel gives up.
const FAILS_AFTER: Millis = Millis::from_secs(127);

/// Dials at once. Ends with the client's end of a link, or with the reason why there is none.
pub(crate) fn dial(
    exchange: &Arc<Exchange>,
    server: &MockServer,
    peer: Peer,
) -> impl Future<Output = io::Result<End>> + Send + 'static {
    let mut syn = Syn {
        exchange: Arc::clone(exchange),
        server: server.clone(),
        peer,
        answered: false,
    };
    let first = syn.send();
    async move {
        if let Some(answer) = first {
            return answer;
        }
        let conductor = Arc::clone(syn.exchange.conductor());
        let dialed = conductor.now();
        for after in AGAIN_AFTER {
            conductor.sleep_until(dialed + after, Class::Delivery).await;
            if let Some(answer) = syn.send() {
                return answer;
            }
        }
        conductor
            .sleep_until(dialed + FAILS_AFTER, Class::Delivery)
            .await;
        syn.fail()
    }
}

/// A dial that may be without an answer.
struct Syn {
    exchange: Arc<Exchange>,
    server: MockServer,
    peer: Peer,
    answered: bool,
}

impl Syn {
    /// The answer, if one comes.
    fn send(&mut self) -> Option<io::Result<End>> {
        // Where nobody listens, the kernel answers that.
        let answer = match self.exchange.listens() {
            true => self.server.connect(self.peer.clone()),
            false => Connect::Refuse,
        };
        let answer = match answer {
            Connect::Accept => self.exchange.connect(self.peer.clone(), None),
            Connect::Refuse => Err(self
                .exchange
                .refuse(&self.peer, io::ErrorKind::ConnectionRefused)),
            Connect::Silence => return None,
        };
        self.answered = true;
        Some(answer)
    }

    /// The kernel gives up, and tells the client so.
    fn fail(&mut self) -> io::Result<End> {
        self.answered = true;
        self.server.closed(self.peer.connection, Closed::Eof);
        Err(self.exchange.refuse(&self.peer, io::ErrorKind::TimedOut))
    }
}

impl Drop for Syn {
    /// The client lets go of a dial before there is an answer.
    fn drop(&mut self) {
        if !self.answered {
            self.server.closed(self.peer.connection, Closed::Eof);
            self.exchange.give_up(&self.peer);
        }
    }
}

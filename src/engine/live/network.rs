//! How a client of our own dials in real time: a server that runs beside it, or one elsewhere.

use std::future::Future;
use std::io;
use std::sync::Arc;

use squall_mock_server::Peer;
use squall_mock_server::app::MockServer;
use squall_mock_server::server::Closed;
use squall_protocol::Millis;
use squall_protocol::certificate::TrustedRoot;
use squall_session::driver::{Tcp, Wss};

use crate::engine::link::End;
use crate::engine::link::exchange::Exchange;
use crate::engine::live::callers::Callers;
use crate::engine::live::phone::Phone;
use crate::engine::live::pump::Pump;
use crate::engine::live::socket::{Begun, Socket};
use crate::engine::network::Network;
use crate::trace::{ConnectionId, OrgName, Side};

/// A way to a server: the session's own connectors.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    Tcp(Tcp),
    Wss(Wss),
}

impl Way {
    pub(crate) async fn open(self) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(tcp) => Socket::Tcp(tcp.open().await?),
            Self::Wss(wss) => Socket::TlsClient(Box::new(wss.open().await?)),
        })
    }
}

/// To the server beside it. The links are behind the server's gate.
pub(super) struct Beside {
    pub(super) exchange: Arc<Exchange>,
    pub(super) server: MockServer,
    pub(super) callers: Arc<Callers>,
    pub(super) way: Way,
    pub(super) authority: String,
}

impl Network for Beside {
    type Stream = Socket;

    fn root(&self) -> TrustedRoot {
        self.server.root()
    }

    fn authority(&self) -> String {
        self.authority.clone()
    }

    fn dial(&self, peer: Peer) -> impl Future<Output = io::Result<Socket>> + Send + 'static {
        let (exchange, callers) = (Arc::clone(&self.exchange), Arc::clone(&self.callers));
        let (server, way) = (self.server.clone(), self.way.clone());
        async move {
            let mut dial = Dial::of(&exchange, &peer);
            let opened = way.open().await;
            dial.answered = true;
            match opened.and_then(|socket| Ok((socket.local_port()?, socket))) {
                Ok((port, socket)) => {
                    callers.say(port, peer.clone());
                    Ok(socket)
                }
                Err(error) => {
                    server.closed(peer.connection, Closed::Eof);
                    Err(exchange.refuse(&peer, error.kind()))
                }
            }
        }
    }

    fn phone_sees_qr(&self, org: &OrgName, qr: &str) {
        self.server.phone_sees_qr(org, qr);
    }

    fn scan_qr(&self, qr: &str) {
        self.server.scan_qr(qr);
    }
}

/// A dial without an answer; who lets go of it has given it up.
struct Dial<'a> {
    exchange: &'a Exchange,
    peer: &'a Peer,
    answered: bool,
}

impl<'a> Dial<'a> {
    fn of(exchange: &'a Exchange, peer: &'a Peer) -> Self {
        Self {
            exchange,
            peer,
            answered: false,
        }
    }
}

impl Drop for Dial<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.exchange.give_up(self.peer);
        }
    }
}

/// To a server that is not ours. The links are on this side: they hold what the client has seen.
pub(super) struct Elsewhere {
    pub(super) exchange: Arc<Exchange>,
    pub(super) root: TrustedRoot,
    pub(super) way: Way,
    pub(super) authority: String,
    pub(super) phone: Arc<Phone>,
}

impl Network for Elsewhere {
    type Stream = End;

    fn root(&self) -> TrustedRoot {
        self.root
    }

    fn authority(&self) -> String {
        self.authority.clone()
    }

    fn dial(&self, peer: Peer) -> impl Future<Output = io::Result<End>> + Send + 'static {
        let (exchange, way) = (Arc::clone(&self.exchange), self.way.clone());
        async move {
            let mut dial = Dial::of(&exchange, &peer);
            let opened = way.open().await;
            dial.answered = true;
            let socket = opened.map_err(|error| exchange.refuse(&peer, error.kind()))?;
            let (client, server) = exchange.link(&peer, Some(Side::Server));
            let pump = Pump {
                exchange: Arc::clone(&exchange),
                conn: ConnectionId(peer.connection.0),
                side: Side::Server,
                lingers: Millis::ZERO,
            };
            tokio::spawn(pump.run(Begun::new(Vec::new(), socket), server));
            Ok(client)
        }
    }

    fn phone_sees_qr(&self, org: &OrgName, qr: &str) {
        self.phone.sees(org, qr);
    }

    fn scan_qr(&self, qr: &str) {
        self.phone.scans(qr);
    }
}

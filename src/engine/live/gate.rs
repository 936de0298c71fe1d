//! The gate: accepts sockets, numbers whoever comes to speak the protocol, and puts a link between them and the app.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use squall_mock_server::app::MockServer;
use squall_mock_server::fault::Connect;
use squall_mock_server::server::Closed;
use squall_mock_server::{ConnectionId as ServerConnection, Peer};
use squall_protocol::Millis;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::engine::conductor::Class;
use crate::engine::link::exchange::Exchange;
use crate::engine::live::callers::Callers;
use crate::engine::live::child::ClientProcess;
use crate::engine::live::files::open_more_files;
use crate::engine::live::greeting::{self, Wants};
use crate::engine::live::pump::Pump;
use crate::engine::live::socket::{Begun, Socket};
use crate::trace::{ConnectionId, Side};

/// What stands between the sockets and the app.
pub(super) struct Gate {
    exchange: Arc<Exchange>,
    server: MockServer,
    tls: Option<TlsAcceptor>,
    guests: Guests,
    pages: mpsc::UnboundedSender<Begun>,
}

/// Who comes.
#[derive(Clone)]
pub(super) enum Guests {
    /// Anybody; nobody knows them.
    Strangers,
    /// A client that is a process of its own.
    Of(Arc<ClientProcess>),
    /// Our own client, whose dials are announced.
    Own(Arc<Callers>),
}

impl Gate {
    /// A gate before this server, and the listener of those who want other pages than the protocol's.
    pub(super) fn new(
        exchange: &Arc<Exchange>,
        server: &MockServer,
        tls: Option<TlsAcceptor>,
        guests: Guests,
    ) -> (Arc<Self>, Pages) {
        let (pages, asked) = mpsc::unbounded_channel();
        let gate = Self {
            exchange: Arc::clone(exchange),
            server: server.clone(),
            tls,
            guests,
            pages,
        };
        (Arc::new(gate), Pages(asked))
    }

    /// Accepts whoever comes, as long as the server is up; while it is down nobody listens at its address. Ends where that
    /// address cannot be had again.
    pub(super) async fn open(self: Arc<Self>, mut listener: TcpListener) -> io::Result<Infallible> {
        let address = listener.local_addr()?;
        let mut listens = self.exchange.listening();
        loop {
            tokio::select! {
                biased;
                () = becomes(&mut listens, false) => {}
                accepted = listener.accept() => {
                    match accepted {
                        Ok((socket, from)) => {
                            tokio::spawn(Arc::clone(&self).receive(socket, from.port()));
                        }
                        // No socket can be had: others end before the next one is tried.
                        Err(_) => self.pause(Millis::new(50)).await,
                    }
                    continue;
                }
            }
            drop(listener);
            becomes(&mut listens, true).await;
            listener = TcpListener::bind(address).await.map_err(|error| {
                let lost = format!(
                    "{address} cannot be listened on again, as the server comes back: {error}"
                );
                io::Error::new(error.kind(), lost)
            })?;
        }
    }

    /// One socket, from its first byte to its last. Whatever goes wrong with it is its own affair.
    async fn receive(self: Arc<Self>, socket: TcpStream, port: u16) {
        // Each message goes when it is written, as the links time it.
        let _ = socket.set_nodelay(true);
        let Some(socket) = self.secured(socket).await else {
            return;
        };
        if let Guests::Own(callers) = &self.guests {
            let peer = tokio::select! {
                biased;
                peer = callers.recognize(port) => peer,
                () = self.pause(PATIENCE) => return,
            };
            return self.admit(Begun::new(Vec::new(), socket), peer, None).await;
        }
        match greeting::read(self.exchange.conductor(), socket).await {
            Ok((Wants::Page, begun)) => {
                let _ = self.pages.send(begun);
            }
            Ok((Wants::Protocol, begun)) => {
                let peer = match &self.guests {
                    Guests::Of(client) => {
                        let (attempt, handoff) = client.next_dial();
                        self.exchange.number(Some(&client.org), attempt, handoff)
                    }
                    Guests::Strangers | Guests::Own(_) => self.exchange.number(None, 0, false),
                };
                self.admit(begun, peer, Some(Side::Client)).await;
            }
            // It was gone before it had said anything.
            Err(_) => {}
        }
    }

    async fn secured(&self, socket: TcpStream) -> Option<Socket> {
        let Some(tls) = &self.tls else {
            return Some(Socket::Tcp(socket));
        };
        let tls = tokio::select! {
            biased;
            tls = tls.accept(socket) => tls.ok()?,
            () = self.pause(PATIENCE) => return None,
        };
        Some(Socket::TlsServer(Box::new(tls)))
    }

    /// Puts a link between a socket and the app, unless a fault has the server refuse it.
    async fn admit(&self, socket: Begun, peer: Peer, foreign: Option<Side>) {
        let conn = ConnectionId(peer.connection.0);
        // The kernel has answered the dial already. What a fault leaves unanswered is a connection on which nothing comes.
        loop {
            match self.server.connect(peer.clone()) {
                Connect::Accept => break,
                Connect::Refuse => {
                    self.exchange
                        .refuse(&peer, io::ErrorKind::ConnectionRefused);
                    return socket.socket().resets();
                }
                Connect::Silence => self.pause(ASK_AGAIN).await,
            }
        }
        let Ok(end) = self.exchange.connect(peer.clone(), foreign) else {
            return self.server.closed(peer.connection, Closed::Eof);
        };
        let pump = Pump {
            exchange: Arc::clone(&self.exchange),
            conn,
            side: Side::Client,
            lingers: match foreign {
                Some(_) => STRANGERS_LINGER,
                None => Millis::ZERO,
            },
        };
        pump.run(socket, end).await;
    }

    async fn pause(&self, length: Millis) {
        let conductor = self.exchange.conductor();
        conductor
            .sleep_until(conductor.now() + length, Class::Timer)
            .await;
    }
}

/// Waits until somebody listens, or nobody does.
async fn becomes(listens: &mut watch::Receiver<bool>, wanted: bool) {
    // The exchange, which says so, lives as long as the gate.
    let _ = listens.wait_for(|listens| *listens == wanted).await;
}

/// A TLS handshake takes two round trips, and our own client is known at once; whoever takes longer than this is not
/// there.
const PATIENCE: Millis = Millis::from_secs(20);
/// While a fault leaves a dial unanswered, it is asked again so often.
const ASK_AGAIN: Millis = Millis::from_secs(1);
/// A client may end its own direction and still read what the server had to say.
const STRANGERS_LINGER: Millis = Millis::from_secs(1);

/// Those who want another page than the protocol's.
pub(super) struct Pages(mpsc::UnboundedReceiver<Begun>);

impl axum::serve::Listener for Pages {
    type Io = Begun;
    type Addr = Peer;

    async fn accept(&mut self) -> (Begun, Peer) {
        match self.0.recv().await {
            Some(begun) => (begun, NOBODY),
            // No gate is left through which anybody could come.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Err(io::ErrorKind::AddrNotAvailable.into())
    }
}

/// Connections are numbered from 1; a reader of pages is none of them.
const NOBODY: Peer = Peer {
    connection: ServerConnection(0),
    account: None,
};

/// Binds the address, so that its port is known.
pub(super) async fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    open_more_files();
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

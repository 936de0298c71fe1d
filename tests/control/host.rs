//! A mock server with its control API on a socket of this machine, in a thread of its own.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use axum::serve::Listener;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_mock_server::app::{Access, Sleep, Token};
use squall_mock_server::server::{Server, ServerEvent, Settings};
use squall_mock_server::{ConnectionId, Label, MockServer, Peer, World};
use squall_protocol::{Instant, Millis, Now};

pub(crate) const TOKEN: &str = "a-token-of-this-test";

/// A server that runs until the test ends.
pub(crate) struct Host {
    pub(crate) url: String,
    address: SocketAddr,
    /// The server ends when this is dropped.
    _runs: tokio::sync::oneshot::Sender<()>,
}

/// Real time.
struct Clock(tokio::time::Instant);

impl World for Clock {
    fn now(&self) -> Now {
        Now {
            mono: Instant::START + Millis::from(self.0.elapsed()),
            wall: "2026-01-19T14:00:00Z".parse().unwrap(),
        }
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let at = self.0 + at.since_start().to_duration();
        Box::pin(tokio::time::sleep_until(at))
    }

    fn event(&self, _: &ServerEvent) {}
    fn sending(&self, _: ConnectionId, _: Label) {}
    fn reset(&self, _: ConnectionId) {}
    fn resume(&self, _: ConnectionId) {}
}

/// Whoever dials is a connection of its own number.
struct Sockets(tokio::net::TcpListener, AtomicU64);

impl Listener for Sockets {
    type Io = tokio::net::TcpStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Peer) {
        let (stream, _) = self.0.accept().await.unwrap();
        let peer = Peer {
            connection: ConnectionId(self.1.fetch_add(1, Ordering::Relaxed)),
            account: None,
        };
        (stream, peer)
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Host {
    pub(crate) fn start() -> Self {
        let (told, address) = mpsc::channel();
        let (runs, ends) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                #[expect(clippy::disallowed_methods, reason = "a server in real time")]
                let clock = Arc::new(Clock(tokio::time::Instant::now()));
                let machine = Server::new(Settings::default(), &mut ChaCha8Rng::seed_from_u64(7));
                let access = Access {
                    listens: address.ip(),
                    token: Token::new(TOKEN),
                };
                let server = MockServer::controlled(machine, clock, access);
                tokio::spawn(server.run());
                let sockets = Sockets(listener, AtomicU64::new(1));
                tokio::spawn(server.serve(sockets));
                told.send(address).unwrap();
                let _ = ends.await;
            });
        });
        let address = address.recv().unwrap();
        Self {
            url: format!("http://{address}"),
            address,
            _runs: runs,
        }
    }

    /// A client whose request for the WebSocket is sent.
    fn asking(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let request = "GET /ws/chat HTTP/1.1\r\nhost: mock\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                       sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// The first line of the answer to a request for the WebSocket.
    pub(crate) fn upgrade(&self) -> String {
        let mut stream = self.asking();
        head(&mut stream)
    }

    /// A client that has its WebSocket.
    pub(crate) fn upgraded(&self) -> TcpStream {
        let mut stream = self.asking();
        assert!(head(&mut stream).starts_with("HTTP/1.1 101"));
        stream
    }
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// Whether the stream ends.
pub(crate) fn ends(mut stream: TcpStream) -> bool {
    stream.read(&mut [0]).unwrap() == 0
}

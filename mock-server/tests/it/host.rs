//! A host for the tests: an in-memory listener, a paused clock, a diary, and a client made of the protocol's parts.

use std::future::Future;
use std::sync::{Arc, Mutex};

use axum::serve::Listener;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_mock_server::app::{Access, Sleep};
use squall_mock_server::fault::Connect;
use squall_mock_server::server::{Server, ServerEvent, Settings};
use squall_mock_server::{ConnectionId, Label, MockServer, Peer, World};
use squall_protocol::keys::KeyPair;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Millis, Now};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

pub(crate) use crate::client::Client;

/// A server that runs, and what it told.
pub(crate) struct Host {
    pub(crate) server: MockServer,
    pub(crate) diary: Arc<Diary>,
    dial: mpsc::UnboundedSender<(DuplexStream, Peer)>,
    dials: Arc<Mutex<u64>>,
}

pub(crate) struct Diary {
    began: tokio::time::Instant,
    events: Mutex<Vec<ServerEvent>>,
    labels: Mutex<Vec<Label>>,
    resets: Mutex<Vec<ConnectionId>>,
    rotations: Mutex<Vec<[u8; 32]>>,
}

impl World for Diary {
    fn now(&self) -> Now {
        let mono = Instant::START + Millis::from(self.began.elapsed());
        let start: jiff::Timestamp = "2026-01-19T09:00:00-05:00".parse().unwrap();
        let passed = i64::try_from(mono.since_start().get()).unwrap();
        Now {
            mono,
            wall: start + jiff::SignedDuration::from_millis(passed),
        }
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Box::pin(tokio::time::sleep_until(
            self.began + at.since_start().to_duration(),
        ))
    }

    fn event(&self, event: &ServerEvent) {
        self.events.lock().unwrap().push(event.clone());
    }

    fn sending(&self, _: ConnectionId, label: Label) {
        self.labels.lock().unwrap().push(label);
    }

    fn reset(&self, connection: ConnectionId) {
        self.resets.lock().unwrap().push(connection);
    }

    fn resume(&self, _: ConnectionId) {}

    fn key_rotated(&self, keys: &KeyPair) {
        self.rotations.lock().unwrap().push(keys.public());
    }
}

struct Dialed(mpsc::UnboundedReceiver<(DuplexStream, Peer)>);

impl Listener for Dialed {
    type Io = DuplexStream;
    type Addr = Peer;

    async fn accept(&mut self) -> (DuplexStream, Peer) {
        match self.0.recv().await {
            Some(dialed) => dialed,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Peer> {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// Runs a test with a host.
pub(crate) fn run<F: Future<Output = ()>>(settings: Settings, test: impl FnOnce(Host) -> F) {
    run_with(settings, MockServer::new, None, test);
}

/// The same with the control API, where nobody waits longer than that for the head of a request.
pub(crate) fn timed<F: Future<Output = ()>>(patience: Millis, test: impl FnOnce(Host) -> F) {
    let app = |server, world| MockServer::controlled(server, world, Access::default());
    run_with(Settings::default(), app, Some(patience), test);
}

/// Runs a test with a host whose control API is for whoever has access.
pub(crate) fn controlled<F: Future<Output = ()>>(access: Access, test: impl FnOnce(Host) -> F) {
    let settings = Settings {
        guard: None,
        ..Settings::default()
    };
    let app = |server, world| MockServer::controlled(server, world, access);
    run_with(settings, app, None, test);
}

fn run_with<F: Future<Output = ()>>(
    settings: Settings,
    app: impl FnOnce(Server, Arc<dyn World>) -> MockServer,
    patience: Option<Millis>,
    test: impl FnOnce(Host) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        #[expect(
            clippy::disallowed_methods,
            reason = "the tests are a shell: their clock is the paused one"
        )]
        let began = tokio::time::Instant::now();
        let diary = Arc::new(Diary {
            began,
            events: Mutex::default(),
            labels: Mutex::default(),
            resets: Mutex::default(),
            rotations: Mutex::default(),
        });
        let machine = Server::new(settings, &mut ChaCha8Rng::seed_from_u64(7));
        let server = app(machine, diary.clone());
        let (dial, dialed) = mpsc::unbounded_channel();
        match patience {
            Some(patience) => tokio::spawn(server.clone().serve_timed(Dialed(dialed), patience)),
            None => tokio::spawn(server.clone().serve(Dialed(dialed))),
        };
        tokio::spawn(server.run());
        test(Host {
            server,
            diary,
            dial,
            dials: Arc::default(),
        })
        .await;
    });
}

/// Milliseconds since the host began.
pub(crate) fn at(host: &Host) -> u64 {
    host.diary.now().mono.since_start().get()
}

/// The event's name.
pub(crate) fn name(event: &ServerEvent) -> &'static str {
    match event {
        ServerEvent::Accepted { .. } => "accepted",
        ServerEvent::Refused { .. } => "refused",
        ServerEvent::Upgraded { .. } => "upgraded",
        ServerEvent::Login { .. } => "login",
        ServerEvent::PairSuccess { .. } => "pair_success",
        ServerEvent::Phone { .. } => "phone",
        ServerEvent::Closed { .. } => "closed",
        _ => "other",
    }
}

impl Host {
    pub(crate) fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(at(self) + 1)
    }

    pub(crate) fn events(&self) -> Vec<ServerEvent> {
        self.diary.events.lock().unwrap().clone()
    }

    pub(crate) fn labels(&self) -> Vec<Label> {
        self.diary.labels.lock().unwrap().clone()
    }

    pub(crate) fn resets(&self) -> Vec<ConnectionId> {
        self.diary.resets.lock().unwrap().clone()
    }

    /// The public keys that the server has taken.
    pub(crate) fn rotations(&self) -> Vec<[u8; 32]> {
        self.diary.rotations.lock().unwrap().clone()
    }

    pub(crate) fn device(&self) -> Device {
        Device::generate(&mut ChaCha8Rng::seed_from_u64(99))
    }

    pub(crate) fn paired(&self, account: &str) -> Device {
        let mut device = self.device();
        self.server.create_account(account, Some(&mut device));
        device
    }

    /// Lets every task go as far as it can in this millisecond.
    pub(crate) async fn settle(&self) {
        tokio::time::sleep(Millis::new(1).to_duration()).await;
    }

    /// Tells the server of a connection that no stream belongs to.
    pub(crate) fn upgraded_peer(&self, connection: u64) {
        let peer = Peer {
            connection: ConnectionId(connection),
            account: None,
        };
        assert_eq!(self.server.connect(peer), Connect::Accept);
    }

    pub(crate) fn stream(&self) -> DuplexStream {
        let mut dials = self.dials.lock().unwrap();
        *dials += 1;
        let peer = Peer {
            connection: ConnectionId(*dials),
            account: None,
        };
        let (ours, theirs) = duplex(1 << 16);
        assert_eq!(self.server.connect(peer.clone()), Connect::Accept);
        self.dial.send((theirs, peer)).unwrap();
        ours
    }

    /// A stream of somebody who is no client, and so no connection.
    pub(crate) fn unannounced(&self) -> DuplexStream {
        let peer = Peer {
            connection: ConnectionId(u64::MAX),
            account: None,
        };
        let (ours, theirs) = duplex(1 << 16);
        self.dial.send((theirs, peer)).unwrap();
        ours
    }

    /// The head of the answer to a plain request.
    pub(crate) async fn raw_request(&self, path: &str, headers: &str) -> String {
        let mut stream = self.stream();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

//! The server behind axum: any listener, one app.
//!
//! [`MockServer`] is a handle that is cheap to clone. Each connection is one task, which reads first, then writes what is
//! queued for it; one more task, [`MockServer::run`], waits for the server's timers. What one task's input makes the
//! server say to another connection goes through that connection's channel.

mod admin;
mod connection;
mod dashboard;
mod date;
mod frame_faults;
mod timed;
mod traffic;
mod upgrade;
mod watched;
mod world;

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::serve::Listener;
use compact_str::CompactString;
use squall_protocol::certificate::TrustedRoot;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Now};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::fault::{Connect, FaultId, FaultSpec, Handed, Passage, Read, Target, Write};
use crate::id::{ConnectionId, Peer};
use crate::server::{Closed, Input, Output, Server, ServerEvent};
use admin::Control;
use connection::Wire;
use traffic::Traffic;

pub use admin::{Access, Token};
pub use frame_faults::FrameFaults;
pub use watched::{Watched, Watching};
pub use world::{Label, Received, Sleep, World};

/// A running mock server: the machine, its host, and the ways to its connections.
#[derive(Clone)]
pub struct MockServer(Arc<Shared>);

struct Shared {
    core: Mutex<Core>,
    world: Arc<dyn World>,
    /// What the control API keeps, where there is one.
    control: Option<Control>,
    /// Whether any fault stands, so that nobody takes the lock to hear that none does.
    faulty: AtomicBool,
    /// The server's earliest timer has become earlier.
    earlier: Notify,
}

struct Core {
    server: Server,
    routes: BTreeMap<ConnectionId, Route>,
    /// What the timer task sleeps for.
    sleeps_until: Option<Instant>,
}

/// The way to a connection, from its upgrade on.
struct Route {
    sender: UnboundedSender<Wire>,
    traffic: Arc<Traffic>,
}

impl MockServer {
    /// This machine in this world.
    pub fn new(server: Server, world: Arc<dyn World>) -> Self {
        Self::with_control(server, world, None)
    }

    /// The same, with the control API for whoever has access.
    pub fn controlled(server: Server, world: Arc<dyn World>, access: Access) -> Self {
        Self::with_control(server, world, Some(Control::new(access)))
    }

    fn with_control(server: Server, world: Arc<dyn World>, control: Option<Control>) -> Self {
        Self(Arc::new(Shared {
            core: Mutex::new(Core {
                server,
                routes: BTreeMap::new(),
                sleeps_until: None,
            }),
            world,
            control,
            faulty: AtomicBool::new(false),
            earlier: Notify::new(),
        }))
    }

    /// The app, `/ws/chat` and the [pages](Self::pages), for a listener with this kind of stream behind [`Watching`]; [`MockServer::serve`] puts them
    /// together.
    pub fn router<Io>(&self) -> Router
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        Router::new()
            .route("/ws/chat", axum::routing::any(upgrade::on_request::<Io>))
            .merge(admin::pages(self))
            .layer(axum::middleware::map_response_with_state(
                self.clone(),
                date::stamp,
            ))
            .with_state(self.clone())
    }

    /// Everything but `/ws/chat`: the control API and the dashboard. For a listener that knows who is no client, so that whoever asks is no
    /// connection of the run.
    pub fn pages(&self) -> Router {
        admin::pages(self)
            .layer(axum::middleware::map_response_with_state(
                self.clone(),
                date::stamp,
            ))
            .with_state(self.clone())
    }

    /// Serves the app on this listener, for ever. Nobody is timed: that is [`serve_timed`](Self::serve_timed)'s.
    pub async fn serve<L>(self, listener: L)
    where
        L: Listener<Addr = Peer>,
    {
        let app = self
            .router::<L::Io>()
            .into_make_service_with_connect_info::<Peer>();
        // `axum::serve` ends only by a graceful shutdown, and it is given none.
        let _ = axum::serve(Watching::new(listener, self), app).await;
    }

    /// Wakes the server at its times, for ever. One task of the host's.
    pub fn run(&self) -> impl Future<Output = ()> + Send + 'static {
        let server = self.clone();
        async move {
            loop {
                let wait = {
                    let mut core = server.lock();
                    core.sleeps_until = core.server.wakes_at();
                    core.sleeps_until
                };
                let earlier = server.0.earlier.notified();
                match wait {
                    None => earlier.await,
                    Some(at) => {
                        tokio::select! {
                            biased;
                            () = earlier => {}
                            () = server.0.world.sleep_until(at) => server.input(Input::Timeout),
                        }
                    }
                }
            }
        }
    }

    /// A client dials: asked by the link before it opens, and again while no answer came; see [`Server::on_connect`].
    pub fn connect(&self, peer: Peer) -> Connect {
        self.with(None, |server, now| server.on_connect(now, peer))
    }

    /// What the link is to do with a message, on top of its own latency: asked for each message when it is handed over,
    /// and again for what it holds after [`World::resume`].
    #[inline]
    pub fn carry(&self, connection: ConnectionId, message: Handed) -> Passage {
        if !self.has_faults() {
            return Passage::default();
        }
        self.with(None, |server, now| server.carry(now, connection, message))
    }

    /// Whether this connection is read from.
    fn reads(&self, connection: ConnectionId) -> bool {
        !self.has_faults()
            || self.with(None, |server, now| server.on_read(now, connection)) == Read::Read
    }

    /// How much of a frame of this connection is written.
    fn writes(&self, connection: ConnectionId) -> Write {
        if !self.has_faults() {
            return Write::Whole;
        }
        self.with(None, |server, now| server.on_write(now, connection))
    }

    /// The link of this connection is gone. The app says so itself of every stream that the listener handed out.
    pub fn closed(&self, connection: ConnectionId, how: Closed) {
        self.lock().routes.remove(&connection);
        self.input(Input::Closed(connection, how));
    }

    /// Puts a fault on: to stand, or with `once` to be injected.
    pub fn put_fault(&self, id: FaultId, spec: FaultSpec, target: Target, once: bool) {
        self.input(Input::Fault {
            id,
            spec,
            target,
            once,
        });
    }

    /// Takes a fault off.
    pub fn remove_fault(&self, id: FaultId) {
        self.input(Input::FaultOff(id));
    }

    /// Takes every fault off.
    pub fn clear_faults(&self) {
        self.input(Input::ClearFaults);
    }

    /// A client shows this QR code where the phone of `account` sees it.
    pub fn phone_sees_qr(&self, account: &str, qr: &str) {
        self.input(Input::PhoneSeesQr(
            CompactString::from(account),
            qr.to_owned(),
        ));
    }

    /// A phone scans this QR code at once: that of the account that the connection belongs to.
    pub fn scan_qr(&self, qr: &str) {
        self.input(Input::ScanQr(qr.to_owned()));
    }

    /// Makes an account; see [`Server::create_account`].
    pub fn create_account(&self, name: &str, paired: Option<&mut Device>) {
        self.lock().server.create_account(name, paired);
    }

    /// The root public key that clients have to trust.
    pub fn root(&self) -> TrustedRoot {
        self.lock().server.root()
    }

    /// Looks at the machine.
    pub fn look<R>(&self, look: impl FnOnce(&Server) -> R) -> R {
        look(&self.lock().server)
    }

    /// Gives the machine one input.
    pub fn input(&self, input: Input) {
        self.with(None, |server, now| server.handle_input(now, input));
    }

    #[inline]
    fn has_faults(&self) -> bool {
        self.0.faulty.load(Ordering::Relaxed)
    }

    fn now(&self) -> Now {
        self.0.world.now()
    }

    fn route(&self, connection: ConnectionId) -> UnboundedReceiver<Wire> {
        let (sender, receiver) = unbounded_channel();
        let traffic = Arc::default();
        self.lock()
            .routes
            .insert(connection, Route { sender, traffic });
        receiver
    }

    /// The counters of this connection; where it speaks no WebSocket, those of none.
    fn traffic(&self, connection: ConnectionId) -> Arc<Traffic> {
        let core = self.lock();
        let route = core.routes.get(&connection);
        route.map_or_else(Arc::default, |route| Arc::clone(&route.traffic))
    }

    /// Asks or tells the machine something, and does what it wants done: what it says to `own` is queued there, the rest
    /// goes where it belongs.
    fn with<R>(
        &self,
        mut own: Option<(ConnectionId, &mut VecDeque<Wire>)>,
        ask: impl FnOnce(&mut Server, Now) -> R,
    ) -> R {
        let now = self.now();
        let mut told = Told::default();
        let mut core = self.lock();
        let Core {
            server,
            routes,
            sleeps_until,
        } = &mut *core;
        let answer = ask(server, now);
        while let Some(output) = server.poll_output() {
            let (connection, wire) = match output {
                Output::Send(connection, node) => (connection, Wire::Stanza(node)),
                Output::Corrupt(connection, node) => (connection, Wire::Corrupt(node)),
                Output::Ping(connection, payload) => (connection, Wire::Ping(payload)),
                Output::Pong(connection, payload) => (connection, Wire::Pong(payload)),
                Output::Malformed(connection, kind) => (connection, Wire::Malformed(kind)),
                Output::Close(connection, code, reason) => (connection, Wire::Close(code, reason)),
                Output::Eof(connection) => (connection, Wire::Eof),
                Output::Reset(connection) => {
                    told.0.push(Tell::Reset(connection));
                    continue;
                }
                Output::Resume(connection) => {
                    told.0.push(Tell::Resume(connection));
                    (connection, Wire::Look)
                }
                Output::Event(event) => {
                    told.0.push(Tell::Event(event));
                    continue;
                }
            };
            match &mut own {
                Some((id, queue)) if *id == connection => queue.push_back(wire),
                // A connection without a route has gone, or speaks HTTP still.
                _ => {
                    if let Some(route) = routes.get(&connection) {
                        let _ = route.sender.send(wire);
                    }
                }
            }
        }
        let faulty = !server.faults().is_empty();
        if self.has_faults() != faulty {
            self.0.faulty.store(faulty, Ordering::Relaxed);
        }
        let wakes_at = server.wakes_at();
        let earlier = match (wakes_at, *sleeps_until) {
            (Some(at), Some(until)) => at < until,
            (at, until) => at.is_some() && until.is_none(),
        };
        if earlier {
            *sleeps_until = wakes_at;
        }
        drop(core);
        if earlier {
            self.0.earlier.notify_one();
        }
        told.tell(&self.0, now);
        answer
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // A panic under the lock is a broken invariant, reported where it happened; the others go on.
        self.0.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for MockServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MockServer")
    }
}

/// What the host is told once the lock is free, so that it may call back.
#[derive(Default)]
struct Told(Vec<Tell>);

enum Tell {
    Event(ServerEvent),
    Reset(ConnectionId),
    Resume(ConnectionId),
}

impl Told {
    fn tell(self, shared: &Shared, now: Now) {
        let world = &shared.world;
        for tell in self.0 {
            match tell {
                Tell::Event(event) => {
                    world.event(&event);
                    if let Some(control) = &shared.control {
                        control.log.write(now.wall, event);
                    }
                }
                Tell::Reset(connection) => world.reset(connection),
                Tell::Resume(connection) => world.resume(connection),
            }
        }
    }
}

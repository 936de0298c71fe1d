//! The exchange: makes a link for every dial and hands its far end to the server's listener.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_mock_server::{ConnectionId as ServerConnection, Peer};
use squall_protocol::Millis;
use tokio::sync::mpsc;

use crate::engine::wire::conductor::Conductor;
use crate::engine::wire::delay::Delay;
use crate::engine::wire::link::{End, Link};
use crate::engine::wire::pipe::Weather;
use crate::engine::wire::recorder::Recorder;
use crate::seed::Seed;
use crate::trace::{ConnectionId, Event, Message, OrgName, Side};

/// Makes the links of a run and knows those that live.
pub(crate) struct Exchange {
    conductor: Arc<Conductor>,
    recorder: Arc<Recorder>,
    weather: Arc<dyn Weather>,
    latency: (Millis, Millis),
    seed: Seed,
    accept: mpsc::UnboundedSender<(End, Peer)>,
    links: Mutex<Links>,
}

#[derive(Default)]
struct Links {
    dialed: u64,
    /// Nobody listens: the server is down.
    deaf: bool,
    live: BTreeMap<ConnectionId, Link>,
}

impl Exchange {
    /// An exchange, and the listener that its links lead to.
    pub(crate) fn new(
        conductor: &Arc<Conductor>,
        recorder: &Arc<Recorder>,
        weather: Arc<dyn Weather>,
        seed: Seed,
        latency: (Millis, Millis),
    ) -> (Arc<Self>, Listener) {
        let (accept, accepted) = mpsc::unbounded_channel();
        let exchange = Self {
            conductor: Arc::clone(conductor),
            recorder: Arc::clone(recorder),
            weather,
            latency,
            seed,
            accept,
            links: Mutex::default(),
        };
        (Arc::new(exchange), Listener { accepted })
    }

    /// Numbers a dial and writes it down; whether it may connect is asked next.
    pub(crate) fn number(&self, org: &OrgName, attempt: u64, handoff: bool) -> Peer {
        let mut links = self.lock();
        links.dialed += 1;
        let conn = ConnectionId(links.dialed);
        drop(links);
        self.recorder.record(Event::Dial {
            conn,
            org: org.clone(),
            attempt,
            handoff,
        });
        Peer {
            connection: ServerConnection(conn.0),
            account: Some(org.clone()),
        }
    }

    /// Whether anybody listens where a dial leads.
    pub(crate) fn listens(&self) -> bool {
        !self.lock().deaf
    }

    /// From now on somebody listens there, or nobody.
    pub(crate) fn listen(&self, listens: bool) {
        self.lock().deaf = !listens;
    }

    /// The server's process dies: each of its connections ends as its kernel ends it, reset or by the end of the stream.
    pub(crate) fn server_dies(&self, reset: bool) {
        let links: Vec<Link> = self.lock().live.values().cloned().collect();
        links.iter().for_each(|link| link.server_dies(reset));
    }

    /// The dial fails before a byte goes over it.
    pub(crate) fn refuse(&self, peer: &Peer, why: io::ErrorKind) -> io::Error {
        self.recorder.record(Event::ConnectRefused {
            conn: ConnectionId(peer.connection.0),
        });
        why.into()
    }

    /// The client gives a dial up that nobody has answered.
    pub(crate) fn give_up(&self, peer: &Peer) {
        self.recorder.record(Event::Unanswered {
            conn: ConnectionId(peer.connection.0),
        });
    }

    /// The clock of the run, which the kernels at both ends go by.
    pub(crate) fn conductor(&self) -> &Arc<Conductor> {
        &self.conductor
    }

    /// Makes the link; the client's end is returned, the other goes to the listener.
    pub(crate) fn connect(&self, peer: Peer) -> io::Result<End> {
        let conn = ConnectionId(peer.connection.0);
        // Every direction of every link draws from a stream of its own.
        let delay = |towards: &str| {
            let stream = format!("link/{}/to {towards}", conn.0);
            Delay::new(self.latency, self.seed.stream(&stream))
        };
        let (link, client, server) = Link::new(
            conn,
            &self.conductor,
            &self.recorder,
            &self.weather,
            [delay("server"), delay("client")],
        );
        let mut links = self.lock();
        links.live.retain(|_, link| link.is_alive());
        links.live.insert(conn, link);
        drop(links);
        self.recorder.record(Event::Accepted { conn });
        self.accept
            .send((server, peer))
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(client)
    }

    /// Says what the next binary frame that `from` writes carries.
    pub(crate) fn label(&self, conn: ConnectionId, from: Side, message: Message) {
        if let Some(link) = self.lock().live.get(&conn) {
            link.pipe(from).label(message);
        }
    }

    /// Resets a link.
    pub(crate) fn reset(&self, conn: ConnectionId) {
        let link = self.lock().live.get(&conn).cloned();
        if let Some(link) = link {
            link.reset();
        }
    }

    /// What the weather held on a link flows again.
    pub(crate) fn flow(&self, conn: ConnectionId) {
        let link = self.lock().live.get(&conn).cloned();
        if let Some(link) = link {
            link.pipe(Side::Client).flow();
            link.pipe(Side::Server).flow();
        }
    }

    /// The weather has changed on every link, also on those whose server's end is gone: what it said last may be under way.
    pub(crate) fn flow_all(&self) {
        let links: Vec<Link> = self.lock().live.values().cloned().collect();
        for link in links {
            link.pipe(Side::Client).flow();
            link.pipe(Side::Server).flow();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The server's listener: what was dialed is accepted, in order.
pub(crate) struct Listener {
    accepted: mpsc::UnboundedReceiver<(End, Peer)>,
}

impl axum::serve::Listener for Listener {
    type Io = End;
    type Addr = Peer;

    async fn accept(&mut self) -> (End, Peer) {
        match self.accepted.recv().await {
            Some(accepted) => accepted,
            // No exchange is left that could dial.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Err(io::ErrorKind::AddrNotAvailable.into())
    }
}

//! The exchange: makes a link for every dial and hands its far end to the server's listener.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_mock_server::{ConnectionId as ServerConnection, Peer};
use squall_protocol::Millis;
use tokio::sync::{mpsc, watch};

use crate::engine::conductor::Conductor;
use crate::engine::link::delay::Delay;
use crate::engine::link::pipe::{Make, Weather};
use crate::engine::link::{End, Link};
use crate::engine::recorder::Recorder;
use crate::seed::Seed;
use crate::trace::{ConnectionId, Event, Message, OrgName, Side};

/// Makes the links of a run and knows those that live.
pub(crate) struct Exchange {
    conductor: Arc<Conductor>,
    recorder: Arc<Recorder>,
    weather: Arc<dyn Weather>,
    latency: (Millis, Millis),
    seed: Seed,
    room: usize,
    accept: mpsc::UnboundedSender<(End, Peer)>,
    /// Whether any link has ever had a foreign end.
    foreign: AtomicBool,
    /// Whether anybody listens: nobody does while the server is down.
    listens: watch::Sender<bool>,
    links: Mutex<Links>,
}

#[derive(Default)]
struct Links {
    dialed: u64,
    live: BTreeMap<ConnectionId, Link>,
}

impl Exchange {
    /// An exchange, and the listener that its links lead to.
    pub(crate) fn new(
        conductor: &Arc<Conductor>,
        recorder: &Arc<Recorder>,
        weather: Arc<dyn Weather>,
        seed: Seed,
        (latency, room): ((Millis, Millis), usize),
    ) -> (Arc<Self>, Listener) {
        let (accept, accepted) = mpsc::unbounded_channel();
        let exchange = Self {
            conductor: Arc::clone(conductor),
            recorder: Arc::clone(recorder),
            weather,
            latency,
            seed,
            room,
            accept,
            foreign: AtomicBool::new(false),
            listens: watch::Sender::new(true),
            links: Mutex::default(),
        };
        (Arc::new(exchange), Listener { accepted })
    }

    /// Numbers a dial and writes it down; whether it may connect is asked next. Of a stranger nobody knows the
    /// organization yet: then it has no name.
    pub(crate) fn number(&self, org: Option<&OrgName>, attempt: u64, handoff: bool) -> Peer {
        let mut links = self.lock();
        links.dialed += 1;
        let conn = ConnectionId(links.dialed);
        drop(links);
        self.recorder.record(Event::Dial {
            conn,
            org: org.cloned().unwrap_or_default(),
            attempt,
            handoff,
        });
        Peer {
            connection: ServerConnection(conn.0),
            account: org.cloned(),
        }
    }

    /// Whether anybody listens where a dial leads.
    pub(crate) fn listens(&self) -> bool {
        *self.listens.borrow()
    }

    /// From now on somebody listens there, or nobody.
    pub(crate) fn listen(&self, listens: bool) {
        self.listens.send_replace(listens);
    }

    /// Hears whether anybody listens.
    pub(crate) fn listening(&self) -> watch::Receiver<bool> {
        self.listens.subscribe()
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
    pub(crate) fn connect(&self, peer: Peer, foreign: Option<Side>) -> io::Result<End> {
        let (client, server) = self.link(&peer, foreign);
        self.accept
            .send((server, peer))
            .map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(client)
    }

    /// Makes the link, and returns both its ends, the client's first. A side that is not ours is foreign.
    pub(crate) fn link(&self, peer: &Peer, foreign: Option<Side>) -> (End, End) {
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
            Make {
                foreign,
                room: self.room,
            },
        );
        if foreign.is_some() {
            self.foreign.store(true, Ordering::Relaxed);
        }
        let mut links = self.lock();
        links.live.retain(|_, link| link.is_alive());
        links.live.insert(conn, link);
        drop(links);
        self.recorder.record(Event::Accepted { conn });
        (client, server)
    }

    /// Says what the next binary frame that `from` writes carries.
    pub(crate) fn label(&self, conn: ConnectionId, from: Side, message: Message) {
        if let Some(link) = self.lock().live.get(&conn) {
            link.pipe(from).label(message);
        }
    }

    /// Whether any link has ever had a foreign end.
    #[inline]
    pub(crate) fn has_strangers(&self) -> bool {
        self.foreign.load(Ordering::Relaxed)
    }

    /// Says what a binary frame carried that `from` wrote and the other side has opened now.
    pub(crate) fn opened(&self, conn: ConnectionId, from: Side, message: impl FnOnce() -> Message) {
        if !self.has_strangers() {
            return;
        }
        let pipe = self
            .lock()
            .live
            .get(&conn)
            .map(|link| Arc::clone(link.pipe(from)));
        if let Some(pipe) = pipe {
            pipe.opened(message());
        }
    }

    /// How many links live.
    pub(crate) fn live(&self) -> usize {
        let links = self.lock();
        links.live.values().filter(|link| link.is_alive()).count()
    }

    /// This end of a link resets it: what it has written and was not delivered is lost, and the other end learns of it.
    pub(crate) fn reset_by(&self, conn: ConnectionId, side: Side) {
        let link = self.lock().live.get(&conn).cloned();
        if let Some(link) = link {
            link.pipe(side).cut(Message::Reset);
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

//! The gateway on a paused clock, its links leading to a server made of `protocol` alone.

mod concurrent;
mod life;
mod restart;
mod store;

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};

use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use squall_protocol::jid::Jid;
use squall_protocol::pairing::{Account, Login, PairSuccess, parse_qr};
use squall_protocol::{Instant, Millis, Node, Now};
use tokio::io::DuplexStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::driver::tests::Paused;
use crate::driver::tests::peer::{Authority, Peer};
use crate::machine::Dial;
use crate::state::State;
use crate::store::MemoryStore;

/// The world of a test. What dials reaches the test.
#[derive(Clone)]
pub(super) struct TestWorld {
    clock: Paused,
    servers: UnboundedSender<DuplexStream>,
}

impl Clock for TestWorld {
    fn now(&self) -> Now {
        self.clock.now()
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static {
        self.clock.sleep_until(at)
    }
}

impl Connector for TestWorld {
    type Stream = DuplexStream;

    fn connect(&self, _: &Dial) -> impl Future<Output = io::Result<DuplexStream>> + Send + 'static {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let _ = self.servers.send(theirs);
        std::future::ready(Ok(ours))
    }
}

impl World for TestWorld {
    type Own = Self;

    fn own(&self, _: &OrgId) -> Self {
        self.clone()
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}

/// Keeps the states that were told, and what was told of the store.
struct Told(Arc<Mutex<Vec<(OrgId, State)>>>, Arc<Mutex<Vec<Notice>>>);

impl Listener for Told {
    fn event(&self, _: Now, org: &OrgId, event: &Event) {
        if let Event::State(state) = event {
            let mut told = self.0.lock().expect("unpoisoned");
            told.push((org.clone(), *state));
        }
    }

    fn store(&self, _: Now, _: &OrgId, notice: &Notice) {
        self.1.lock().expect("unpoisoned").push(notice.clone());
    }
}

/// A gateway, its store, and the test's end of everything.
pub(super) struct House {
    pub(super) clock: Paused,
    pub(super) store: MemoryStore,
    pub(super) gateway: Gateway<MemoryStore, TestWorld>,
    found: Found,
    servers: UnboundedReceiver<DuplexStream>,
    authority: Authority,
    /// The states that were told, with whose they are.
    told: Arc<Mutex<Vec<(OrgId, State)>>>,
    /// What was told of the store.
    of_the_store: Arc<Mutex<Vec<Notice>>>,
}

fn setting(authority: &Authority) -> Setting {
    Setting {
        policy: Policy::default(),
        root: authority.root(),
        authority: "web.whatsapp.com".to_owned(),
        rng: ChaCha8Rng::seed_from_u64(7),
    }
}

impl House {
    pub(super) fn new() -> Self {
        Self::on(MemoryStore::new(), Paused::new())
    }

    /// Boots on a store, as the process after one that died or ended.
    fn on(store: MemoryStore, clock: Paused) -> Self {
        let authority = Authority::new(clock.now().wall);
        let (sender, servers) = unbounded_channel();
        let told = Arc::new(Mutex::new(Vec::new()));
        let of_the_store = Arc::new(Mutex::new(Vec::new()));
        let log = Told(Arc::clone(&told), Arc::clone(&of_the_store));
        let (gateway, found) = Gateway::boot(
            store.clone(),
            setting(&authority),
            TestWorld {
                clock,
                servers: sender,
            },
            Box::new(log),
        )
        .expect("a healthy store");
        Self {
            clock,
            store,
            gateway,
            found,
            servers,
            authority,
            told,
            of_the_store,
        }
    }

    pub(super) async fn secured(&mut self) -> Peer {
        let stream = self.servers.recv().await.expect("the gateway lives");
        Peer::accept(stream, &self.authority).await
    }

    /// A server that has greeted the client and answered its first requests.
    pub(super) async fn connected(&mut self) -> Peer {
        let mut peer = self.secured().await;
        peer.send(&Node::new("success")).await;
        for _ in 0..3 {
            let asked = peer.receive().await;
            peer.answer(&asked).await;
        }
        assert_eq!(peer.receive().await.tag, "presence");
        peer
    }

    /// Starts `org`, pairs it, and connects.
    async fn paired(&mut self, org: &OrgId) -> Peer {
        self.gateway.start(org).expect("admitted");
        let mut first = self.secured().await;
        self.pair(&mut first, org).await;
        self.connected().await
    }

    /// Offers a QR code, scans what the gateway shows, and asks for the second login.
    async fn pair(&mut self, peer: &mut Peer, org: &OrgId) {
        self.offer(peer, org).await;
        self.scan(peer, org).await;
    }

    /// The server offers a reference, which the gateway shows.
    pub(super) async fn offer(&self, peer: &mut Peer, org: &OrgId) {
        let offer = Node::new("pair-device").child(Node::new("ref").bytes(*b"ref-1"));
        peer.send(&set("1", offer)).await;
        assert_eq!(peer.receive().await.get("type"), Some("result"));
        self.stands(org, State::AwaitingQrScan).await;
    }

    /// What the phone sees.
    pub(super) fn code(&self, org: &OrgId) -> String {
        self.gateway.qr(org).expect("a code is shown")
    }

    /// The phone scans what is shown, and the server asks for the second login.
    pub(super) async fn scan(&self, peer: &mut Peer, org: &OrgId) {
        let Login::Registration(registration) = &peer.login else {
            panic!("an unpaired client registers, not {:?}", peer.login);
        };
        let identity = registration.identity;
        let code = self.code(org);
        let code = parse_qr(&code).expect("a QR code");
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let account = Account::generate(&mut rng);
        let what = PairSuccess {
            identity: &identity,
            jid: Jid::phone(15_550_100, 1),
            lid: Jid::lid(100, 1),
            platform: "android",
            key_index: 1,
            now: self.clock.now().wall,
        };
        let success = account.pair_success(&what, &code.adv_secret, &mut rng);
        peer.send(&set("2", success)).await;
        assert!(peer.receive().await.find("pair-device-sign").is_some());
        let restart = Node::new("stream:error").attr("code", "515");
        peer.send(&restart).await;
    }

    pub(super) fn start(&self, org: &OrgId) {
        self.gateway.start(org).expect("admitted");
    }

    /// Waits until an organization is said to stand here.
    pub(super) async fn stands(&self, org: &OrgId, state: State) {
        for _ in 0..10_000 {
            let standing = self.gateway.standing(org);
            if standing.is_ok_and(|standing| standing.status.state == state) {
                return;
            }
            self.pass(Millis::new(1)).await;
        }
        panic!("{org} never is {state}: {:?}", self.gateway.standing(org));
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, length: Millis) {
        self.clock.sleep_until(self.clock.mono() + length).await;
    }

    fn state(&self, org: &OrgId) -> State {
        self.gateway.standing(org).expect("known").status.state
    }

    /// Whether anything has dialed that no test has answered.
    fn has_dialed(&mut self) -> bool {
        self.servers.try_recv().is_ok()
    }
}

fn set(id: &str, child: Node) -> Node {
    Node::new("iq")
        .attr("from", "s.whatsapp.net")
        .attr("type", "set")
        .attr("id", id)
        .attr("xmlns", "md")
        .child(child)
}

fn org(name: &str) -> OrgId {
    OrgId::new(name)
}

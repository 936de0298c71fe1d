//! The gateway: a session for each organization, behind one limiter on one store, for an operator to ask.
//!
//! It dials for nobody of its own accord, and boots without dialing whatever the store says. One lock stands around the
//! limiter and the list of organizations, so what is asked at the same time is answered one after the other.

mod events;
mod host;
#[cfg(feature = "http")]
pub mod http;
mod measures;
mod notice;
mod operator;
mod organization;
mod unwritten;

#[cfg(all(test, loom))]
mod orders;
#[cfg(all(test, not(loom)))]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, PoisonError};

use futures_util::future::select;
use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use squall_protocol::certificate::TrustedRoot;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Millis, Node, Now};
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;

use crate::driver::{self, Clock, Connector, DriverConfig, Label};
use crate::id::{AttemptId, LinkId, OrgId};
use crate::limiter::{Found, Limiter};
use crate::machine::{Event, Revocation};
use crate::policy::Policy;
use crate::session::Session;
use crate::store::{Contents, Store, StoreError};
use crate::sync::{Mutex, MutexGuard};

use host::OrgHost;
use measures::Denials;
use organization::Organization;
use unwritten::Unwritten;

pub use events::{Entry, Events, Gap, Place, Told, What};
pub use measures::{Measures, OfOrganization};
pub use notice::{Ended, More, Notice};
pub use operator::{
    Asked, Decision, Denied, Granted, Limits, NoQr, NoSuchOrganization, Operator, Standing,
};

/// The world that a gateway runs in: its time, its links and its tasks.
pub trait World: Clock + Clone + Send + Sync + 'static {
    /// The same world for what belongs to one organization alone: its timers and its links.
    type Own: Clock + Connector + Send + Sync + 'static;

    /// What belongs to this organization. Asked once, when its session is opened.
    fn own(&self, org: &OrgId) -> Self::Own;

    /// Runs a task beside all others, until it ends or the process does.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static);
}

/// Hears what happens to every organization, in the millisecond it happens and in order. It does not wait.
pub trait Listener: Send + Sync + 'static {
    /// Something happened. This is called under the gateway's lock: it asks the gateway nothing.
    fn event(&self, now: Now, org: &OrgId, event: &Event);

    /// An operator asked for a start or a stop. This is called under the gateway's lock too.
    fn asked(&self, _at: Timestamp, _org: &OrgId, _notice: &Notice) {}

    /// At its time, the limiter let an attempt dial, or did not.
    fn confirmed(&self, _org: &OrgId, _attempt: AttemptId, _answer: Result<(), Revocation>) {}

    /// An attempt's slot was given back: it was cancelled before its dial.
    fn withdrawn(&self, _org: &OrgId, _attempt: AttemptId) {}

    /// The store began to fail, first for this organization, or works again.
    fn store(&self, _now: Now, _org: &OrgId, _notice: &Notice) {}

    /// A stanza came, and the session is about to hear it: messages, receipts and notifications are the application's.
    fn stanza(&self, _org: &OrgId, _link: LinkId, _node: &Node) {}

    /// The next binary WebSocket frame of this link carries this.
    fn sending(&self, _org: &OrgId, _link: LinkId, _label: Label) {}
}

/// What a gateway is given once.
#[derive(Debug)]
pub struct Setting {
    /// How sessions hold, and the limiter's rules.
    pub policy: Policy,
    /// The root key that the server's certificates must lead to.
    pub root: TrustedRoot,
    /// The server's host, and port where it is not the scheme's own.
    pub authority: String,
    /// Gives keys for devices and connections.
    pub rng: ChaCha8Rng,
}

/// A gateway that runs. Clones are handles on the same one.
pub struct Gateway<S, W>(Arc<Shared<S, W>>);

struct Shared<S, W> {
    world: W,
    policy: Policy,
    root: TrustedRoot,
    authority: String,
    listener: Box<dyn Listener>,
    events: Arc<Events>,
    inside: Mutex<Inside<S>>,
    /// The store is to be tried again sooner than was planned, or never more.
    wake: Notify,
}

struct Inside<S> {
    limiter: Limiter<S>,
    unwritten: Unwritten,
    failing: Option<Failing>,
    organizations: BTreeMap<OrgId, Organization>,
    /// What was answered to each start, the latest last.
    decisions: VecDeque<Decision>,
    denials: Denials,
    rng: ChaCha8Rng,
    closing: bool,
}

/// The store fails: what happens is kept in memory alone.
struct Failing {
    /// For whom it failed first.
    org: OrgId,
    /// When it is tried again though nobody asks.
    try_again: Instant,
}

impl<S: Store, W: World> Gateway<S, W> {
    /// Boots on a store: every organization that it knows is there again where it came to rest, and nothing dials.
    ///
    /// # Errors
    /// The store refuses; it is left untouched.
    pub fn boot(
        store: S,
        setting: Setting,
        world: W,
        listener: Box<dyn Listener>,
    ) -> Result<(Self, Found), StoreError> {
        let now = world.now();
        let (mut limiter, found) = Limiter::boot(store, setting.policy.limiter.clone(), now)?;
        let contents = limiter.store().contents()?;
        let gateway = Self(Arc::new(Shared {
            world,
            policy: setting.policy,
            root: setting.root,
            authority: setting.authority,
            listener,
            events: Arc::new(Events::new(now.wall)),
            inside: Mutex::new(Inside {
                limiter,
                unwritten: Unwritten::default(),
                failing: None,
                organizations: BTreeMap::new(),
                decisions: VecDeque::new(),
                denials: Denials::new(),
                rng: setting.rng,
                closing: false,
            }),
            wake: Notify::new(),
        }));
        let mut inside = gateway.lock();
        for org in known(&contents) {
            gateway.open(&mut inside, now, &org)?;
        }
        for (org, attempt) in &found.cut_short {
            if let Some(organization) = inside.organizations.get_mut(org) {
                organization.died = Some((*attempt, now.wall));
            }
        }
        drop(inside);
        let handle = gateway.clone();
        gateway
            .0
            .world
            .spawn(async move { handle.wake_limiter().await });
        Ok((gateway, found))
    }

    /// Ends every session as an operator would, and admits no start any more. Done once each has come to rest and its
    /// server has closed, or [`LET_GO`] later.
    ///
    /// # Errors
    /// The store fails: what it could not take is lost with this process.
    pub async fn close(&self) -> Result<(), StoreError> {
        {
            let mut inside = self.lock();
            inside.closing = true;
            let organizations = inside.organizations.values();
            organizations.for_each(Organization::stop);
        }
        let until = self.0.world.now().mono + LET_GO;
        let have_ended = || {
            self.lock()
                .organizations
                .values()
                .all(Organization::is_over)
        };
        while !have_ended() && self.0.world.now().mono < until {
            let next = self.0.world.now().mono + LOOK_AGAIN;
            self.0.world.sleep_until(next).await;
        }
        let now = self.0.world.now();
        let mut inside = self.lock();
        inside.organizations.clear();
        inside.try_again(now);
        self.0.wake.notify_one();
        inside.failure().cloned().map_or(Ok(()), Err)
    }

    /// The application could not decrypt so many messages more of this organization.
    pub fn undecryptable(&self, org: &OrgId, messages: u64) {
        if let Some(organization) = self.lock().organizations.get(org) {
            organization.undecryptable(messages);
        }
    }

    /// Moves the clock's mark in the store, and tries again what could not be written, until the gateway is closed.
    async fn wake_limiter(&self) {
        loop {
            let at = self.lock().poll_timeout();
            let due = pin!(self.0.world.sleep_until(at));
            let woken = pin!(self.0.wake.notified());
            select(due, woken).await;
            let now = self.0.world.now();
            let mut inside = self.lock();
            if inside.closing && inside.organizations.is_empty() {
                return;
            }
            inside.limiter.handle_timeout(now);
            let failing = inside.failing.as_ref();
            if failing.is_some_and(|failing| failing.try_again <= now.mono) {
                inside.try_again(now);
            }
            // The mark is nobody's; it is told of somebody.
            if let Some(org) = inside.organizations.keys().next().cloned() {
                self.look_after_the_store(&mut inside, now, &org);
            }
        }
    }

    /// Something of this organization was to be written: tells when the store begins to fail and when it works again, and
    /// has it tried again soon, since only the death of this process would lose what it has not taken.
    fn look_after_the_store(&self, inside: &mut Inside<S>, now: Now, org: &OrgId) {
        let why = inside.failure().map(ToString::to_string);
        let try_again = now.mono + TRY_AGAIN;
        let (org, notice) = match (why, inside.failing.take()) {
            (None, None) => return,
            (Some(_), Some(mut failing)) => {
                if failing.try_again <= now.mono {
                    failing.try_again = try_again;
                }
                inside.failing = Some(failing);
                return;
            }
            (Some(why), None) => {
                let org = org.clone();
                inside.failing = Some(Failing {
                    org: org.clone(),
                    try_again,
                });
                self.0.wake.notify_one();
                (org, Notice::StoreFails { why })
            }
            (None, Some(before)) => (before.org, Notice::StoreWorks),
        };
        self.0.listener.store(now, &org, &notice);
        self.0.events.write(now.wall, &org, notice);
    }

    /// A session for this organization, at rest where the store says that it is, and its driver.
    fn open(&self, inside: &mut Inside<S>, now: Now, org: &OrgId) -> Result<(), StoreError> {
        let mut rng = ChaCha8Rng::from_rng(&mut inside.rng);
        let end = inside.limiter.stored_end(now, org)?;
        let stored = inside.limiter.store().device(org)?;
        let device = stored.unwrap_or_else(|| Device::generate(&mut rng));
        let session = Session::new(org.clone(), self.0.policy.clone(), device, end, rng);
        let (commands, receiver) = unbounded_channel();
        let organization = Organization::new(session, commands);
        let host = OrgHost::new(self.clone(), org.clone());
        let config = DriverConfig {
            root: self.0.root,
            authority: self.0.authority.clone(),
            rng: ChaCha8Rng::from_rng(&mut inside.rng),
        };
        let machine = organization.session.clone();
        self.0.world.spawn(async move {
            driver::run(machine, host, receiver, config).await;
        });
        inside.organizations.insert(org.clone(), organization);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inside<S>> {
        self.0.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store> Inside<S> {
    /// When something is to be written though nothing happens.
    fn poll_timeout(&self) -> Instant {
        let mark = self.limiter.poll_timeout();
        let again = self.failing.as_ref().map(|failing| failing.try_again);
        again.map_or(mark, |again| mark.min(again))
    }

    /// Writes what the store has not taken yet.
    fn try_again(&mut self, now: Now) {
        // What still fails says so itself.
        let _ = self.limiter.try_again(now);
        self.unwritten.write(self.limiter.store());
    }

    /// Why the store cannot be used; none, if it can.
    fn failure(&self) -> Option<&StoreError> {
        self.limiter.failure().or(self.unwritten.failure())
    }
}

/// Every organization that a store remembers something of.
fn known(contents: &Contents) -> BTreeSet<OrgId> {
    let ledger = &contents.ledger;
    let attempts = ledger.attempts.values().map(|attempt| &attempt.org);
    attempts
        .chain(ledger.ends.keys())
        .chain(ledger.failures.keys())
        .chain(ledger.blocks.keys())
        .chain(contents.devices.keys())
        .cloned()
        .collect()
}

/// A server has 5 s to answer a close frame; a second more is for whatever is slow here.
const LET_GO: Millis = Millis::from_secs(6);

/// How soon a store that failed is tried again.
const TRY_AGAIN: Millis = Millis::from_secs(1);

/// How often a gateway that closes looks whether everything has ended.
const LOOK_AGAIN: Millis = Millis::new(50);

impl<S, W> Clone for Gateway<S, W> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S, W> std::fmt::Debug for Gateway<S, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

//! One organization's session in one life of the process, as the engine sees it: whose its timers and its links are, and
//! what of all that it tells the trace is told.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use compact_str::CompactString;
use squall_protocol::{Instant, Node, Now};
use squall_session::driver::Label;
use squall_session::machine::{Dial, Revocation};
use squall_session::{AttemptId, Event as Told, LinkId};

use super::Outside;
use super::foreign;
use super::rest::Rests;
use crate::engine::conductor::{Owner, Sleep};
use crate::engine::network::Network;
use crate::engine::translate;
use crate::trace::{ConnectionId, Event, Message, OrgName, Side};

/// See the module's text.
pub(super) struct Session<N> {
    outside: Arc<Outside<N>>,
    rests: Arc<Rests>,
    name: OrgName,
    /// Whose its timers are.
    owner: Owner,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    /// The links that it may still speak of, and what the run calls them.
    connections: BTreeMap<LinkId, ConnectionId>,
    qr_shown: u32,
}

/// A machine has at most two links; a few more are remembered for what it says of the last ones.
const REMEMBERED: usize = 4;

impl<N: Network> Session<N> {
    /// The session of the organization at this place of the plan, in this life of the process, at rest.
    pub(super) fn new(
        outside: &Arc<Outside<N>>,
        rests: &Arc<Rests>,
        name: &OrgName,
        (boots, place): (u32, u64),
    ) -> Self {
        let owner = Owner(u64::from(boots) << 32 | place);
        rests.open(name, owner, outside.process.now().mono);
        Self {
            outside: Arc::clone(outside),
            rests: Arc::clone(rests),
            name: name.clone(),
            owner,
            inside: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Now {
        self.outside.process.now()
    }

    /// A timer of its own.
    pub(super) fn sleep_until(&self, at: Instant) -> Sleep {
        self.outside.process.sleep_until(at).of(self.owner)
    }

    /// A link of its own.
    pub(super) fn dial(
        &self,
        dial: &Dial,
    ) -> impl Future<Output = io::Result<N::Stream>> + Send + 'static {
        let outside = &self.outside;
        let secrets = outside.recorder.secrets();
        secrets.keep_device(&self.name, &dial.device);
        let peer = outside
            .exchange
            .number(Some(&self.name), dial.attempt.0, dial.handoff);
        let mut inside = self.lock();
        inside
            .connections
            .insert(dial.link, ConnectionId(peer.connection.0));
        while inside.connections.len() > REMEMBERED {
            inside.connections.pop_first();
        }
        drop(inside);
        outside.network.dial(peer)
    }

    /// At its time its attempt may dial, or may not.
    pub(super) fn confirmed(&self, attempt: AttemptId, answer: Result<(), Revocation>) {
        let (org, attempt) = (self.name.clone(), attempt.0);
        self.record(match answer {
            Ok(()) => Event::PermitSpent { org, attempt },
            Err(why) => Event::PermitRevoked {
                org,
                attempt,
                blocked: matches!(why, Revocation::Blocked { .. }),
            },
        });
    }

    /// Its attempt's slot was given back.
    pub(super) fn withdrawn(&self, attempt: AttemptId) {
        self.record(Event::Withdrawn {
            org: self.name.clone(),
            attempt: attempt.0,
        });
    }

    /// It tells something.
    pub(super) fn tells(&self, now: Now, event: &Told) {
        let org = self.name.clone();
        let event = match event {
            Told::State(state) => {
                self.rests.stands(now.mono, &org, state.is_at_rest());
                Event::State {
                    org,
                    state: translate::state(*state),
                }
            }
            Told::Qr(text) => {
                let mut inside = self.lock();
                inside.qr_shown += 1;
                let nth = inside.qr_shown;
                drop(inside);
                self.outside.network.phone_sees_qr(&self.name, text);
                Event::Qr { org, nth }
            }
            Told::Device(device) => {
                let secrets = self.outside.recorder.secrets();
                return secrets.keep_device(&self.name, device);
            }
            Told::Disconnected(ended) => {
                self.lock().qr_shown = 0;
                let conn = ended.link.and_then(|link| self.connection(link));
                translate::disconnected(org, conn, ended)
            }
            Told::KeepAliveOk(after) => Event::KeepAliveOk { org, after: *after },
            Told::KeepAliveLate => Event::KeepAliveLate { org },
            Told::KeepAliveRecovered => Event::KeepAliveRecovered { org },
            Told::Alert(alert) => translate::alert(org, *alert),
        };
        self.record(event);
    }

    /// It reads a stanza. The harness plays the application: it has no Signal session with anybody, so it can decrypt no
    /// message. Whether this is one.
    pub(super) fn reads(&self, link: LinkId, node: &Node) -> bool {
        let exchange = &self.outside.exchange;
        if exchange.has_strangers()
            && let Some(conn) = self.connection(link)
        {
            let opened = || Message::Stanza(Arc::new(node.clone()));
            exchange.opened(conn, Side::Server, opened);
            if let Some(told) = foreign::told(conn, &self.name, node) {
                self.record(told);
            }
        }
        node.tag == "message" && node.find("enc").is_some()
    }

    /// The next binary frame of this link carries this.
    pub(super) fn sends(&self, link: LinkId, label: Label) {
        let Some(conn) = self.connection(link) else {
            return;
        };
        let message = match label {
            Label::Handshake(name) => Message::Handshake(CompactString::const_new(name)),
            Label::Stanza(node) => Message::Stanza(node),
        };
        self.outside.exchange.label(conn, Side::Client, message);
    }

    fn connection(&self, link: LinkId) -> Option<ConnectionId> {
        self.lock().connections.get(&link).copied()
    }

    fn record(&self, event: Event) {
        self.outside.recorder.record(event);
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

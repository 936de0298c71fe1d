//! The shipped gateway as the client's process: the operator asks its HTTP API, and its sessions dial over the run's
//! network.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use http::StatusCode;
use rand::Rng as _;
use squall_protocol::{Instant, Node, Now};
use squall_session::driver::{Clock, Connector, Label};
use squall_session::gateway::http::{ApiKey, app};
use squall_session::gateway::{Gateway, Listener, Operator, Setting, World};
use squall_session::limiter::Found;
use squall_session::machine::{Dial, Revocation};
use squall_session::store::StoreError;
use squall_session::{AttemptId, Event as Told, LinkId, OrgId};

use super::api::{Answer, Api, in_path};
use super::rest::Rests;
use super::session::Session;
use super::{Client, Outside, Program};
use crate::engine::network::Network;
use crate::engine::translate;
use crate::subject::{OpenStore, PagesFn, Setup};
use crate::trace::{Ask, Event, OrgName, Verdict};
use crate::words::State;

/// The gateway as it is shipped.
pub(crate) struct TheGateway {
    /// What stands between it and its operators, where that is not the gateway itself.
    pub(crate) pages: Option<PagesFn>,
}

impl Program for TheGateway {
    const ON_DISK: bool = true;

    fn client<N: Network>(
        self,
        outside: Outside<N>,
        setup: Setup,
        organizations: Vec<OrgName>,
    ) -> Arc<dyn Client> {
        let conductor = outside.exchange.conductor();
        let rests = Rests::new(conductor, &outside.recorder, &outside.process);
        let mut key = [0; 32];
        outside.seed.stream("api-key").fill_bytes(&mut key);
        outside.recorder.secrets().keep_api_key(key);
        Arc::new(GatewayClient {
            outside: Arc::new(outside),
            setup,
            organizations,
            pages: self.pages,
            key: key.iter().map(|byte| format!("{byte:02x}")).collect(),
            rests,
            running: Mutex::new(None),
        })
    }
}

/// The process of the gateway.
struct GatewayClient<N: Network> {
    outside: Arc<Outside<N>>,
    setup: Setup,
    organizations: Vec<OrgName>,
    pages: Option<PagesFn>,
    key: String,
    rests: Arc<Rests>,
    running: Mutex<Option<Running<N>>>,
}

/// A gateway that runs.
struct Running<N: Network> {
    gateway: Gateway<OpenStore, InRun<N>>,
    api: Api,
}

impl<N: Network> Client for GatewayClient<N> {
    fn boot(self: Arc<Self>) -> bool {
        let Outside {
            recorder, process, ..
        } = &*self.outside;
        let boots = self.rests.boot();
        let (running, found) = match self.booted(boots) {
            Ok(booted) => booted,
            Err(error) => {
                recorder.record(Event::RefusedToStart {
                    why: error.to_string(),
                });
                return false;
            }
        };
        recorder.record(Event::Booted);
        recorder.record(Event::LedgerRead {
            remembered: translate::remembered(&self.setup.store, &self.organizations),
        });
        process.boot();
        if found.jumped.is_some() {
            recorder.record(translate::clock_jump());
        }
        for (org, attempt) in found.cut_short {
            recorder.record(translate::process_died(&org, attempt));
        }
        if boots > 1 {
            // Whoever asks after a boot is told the stored end, and no longer what the dead process had said.
            for org in &self.organizations {
                recorder.record(Event::State {
                    org: org.clone(),
                    state: stands(&running.api, org),
                });
            }
        }
        let all = running.api.all();
        *self.lock() = Some(running);
        for org in &self.organizations {
            self.show_beside(&all, org, None);
        }
        true
    }

    fn boot_another(&self) -> Option<String> {
        let opened = self.setup.store.open();
        opened.err().map(|error| error.to_string())
    }

    fn end(self: Arc<Self>) {
        let gateway = self.lock().as_ref().map(|running| running.gateway.clone());
        let Some(gateway) = gateway else { return };
        let client = Arc::clone(&self);
        tokio::spawn(self.outside.process.task(async move {
            // What it could not write is lost with it: the next boot shows whether that mattered.
            let _ = gateway.close().await;
            drop(gateway);
            client.outside.recorder.record(Event::Exited);
            client.kill();
        }));
    }

    fn kill(&self) {
        // Dropped once the lock is free: what ends here asks nobody.
        let running = self.lock().take();
        self.rests.forget();
        self.setup.store.let_go();
        self.outside.process.kill();
        drop(running);
    }

    fn start(&self, org: &OrgName) {
        self.show(org, None);
        let answer = self.ask(org, Ask::Start, |api| api.post("/api/start-session", org));
        let verdict = answer
            .as_ref()
            .map_or(Verdict::Unreachable, Answer::verdict);
        self.outside.recorder.record(Event::Verdict {
            org: org.clone(),
            verdict,
        });
        self.show(org, answer.as_ref());
    }

    fn stop(&self, org: &OrgName) {
        self.show(org, None);
        let answer = self.ask(org, Ask::Stop, |api| api.post("/api/stop-session", org));
        // It knows nobody whom it never started.
        const KNOWN: [StatusCode; 2] = [StatusCode::ACCEPTED, StatusCode::NOT_FOUND];
        if let Some(answer) = answer.filter(|answer| !KNOWN.contains(&answer.status)) {
            answer.is_odd()
        }
        self.show(org, None);
    }

    fn scan_qr(&self, org: &OrgName) {
        self.show(org, None);
        let path = format!("/api/qr/{}?format=json", in_path(org));
        let answer = self.ask(org, Ask::ScanQr, |api| api.get(&path));
        if let Some(qr) = answer
            .as_ref()
            .and_then(|answer| answer.body["qr"].as_str())
        {
            self.outside.network.scan_qr(qr);
        }
        self.show(org, None);
    }

    fn look_at_all(&self) {
        self.rests.look_at_all();
    }
}

/// Where the API says that an organization stands. One that was never started is known to nobody, and idle.
fn stands(api: &Api, org: &OrgName) -> State {
    let answer = api.get(&format!("/api/status/{}", in_path(org)));
    match answer.status {
        StatusCode::NOT_FOUND => State::Idle,
        _ => serde_json::from_value(answer.body["status"].clone())
            .unwrap_or_else(|_| answer.is_odd()),
    }
}

impl<N: Network> GatewayClient<N> {
    fn booted(self: &Arc<Self>, boots: u32) -> Result<(Running<N>, Found), StoreError> {
        let Outside { network, seed, .. } = &*self.outside;
        let world = InRun(Arc::new(Life {
            client: Arc::downgrade(self),
            outside: Arc::clone(&self.outside),
            rests: Arc::clone(&self.rests),
            organizations: self.organizations.clone(),
            boots,
            sessions: Mutex::default(),
        }));
        let setting = Setting {
            policy: self.setup.policy.clone(),
            root: network.root(),
            authority: network.authority(),
            rng: seed.stream(&format!("gateway/{boots}")),
        };
        let listener = Box::new(world.clone());
        let store = self.setup.store.open()?;
        let (gateway, found) = Gateway::boot(store, setting, world, listener)?;
        let key = ApiKey::new(&self.key).expect("64 hexadecimal digits are a strong key");
        let operator: Arc<dyn Operator> = Arc::new(gateway.clone());
        let operator = match self.pages {
            Some(pages) => pages(operator),
            None => operator,
        };
        let app = app(operator, key);
        let api = Api::new(app, &self.key, &self.outside.recorder);
        Ok((Running { gateway, api }, found))
    }

    /// Writes a request down and makes it, if the process answers.
    fn ask<R>(&self, org: &OrgName, ask: Ask, work: impl FnOnce(&Api) -> R) -> Option<R> {
        let answers = self.outside.asks(org, ask);
        answers.then(|| self.api().as_ref().map(work))?
    }

    /// Writes down what every page shows of an organization now, if the process answers; and how a start of it was
    /// answered, if one was just asked for.
    fn show(&self, org: &OrgName, answered: Option<&Answer>) {
        if !self.outside.process.answers() {
            return;
        }
        if let Some(api) = self.api() {
            self.show_beside(&api.all(), org, answered);
        }
    }

    /// The same, beside the page of all as it is now.
    fn show_beside(&self, all: &Answer, org: &OrgName, answered: Option<&Answer>) {
        if let Some(api) = self.api() {
            let (org, shown) = (org.clone(), Box::new(api.shows(org, all, answered)));
            self.outside.recorder.record(Event::Shown { org, shown });
        }
    }

    fn api(&self) -> Option<Api> {
        self.lock().as_ref().map(|running| running.api.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running<N>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The world of one life of the process.
struct InRun<N: Network>(Arc<Life<N>>);

struct Life<N: Network> {
    /// The gateway holds this world, so this world must not hold the gateway.
    client: Weak<GatewayClient<N>>,
    outside: Arc<Outside<N>>,
    rests: Arc<Rests>,
    organizations: Vec<OrgName>,
    /// Which life it is, from 1.
    boots: u32,
    sessions: Mutex<BTreeMap<OrgId, Arc<Session<N>>>>,
}

impl<N: Network> InRun<N> {
    fn session(&self, org: &OrgId) -> Option<Arc<Session<N>>> {
        self.sessions().get(org).cloned()
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<OrgId, Arc<Session<N>>>> {
        let sessions = self.0.sessions.lock();
        sessions.unwrap_or_else(PoisonError::into_inner)
    }
}

impl<N: Network> Clone for InRun<N> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<N: Network> Clock for InRun<N> {
    fn now(&self) -> Now {
        self.0.outside.process.now()
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static {
        self.0.outside.process.sleep_until(at)
    }
}

impl<N: Network> World for InRun<N> {
    type Own = Own<N>;

    fn own(&self, org: &OrgId) -> Own<N> {
        let Life {
            outside,
            rests,
            organizations,
            boots,
            ..
        } = &*self.0;
        let name = OrgName::from(org.as_str());
        let place = (0..).zip(organizations).find(|(_, other)| **other == name);
        let place = place.map_or(u64::from(u32::MAX), |(place, _)| place);
        let session = Session::new(outside, rests, &name, (*boots, place));
        let session = Arc::new(session);
        self.sessions().insert(org.clone(), Arc::clone(&session));
        Own(session)
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.0.outside.process.task(task));
    }
}

impl<N: Network> Listener for InRun<N> {
    fn event(&self, now: Now, org: &OrgId, event: &Told) {
        if let Some(session) = self.session(org) {
            session.tells(now, event);
        }
    }

    fn confirmed(&self, org: &OrgId, attempt: AttemptId, answer: Result<(), Revocation>) {
        if let Some(session) = self.session(org) {
            session.confirmed(attempt, answer);
        }
    }

    fn withdrawn(&self, org: &OrgId, attempt: AttemptId) {
        if let Some(session) = self.session(org) {
            session.withdrawn(attempt);
        }
    }

    fn stanza(&self, org: &OrgId, link: LinkId, node: &Node) {
        let unreadable = self.session(org).is_some_and(|own| own.reads(link, node));
        if unreadable && let Some(client) = self.0.client.upgrade() {
            let running = client.lock();
            if let Some(running) = &*running {
                running.gateway.undecryptable(org, 1);
            }
        }
    }

    fn sending(&self, org: &OrgId, link: LinkId, label: Label) {
        if let Some(session) = self.session(org) {
            session.sends(link, label);
        }
    }
}

/// What belongs to one organization.
struct Own<N>(Arc<Session<N>>);

impl<N: Network> Clock for Own<N> {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn sleep_until(&self, at: Instant) -> impl Future<Output = ()> + Send + 'static {
        self.0.sleep_until(at)
    }
}

impl<N: Network> Connector for Own<N> {
    type Stream = N::Stream;

    fn connect(&self, dial: &Dial) -> impl Future<Output = io::Result<N::Stream>> + Send + 'static {
        self.0.dial(dial)
    }
}

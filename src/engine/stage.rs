//! What a run needs whatever the engine: its recorder, its links, its steps, the server where it is ours, and at the end
//! the verdict of those who listened.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use squall_mock_server::app::{Access, MockServer};
use squall_mock_server::server::{self, GuardAnswer, Server, UnknownIq};
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Millis};
use squall_session::OrgId;

use crate::engine::client::{Outside, Program};
use crate::engine::conductor::{Class, Conductor};
use crate::engine::ears::{Counts, Ears, Fired, Triggers};
use crate::engine::link::exchange::{Exchange, Listener};
use crate::engine::network::Network;
use crate::engine::process::Process;
use crate::engine::recorder::Recorder;
use crate::engine::steps::{Nemesis, OwnClient, Steps};
use crate::engine::world::{Faulty, ServerWorld};
use crate::engine::{Done, Job};
use crate::oracle::Findings;
use crate::plan::{Phone, Plan};
use crate::scenario;
use crate::subject::Setup;
use crate::words::OracleName;

/// Everything of a run but who is tested, and over what.
pub(crate) struct Stage {
    pub(crate) conductor: Arc<Conductor>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) plan: Plan,
    pub(crate) fired: Arc<Fired>,
    until: Instant,
    weather: Arc<Faulty>,
    in_vain: InVain,
}

/// What of a run's links is its engine's affair.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines {
    /// The least and the most that a message takes.
    pub(crate) latency: (Millis, Millis),
    /// A writer waits while so many bytes are under way.
    pub(crate) room: usize,
}

impl Lines {
    /// As the plan says, in real time: whoever writes more than a kernel would keep has to wait.
    pub(crate) fn live(plan: &Plan) -> Self {
        Self {
            latency: plan.latency,
            room: SOCKET_BUFFER,
        }
    }
}

/// What Linux keeps for a socket that nobody reads, by default (`tcp_rmem`, `tcp_wmem`): 128 KiB and 16 KiB, and more as
/// it grows.
const SOCKET_BUFFER: usize = 256 << 10;

impl Stage {
    /// Sets up a run, and the listener to which its links lead.
    pub(crate) fn set(
        mut job: Job<'_>,
        conductor: &Arc<Conductor>,
        lines: Lines,
    ) -> (Self, Listener) {
        let fired = Arc::new(Fired::default());
        let ears = Ears {
            judge: job.judged.then(|| job.judge()),
            counts: Counts::default(),
            triggers: Triggers::new(&job.plan, job.until, &fired),
            writers: std::mem::take(&mut job.writers),
        };
        let recorder = Recorder::new(conductor, ears);
        let until = job.until;
        let in_vain = InVain::of(&job);
        let plan = job.plan;
        let weather = Arc::new(Faulty::default());
        let (exchange, listener) = Exchange::new(
            conductor,
            &recorder,
            Arc::clone(&weather) as Arc<_>,
            plan.seed,
            (lines.latency, lines.room),
        );
        let stage = Self {
            conductor: Arc::clone(conductor),
            recorder,
            exchange,
            plan,
            fired,
            until,
            weather,
            in_vain,
        };
        (stage, listener)
    }

    /// The mock server of this run, without accounts.
    pub(crate) fn server(&self, settings: server::Settings) -> MockServer {
        self.built(settings, |machine, world| MockServer::new(machine, world))
    }

    /// The same, with the control API for whoever has access.
    pub(crate) fn controlled(&self, settings: server::Settings, access: Access) -> MockServer {
        self.built(settings, |machine, world| {
            MockServer::controlled(machine, world, access)
        })
    }

    fn built(
        &self,
        settings: server::Settings,
        app: impl FnOnce(Server, Arc<ServerWorld>) -> MockServer,
    ) -> MockServer {
        let Self {
            conductor,
            recorder,
            exchange,
            plan,
            ..
        } = self;
        let world = ServerWorld::new(conductor, recorder, exchange, plan.starts);
        let machine = Server::new(settings, &mut plan.seed.stream("server"));
        let server = app(machine, world);
        self.weather.ask(&server);
        server.look(|server| recorder.secrets().keep_server(server));
        server
    }

    /// Makes an account for each organization; a paired one gets its device into the client's store.
    pub(crate) fn open_accounts(&self, server: &MockServer, setup: &Setup) {
        let mut devices = BTreeMap::new();
        for (name, organization) in &self.plan.organizations {
            if !organization.paired {
                server.create_account(name, None);
                continue;
            }
            let mut device =
                Device::generate(&mut self.plan.seed.stream(&format!("device/{name}")));
            server.create_account(name, Some(&mut device));
            self.recorder.secrets().keep_device(name, &device);
            devices.insert(OrgId::new(name.clone()), device);
        }
        let put = setup.store.put_devices(devices);
        put.expect("a new store, which nobody has open, takes everything");
    }

    /// What this plan does to this server.
    pub(crate) fn nemesis(&self, server: &MockServer) -> Nemesis {
        Nemesis::new(&self.recorder, server, &self.exchange)
    }

    /// Plays the run to its end against a client that dials over this network. Its tasks are the runtime's.
    pub(crate) async fn play<N: Network>(
        &self,
        setup: Setup,
        program: impl Program,
        network: N,
        nemesis: Option<Nemesis>,
    ) {
        let process = Process::new(&self.conductor, self.plan.starts);
        let store = setup.store.clone();
        let outside = Outside {
            recorder: Arc::clone(&self.recorder),
            process: Arc::clone(&process),
            exchange: Arc::clone(&self.exchange),
            network,
            seed: self.plan.seed,
        };
        let organizations = self.plan.organizations.keys().cloned().collect();
        let client = program.client(outside, setup, organizations);
        Arc::clone(&client).boot();
        let steps = Steps {
            conductor: Arc::clone(&self.conductor),
            nemesis,
            operator: OwnClient::new(
                &self.recorder,
                &process,
                store,
                &client,
                self.plan.seed.stream("power"),
            ),
            fired: Arc::clone(&self.fired),
            plan: self.plan.clone(),
        };
        tokio::spawn(steps.run());
        self.conductor.sleep_until(self.until, Class::End).await;
        client.look_at_all();
    }

    /// Ends the trace, and lets go of everything with `drop_all` before anybody is judged.
    pub(crate) fn end(
        self,
        wall: impl FnOnce() -> Duration,
        drop_all: impl FnOnce(),
    ) -> io::Result<Done> {
        let ears = self
            .recorder
            .end()
            .ok_or_else(|| io::Error::other("the trace was ended twice"))?;
        drop_all();
        let mut findings = match ears.judge {
            Some(judge) => judge.finish(self.until),
            None => Findings::default(),
        };
        self.in_vain.tell(&ears.triggers, &mut findings);
        Ok(Done {
            findings,
            counts: ears.counts,
            simulated: self.until.since_start(),
            wall: wall(),
        })
    }
}

/// What is said of steps that waited for something that never happened: a run without them proves nothing about them.
struct InVain(Vec<(u32, Option<String>)>);

impl InVain {
    /// The steps by place in the plan; none where the run is cut short, or where the subject never claimed to do what the
    /// scenario expects.
    fn of(job: &Job<'_>) -> Self {
        let whole = job.until == job.plan.ends;
        let claimed = !job
            .header
            .claims
            .not_judged
            .contains(&OracleName::Expectations);
        let steps = job.plan.steps.iter().filter(|_| whole && claimed);
        Self(steps.map(|step| (step.number, step.id.clone())).collect())
    }

    fn tell(&self, triggers: &Triggers, findings: &mut Findings) {
        for (number, id) in triggers.in_vain().filter_map(|place| self.0.get(place)) {
            let id = id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
            findings.inconclusive(format!(
                "step {number}{id} never acted: what it waits for did not happen, or too late, or there was nothing to act on"
            ));
        }
    }
}

/// How the mock server behaves towards strangers in this plan: as the real service, and unless it is `strict` it puts up
/// with requests that it does not know.
pub(crate) fn for_strangers(plan: &Plan, strict: bool) -> server::Settings {
    server::Settings {
        messaging: server::Messaging::default(),
        close_delay: CLOSE_DELAY,
        unknown_iq: match strict {
            true => UnknownIq::Error,
            false => UnknownIq::Empty,
        },
        ..settings(plan)
    }
}

/// whatsmeow drops a stanza that it has not handled yet when it reads the close frame behind it: the 515 that ends a
/// pairing was lost in most pairings when both came at once, and with it the dial that should follow.
const CLOSE_DELAY: Millis = Millis::new(200);

/// How the mock server behaves in this plan towards the session.
pub(crate) fn settings(plan: &Plan) -> server::Settings {
    let guard = &plan.guard;
    server::Settings {
        guard: Some(server::Guard {
            max: guard.max,
            per: guard.per,
            penalty: guard.penalty,
            answer: match guard.answer {
                scenario::GuardAnswer::Stream515 => GuardAnswer::StreamError,
                scenario::GuardAnswer::Failure403 => GuardAnswer::Forbidden,
                scenario::GuardAnswer::Silence => GuardAnswer::Silence,
            },
            in_all: guard.in_all,
        }),
        phone: server::Phone {
            scans_after: match plan.phone {
                Phone::ScansAfter(time) => server::ScansAfter::Time(time),
                Phone::Never => server::ScansAfter::Never,
            },
        },
        pings: server::Pings {
            iq: plan.server_pings.iq,
            websocket: plan.server_pings.websocket,
        },
        messaging: server::Messaging {
            // The session holds a connection and reads no messages.
            phone_writes: false,
            ..server::Messaging::default()
        },
        ..server::Settings::default()
    }
}

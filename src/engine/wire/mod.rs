//! The wire engine: the real session driver, real WebSocket frames, real Noise and the real axum app, over in-memory
//! links, in one thread, in virtual time.
//!
//! **Invariant:** nothing in a run reads a clock or draws a number but through the conductor and the seed.

pub(crate) mod client;
mod conductor;
mod delay;
mod dial;
pub(crate) mod ears;
mod exchange;
mod link;
mod pipe;
mod process;
mod recorder;
mod secrets;
mod splitter;
mod steps;
mod translate;
mod world;

use std::io;
use std::sync::Arc;

use squall_mock_server::app::MockServer;
use squall_mock_server::server::{self, GuardAnswer, Server};
use squall_protocol::pairing::Device;
use squall_session::OrgId;
use squall_session::store::Store;

use crate::engine::{Done, Job};
use crate::oracle::Findings;
use crate::plan::{Phone, Plan};
use crate::scenario;
use crate::subject::{Setup, Subject};
use crate::words::OracleName;

use client::{BootFn, Client, Outside};
use conductor::{Class, Conductor};
use ears::{Counts, Ears, Fired, Triggers};
use exchange::Exchange;
use process::Process;
use recorder::Recorder;
use steps::Steps;
use world::{Faulty, ServerWorld};

/// Runs a job from beginning to end.
pub(crate) fn run<S: Subject>(
    mut job: Job<'_>,
    mut setup: Setup,
    boot: BootFn<S>,
) -> io::Result<Done> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a run took is told to people, nothing else"
    )]
    let begun = std::time::Instant::now();
    let conductor = Conductor::new();
    // No timer, no I/O: whoever asks tokio for either panics. When every task is idle, the conductor goes on.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .on_thread_park({
            let conductor = Arc::clone(&conductor);
            move || conductor.advance()
        })
        .build()?;
    let fired = Arc::new(Fired::default());
    let ears = Ears {
        judge: job.judge(),
        counts: Counts::default(),
        triggers: Triggers::new(&job.plan, job.until, &fired),
        writers: std::mem::take(&mut job.writers),
    };
    let recorder = Recorder::new(&conductor, ears);
    let until = job.until;
    let in_vain = InVain::of(&job);
    let plan = job.plan;
    let weather = Arc::new(Faulty::default());
    let (exchange, listener) = Exchange::new(
        &conductor,
        &recorder,
        Arc::clone(&weather) as Arc<dyn pipe::Weather>,
        plan.seed,
        plan.latency,
    );
    let world = ServerWorld::new(&conductor, &recorder, &exchange, plan.starts);
    let machine = Server::new(settings(&plan), &mut plan.seed.stream("server"));
    let server = MockServer::new(machine, world);
    weather.ask(&server);
    open_accounts(&plan, &server, &mut setup, &recorder);
    server.look(|server| recorder.secrets().keep_server(server));
    let process = Process::new(&conductor, plan.starts);

    runtime.block_on(async {
        tokio::spawn(conductor.beat());
        tokio::spawn(server.clone().serve(listener));
        tokio::spawn(server.run());
        let store = setup.store.clone();
        let outside = Outside {
            recorder: Arc::clone(&recorder),
            process: Arc::clone(&process),
            exchange: Arc::clone(&exchange),
            server: server.clone(),
            seed: plan.seed,
        };
        let client = Client::new(
            outside,
            setup,
            boot,
            plan.organizations.keys().cloned().collect(),
        );
        client.boot();
        let steps = Steps {
            conductor: Arc::clone(&conductor),
            recorder: Arc::clone(&recorder),
            process,
            server,
            exchange,
            store,
            client: Arc::clone(&client),
            fired,
            plan,
        };
        tokio::spawn(steps.run());
        conductor.sleep_until(until, Class::End).await;
        client.look_at_all();
    });
    let ears = recorder
        .end()
        .ok_or_else(|| io::Error::other("the trace was ended twice"))?;
    drop(runtime);
    let mut findings = ears.judge.finish(until);
    in_vain.tell(&ears.triggers, &mut findings);
    Ok(Done {
        findings,
        counts: ears.counts,
        simulated: until.since_start(),
        wall: begun.elapsed(),
    })
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

/// How the mock server behaves in this plan.
fn settings(plan: &Plan) -> server::Settings {
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

/// Makes an account for each organization; a paired one gets its device into the client's store.
fn open_accounts(plan: &Plan, server: &MockServer, setup: &mut Setup, recorder: &Recorder) {
    for (name, organization) in &plan.organizations {
        if !organization.paired {
            server.create_account(name, None);
            continue;
        }
        let mut device = Device::generate(&mut plan.seed.stream(&format!("device/{name}")));
        server.create_account(name, Some(&mut device));
        recorder.secrets().keep_device(name, &device);
        // A new store in memory takes everything.
        let _ = setup.store.put_device(&OrgId::new(name.clone()), device);
    }
}

//! Engines: what executes a plan and writes its trace.

mod client;
mod conductor;
mod ears;
mod link;
pub mod live;
mod network;
mod pongs;
mod process;
mod recorder;
mod secrets;
mod stage;
mod steps;
mod supervisor;
mod translate;
mod wire;
mod world;

use std::time::Duration;

use squall_protocol::{Instant, Millis};

use crate::expect::Expectations;
use crate::oracle::{Findings, Judge};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::subject::Setup;
use crate::trace::{Claims, FORMAT, Header};
use crate::words::OracleName;

pub(crate) use client::{BootFn, Program, TheGateway};
pub use ears::{Counts, Listener};
use live::Reach;
pub use pongs::Pongs;

/// An engine, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// The real driver, real frames, real Noise, the real axum app, over in-memory links in virtual time.
    #[default]
    Wire,
    /// The same over real sockets, in real time: for scenarios marked `live: true`.
    Live,
}

impl Engine {
    /// The name in reports and traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Live => "live",
        }
    }
}

/// One run to be done: a scenario with everything drawn, and how far to go.
pub(crate) struct Job<'a> {
    /// What the author meant.
    pub(crate) scenario: &'a Scenario,
    /// The scenario with everything drawn.
    pub(crate) plan: Plan,
    /// What the trace begins with.
    pub(crate) header: Header,
    /// Where the run ends: at the scenario's end, or before it.
    pub(crate) until: Instant,
    /// Who writes the trace down.
    pub(crate) writers: Vec<Box<dyn Listener>>,
    /// Whether anybody judges it.
    pub(crate) judged: bool,
}

/// What a run was.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) findings: Findings,
    pub(crate) counts: Counts,
    pub(crate) simulated: Millis,
    pub(crate) wall: Duration,
}

impl<'a> Job<'a> {
    /// A run of this plan for a subject that goes by this name and claims.
    pub(crate) fn new(
        scenario: &'a Scenario,
        mut plan: Plan,
        engine: Engine,
        subject: &str,
        claims: Claims,
    ) -> Self {
        if engine == Engine::Live {
            plan.starts = live::now();
        }
        let header = Header {
            version: FORMAT,
            name: scenario.name.clone(),
            scenario: scenario.text.to_string(),
            seed: plan.seed.0,
            engine: engine.name().to_owned(),
            subject: subject.to_owned(),
            starts: plan.starts,
            utc_offset: plan.offset.seconds(),
            runs_for: plan.ends.since_start(),
            organizations: plan
                .organizations
                .iter()
                .map(|(name, org)| (name.clone(), org.paired))
                .collect(),
            policy: plan.policy.clone(),
            guard_expected: plan.guard.expected,
            claims,
        };
        let until = plan.ends;
        Self {
            scenario,
            plan,
            header,
            until,
            writers: Vec::new(),
            judged: true,
        }
    }

    /// The judge of this run.
    fn judge(&self) -> Judge {
        let judge = Judge::new(&self.header);
        if self
            .header
            .claims
            .not_judged
            .contains(&OracleName::Expectations)
        {
            return judge;
        }
        judge.with(Box::new(Expectations::new(
            self.scenario,
            (self.until < self.plan.ends).then_some(self.until),
        )))
    }

    /// Runs it on its engine.
    pub(crate) fn run(
        self,
        engine: Engine,
        reach: &Reach,
        setup: Setup,
        program: impl Program,
    ) -> std::io::Result<Done> {
        match engine {
            Engine::Wire => wire::run(self, setup, program),
            Engine::Live => live::run(self, setup, program, reach),
        }
    }
}

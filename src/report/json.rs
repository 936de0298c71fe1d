//! The report for programs: one object. Its keys are part of the interface; `docs/report.schema.json` says what each is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};
use squall_protocol::{Instant, Millis};

use crate::engine;
use crate::exit::Exit;
use crate::run::{Ending, Verdict};
use crate::runner::Outcome;
use crate::words::OracleName;

/// The form of the report. Another one is written where a key goes away or means something else.
pub const FORMAT: u32 = 1;

/// What came of a set of scenarios.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The form of this report.
    #[schemars(extend("const" = FORMAT))]
    pub format: u32,
    /// The program that wrote it.
    pub version: String,
    /// What was tested.
    pub subject: String,
    /// What executed the scenarios.
    pub engine: String,
    /// Where each run was ended at the latest, in milliseconds since it began.
    pub until_ms: Option<u64>,
    /// Which part of the set this is; nothing where it is all of it.
    pub part: Option<Part>,
    /// The runs: by scenario, in the order in which they were given, then by seed.
    pub runs: Vec<Run>,
    /// All of them in numbers.
    pub totals: Total,
}

/// A part of a set: of the scenarios in their order, every `of`th from the `nth` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Which one, from 1.
    pub nth: usize,
    /// Of how many.
    pub of: usize,
}

/// What the runs of a report have in common.
#[derive(Clone, Copy, Debug)]
pub struct Set<'a> {
    /// The subject's name.
    pub subject: &'a str,
    /// The engine's name.
    pub engine: &'a str,
    /// Where each run was ended at the latest.
    pub until: Option<Instant>,
    /// Which part of the scenarios ran, if not all.
    pub part: Option<Part>,
}

/// A set in numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Total {
    /// Different scenarios.
    pub scenarios: usize,
    /// Runs: a scenario runs once for each seed.
    pub runs: usize,
    /// Runs that held.
    pub held: u64,
    /// Runs in which something is wrong.
    pub findings: u64,
    /// Runs that prove nothing, since a precondition was not met.
    pub inconclusive: u64,
    /// Runs that broke off by a bug of Squall's own.
    pub panicked: u64,
    /// Runs whose two traces differ.
    pub not_deterministic: u64,
    /// Runs whose trace could not be written, where nothing graver came of them.
    pub unwritten: u64,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Milliseconds that all of it took; of a merged report, what the slowest part took.
    pub wall_ms: u64,
}

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// Everything held.
    Held,
    /// Something is wrong.
    Findings,
    /// Nothing was found, but a precondition was not met.
    Inconclusive,
    /// It broke off by a bug of Squall's own.
    Panicked,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// The scenario's name.
    pub scenario: String,
    /// Its file.
    pub path: PathBuf,
    /// What was tested.
    pub subject: String,
    /// What executed it.
    pub engine: String,
    /// The seed that drew everything.
    pub seed: u64,
    /// What came of it. Two hashes that differ, where two runs were asked for, and a trace that could not be written are
    /// graver.
    pub verdict: Came,
    /// Simulated milliseconds.
    pub simulated_ms: Option<u64>,
    /// Milliseconds that it took.
    pub wall_ms: Option<u64>,
    /// Connections dialed.
    pub dials: Option<u64>,
    /// Sessions that ended.
    pub disconnects: Option<u64>,
    /// Faults put on or injected.
    pub faults: Option<u64>,
    /// How soon the subject's WebSocket Pings were answered.
    pub pongs: Option<Pongs>,
    /// The first findings of each oracle.
    pub findings: Vec<Found>,
    /// How many findings each oracle had.
    pub counts: BTreeMap<OracleName, u64>,
    /// How often each oracle had something to judge.
    pub judged: BTreeMap<OracleName, u64>,
    /// Preconditions that were not met.
    pub inconclusive: Vec<String>,
    /// Oracles that did not judge, since the subject never claimed what they ask.
    pub not_judged: Vec<OracleName>,
    /// What it panicked with.
    pub panic: Option<String>,
    /// Why its trace could not be written to the file that was asked for.
    pub unwritten: Option<String>,
    /// The BLAKE3 hash of the trace.
    pub trace_blake3: Option<String>,
    /// Of the second run's, where there was one.
    pub second_trace_blake3: Option<String>,
    /// The line that runs it again.
    pub replay: String,
}

/// How soon the subject's WebSocket Pings were answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pongs {
    /// How many were.
    pub count: u64,
    /// Half of them within so many milliseconds.
    pub p50_ms: Option<u64>,
    /// 99 of 100 within so many milliseconds.
    pub p99_ms: Option<u64>,
    /// All of them within so many milliseconds.
    pub worst_ms: Option<u64>,
}

impl Pongs {
    fn of(pongs: &engine::Pongs) -> Self {
        let ms = |of_a_thousand| pongs.per_mille(of_a_thousand).map(Millis::get);
        Self {
            count: pongs.count(),
            p50_ms: ms(500),
            p99_ms: ms(990),
            worst_ms: ms(1_000),
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Who says so.
    pub oracle: OracleName,
    /// When, in milliseconds since the run began.
    pub at_ms: u64,
    /// Whose session.
    pub org: Option<String>,
    /// On which connection.
    pub conn: Option<u64>,
    /// What, in one sentence.
    pub message: String,
}

impl Report {
    /// The outcomes of a set.
    pub fn of(outcomes: &[Outcome], set: &Set<'_>, wall: Duration) -> Self {
        let runs: Vec<Run> = outcomes.iter().map(run).collect();
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            subject: set.subject.to_owned(),
            engine: set.engine.to_owned(),
            until_ms: set.until.map(|until| until.since_start().get()),
            part: set.part,
            totals: Total::of(&runs, milliseconds(wall)),
            runs,
        }
    }

    /// As one JSON object, with a line end.
    pub fn text(&self) -> String {
        let text =
            serde_json::to_string_pretty(self).expect("plain values, which JSON can always hold");
        text + "\n"
    }

    /// The gravest of what came of its runs.
    pub fn exit(&self) -> Exit {
        self.runs.iter().map(Run::exit).max().unwrap_or_default()
    }
}

impl Total {
    /// These runs in numbers. A run counts once, where it is gravest.
    pub(super) fn of(runs: &[Run], wall_ms: u64) -> Self {
        let exits = |exit| runs.iter().filter(|run| run.exit() == exit).count() as u64;
        let paths: std::collections::BTreeSet<_> = runs.iter().map(|run| &run.path).collect();
        Self {
            scenarios: paths.len(),
            runs: runs.len(),
            held: exits(Exit::Held),
            findings: exits(Exit::Findings),
            inconclusive: exits(Exit::Inconclusive),
            panicked: exits(Exit::Bug),
            not_deterministic: exits(Exit::NotDeterministic),
            unwritten: exits(Exit::Usage),
            simulated_ms: runs
                .iter()
                .filter_map(|run| run.simulated_ms)
                .fold(0, u64::saturating_add),
            wall_ms,
        }
    }
}

impl Run {
    /// What it means for the exit code.
    fn exit(&self) -> Exit {
        let differs =
            self.second_trace_blake3.is_some() && self.second_trace_blake3 != self.trace_blake3;
        match self.verdict {
            Came::Panicked => Exit::Bug,
            _ if differs => Exit::NotDeterministic,
            _ if self.unwritten.is_some() => Exit::Usage,
            Came::Findings => Exit::Findings,
            Came::Inconclusive => Exit::Inconclusive,
            Came::Held => Exit::Held,
        }
    }
}

/// The JSON Schema of the report.
pub fn schema() -> Schema {
    schema_for!(Report)
}

/// An outcome as its run.
pub(super) fn run(outcome: &Outcome) -> Run {
    let ran = outcome.ran.as_ref();
    let verdict = ran.ok();
    Run {
        scenario: outcome.scenario.clone(),
        // JSON knows no other names than those that are text.
        path: outcome.path.to_string_lossy().into_owned().into(),
        subject: outcome.subject.clone(),
        engine: outcome.engine.name().to_owned(),
        seed: outcome.seed.0,
        verdict: match ran.map(Verdict::ending) {
            Ok(Ending::Held) => Came::Held,
            Ok(Ending::Findings) => Came::Findings,
            Ok(Ending::Inconclusive) => Came::Inconclusive,
            Err(_) => Came::Panicked,
        },
        simulated_ms: verdict.map(|verdict| verdict.simulated.get()),
        wall_ms: verdict.map(|verdict| milliseconds(verdict.wall)),
        dials: verdict.map(|verdict| verdict.happened.dials),
        disconnects: verdict.map(|verdict| verdict.happened.disconnects),
        faults: verdict.map(|verdict| verdict.happened.faults),
        pongs: verdict.map(|verdict| Pongs::of(&verdict.happened.pongs)),
        findings: verdict.map(found).unwrap_or_default(),
        counts: verdict
            .map(|verdict| verdict.counts.clone())
            .unwrap_or_default(),
        judged: verdict
            .map(|verdict| verdict.judged.clone())
            .unwrap_or_default(),
        inconclusive: verdict
            .map(|verdict| verdict.inconclusive.clone())
            .unwrap_or_default(),
        not_judged: verdict
            .map(|verdict| verdict.not_judged.clone())
            .unwrap_or_default(),
        panic: ran.err().cloned(),
        unwritten: outcome.unwritten.clone(),
        trace_blake3: outcome.hash.clone(),
        second_trace_blake3: outcome.second_hash.clone(),
        replay: outcome.replay.clone(),
    }
}

fn found(verdict: &Verdict) -> Vec<Found> {
    verdict
        .findings
        .iter()
        .map(|finding| Found {
            oracle: finding.oracle,
            at_ms: finding.at.since_start().get(),
            org: finding.org.as_ref().map(ToString::to_string),
            conn: finding.conn.map(|conn| conn.0),
            message: finding.message.clone(),
        })
        .collect()
}

/// Whole milliseconds.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

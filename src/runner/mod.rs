//! Runs scenarios as the command line asks for it: in parallel, each on a fresh thread, twice, judged from a file, and
//! all that against every mutant.

mod diff;
mod explain;
mod keep_alive;
mod name;
mod parallel;
mod probe;
mod selftest;
mod stored;
mod timeline;
mod word;
mod written;

use std::io;
use std::path::PathBuf;

use squall_protocol::Instant;

use crate::engine::live::Reach;
use crate::engine::{Engine, Listener};
use crate::exit::Exit;
use crate::run::{Ending, Options, Verdict, WritersFn, run_tested};
use crate::scenario::Scenario;
use crate::seed::Seed;
use crate::subject::Tested;
use crate::trace::{Excerpt, Header, Timeline};
use crate::words::OracleName;

use written::{Hashing, Naming};

pub use diff::{Compared, Incomparable, Parting, Whole, diff};
pub use keep_alive::{NotStudied, real_day, study};
pub use name::{quoted, replay, trace_file};
pub use parallel::{Panics, in_order, on_fresh_thread};
pub use probe::{is_seen, probe};
pub use selftest::{Catch, MutantTried, Selftest, WordHeld};
pub use stored::{Explained, Unjudgeable, judge, reread, story};
pub use word::Word;
pub(crate) use word::names;

/// How scenarios are run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What is tested.
    pub tested: Tested,
    /// What executes the plan.
    pub engine: Engine,
    /// How the live engine reaches its server.
    pub reach: Reach,
    /// The seed of every run; each scenario's own where there is none.
    pub seed: Option<Seed>,
    /// Ends every run there at the latest.
    pub until: Option<Instant>,
    /// Whether the trace is named by its hash, the same on every machine.
    pub hash: bool,
    /// Whether each scenario runs a second time, and the two traces must be the same. Where their names are not asked for,
    /// fingerprints are compared, which cost less.
    pub twice: bool,
    /// Whether the trace around the first findings is told as prose.
    pub explain: bool,
    /// The directory that full traces are written to.
    pub traces: Option<PathBuf>,
    /// Whether a timeline is drawn.
    pub timeline: bool,
}

impl Settings {
    /// A plain run against this subject.
    pub fn of(tested: Tested) -> Self {
        Self {
            tested,
            engine: Engine::default(),
            reach: Reach::default(),
            seed: None,
            until: None,
            hash: false,
            twice: false,
            explain: false,
            traces: None,
            timeline: false,
        }
    }
}

/// What came of one scenario.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The scenario's name.
    pub scenario: String,
    /// Its file; of a stored trace, the trace's.
    pub path: PathBuf,
    /// The line of the file on which its name stands, from 1.
    pub line: usize,
    /// The subject's name.
    pub subject: String,
    /// The engine.
    pub engine: Engine,
    /// The seed that drew everything.
    pub seed: Seed,
    /// The verdict, or what the run broke off with, which is a bug of ours.
    pub ran: Result<Verdict, String>,
    /// How what was found compares with what the scenario says of this subject.
    pub word: Word,
    /// The BLAKE3 hash of the trace, where it was asked for; of a run that was only to be compared with a second one, its
    /// fingerprint.
    pub hash: Option<String>,
    /// The same of the second run's trace, where one was asked for.
    pub second_hash: Option<String>,
    /// The trace around the first findings, as prose.
    pub explained: Vec<Excerpt>,
    /// Why the full trace could not be written.
    pub unwritten: Option<String>,
    /// The trace as a timeline, where it was asked for.
    pub timeline: Option<Box<Timeline>>,
    /// The line that runs it again.
    pub replay: String,
}

impl Outcome {
    /// Whether two runs with one seed had different traces.
    pub fn differs(&self) -> bool {
        self.second_hash.is_some() && self.second_hash != self.hash
    }

    /// What it means for the exit code.
    pub fn exit(&self) -> Exit {
        let written = if self.unwritten.is_some() {
            Exit::Usage
        } else {
            Exit::Held
        };
        let repeated = if self.differs() {
            Exit::NotDeterministic
        } else {
            Exit::Held
        };
        let ran = match self.ran.as_ref().map(Verdict::ending) {
            Err(_) => Exit::Bug,
            Ok(Ending::Findings) => Exit::Findings,
            Ok(Ending::Inconclusive) => Exit::Inconclusive,
            Ok(Ending::Held) => Exit::Held,
        };
        ran.max(repeated).max(written)
    }

    /// The oracles that found something; none where the run broke off.
    pub fn found(&self) -> impl Iterator<Item = OracleName> {
        self.ran
            .iter()
            .flat_map(|verdict| verdict.counts.keys().copied())
    }
}

/// Runs one scenario on a fresh thread; and again where it is to run twice, or to be explained.
pub fn run_one(scenario: &Scenario, settings: &Settings, panics: &Panics) -> Outcome {
    let seed = settings.seed.unwrap_or(scenario.seed);
    let subject = settings.tested.name();
    let mut outcome = Outcome {
        scenario: scenario.name.clone(),
        path: scenario.path.clone(),
        line: line_of_name(&scenario.text),
        subject: subject.to_owned(),
        engine: settings.engine,
        seed,
        ran: Err(String::new()),
        word: Word::None,
        hash: None,
        second_hash: None,
        explained: Vec::new(),
        unwritten: None,
        timeline: None,
        replay: replay(
            &scenario.path,
            seed,
            subject,
            (settings.engine, &settings.reach),
            settings.until,
        ),
    };
    let naming = match settings {
        Settings { hash: true, .. } => Some(Naming::Name),
        Settings { twice: true, .. } => Some(Naming::Fingerprint),
        _ => None,
    };
    let file = settings
        .traces
        .as_ref()
        .map(|directory| directory.join(trace_file(&scenario.name, subject, seed)));
    let kept = (settings.explain && settings.engine == Engine::Live).then(explain::Kept::default);
    let first = once(scenario, settings, panics, naming, file, kept.as_ref());
    outcome.ran = first.ran;
    outcome.hash = first.hash;
    outcome.unwritten = first.unwritten;
    outcome.timeline = first.timeline;
    if let (true, Some(naming), Ok(_)) = (settings.twice, naming, &outcome.ran) {
        let (ran, hash) = again(scenario, settings, panics, naming);
        outcome.second_hash = hash;
        if outcome.differs() {
            outcome.replay = outcome.replay.replace(" --explain", " --twice");
        }
        if let Err(broke) = ran {
            outcome.ran = Err(format!("the second run: {broke}"));
        }
    }
    if let (true, Ok(verdict)) = (settings.explain, &outcome.ran) {
        outcome.explained = match &kept {
            Some(kept) => kept.around(verdict),
            None => explain::by_running_again(scenario, settings, panics, verdict),
        };
    }
    if let (Tested::Before, Ok(verdict)) = (settings.tested, &mut outcome.ran) {
        outcome.word = word::hold(scenario, verdict);
    }
    outcome
}

/// One run, and what it left.
struct Once {
    ran: Result<Verdict, String>,
    hash: Option<String>,
    unwritten: Option<String>,
    timeline: Option<Box<Timeline>>,
}

fn once(
    scenario: &Scenario,
    settings: &Settings,
    panics: &Panics,
    naming: Option<Naming>,
    file: Option<PathBuf>,
    kept: Option<&explain::Kept>,
) -> Once {
    let (hashed, filed) = (
        written::Told::default(),
        written::Told::<io::Result<()>>::default(),
    );
    let drawn = timeline::Drawn::default();
    let writers: WritersFn = {
        let (hashed, filed, file) = (hashed.clone(), filed.clone(), file.clone());
        let (kept, drawn) = (kept.cloned(), settings.timeline.then(|| drawn.clone()));
        Box::new(move |header: &Header| {
            let mut writers: Vec<Box<dyn Listener>> = Vec::new();
            if let Some(naming) = naming {
                writers.push(Box::new(Hashing::new(naming, header, &hashed)));
            }
            if let Some(file) = &file {
                writers.push(Box::new(written::ToFile::new(file, header, &filed)));
            }
            writers.extend(kept.map(|kept| kept.listener(header)));
            writers.extend(drawn.map(|drawn| drawn.listener(header)));
            writers
        })
    };
    let ran = listened(scenario, settings, panics, writers, true);
    let unwritten = match (file, filed.get()) {
        (Some(file), Some(Err(error))) => Some(format!("{}: {error}", file.display())),
        (Some(file), None) if ran.is_ok() => {
            Some(format!("{}: the trace never ended", file.display()))
        }
        _ => None,
    };
    Once {
        ran,
        hash: hashed.get().cloned(),
        unwritten,
        timeline: drawn.take(),
    }
}

/// The same run once more, for its hash. Judges read the trace alone: where the hash is the same, so is what they find.
fn again(
    scenario: &Scenario,
    settings: &Settings,
    panics: &Panics,
    naming: Naming,
) -> (Result<Verdict, String>, Option<String>) {
    let hashed = written::Told::default();
    let writers: WritersFn = {
        let hashed = hashed.clone();
        Box::new(move |header: &Header| vec![Box::new(Hashing::new(naming, header, &hashed))])
    };
    let ran = listened(scenario, settings, panics, writers, false);
    (ran, hashed.get().cloned())
}

/// Runs a scenario on a fresh thread while somebody listens, and is judged or not.
fn listened(
    scenario: &Scenario,
    settings: &Settings,
    panics: &Panics,
    writers: WritersFn,
    judged: bool,
) -> Result<Verdict, String> {
    let options = Options {
        engine: settings.engine,
        reach: settings.reach.clone(),
        seed: settings.seed,
        until: settings.until,
        writers: Some(writers),
        unjudged: !judged,
    };
    on_fresh_thread(&scenario.name, panics, || {
        run_tested(scenario, settings.tested, options)
    })?
    .map_err(|error| format!("the engine could not be set up: {error}"))
}

/// The line of a scenario on which its name stands.
fn line_of_name(text: &str) -> usize {
    text.lines()
        .position(|line| line.starts_with("name:"))
        .map_or(1, |place| place + 1)
}

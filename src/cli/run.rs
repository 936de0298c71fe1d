//! `squall run`.

use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use squall::engine::Engine;
use squall::exit::Exit;
use squall::keep_alive::{Policy, Question};
use squall::report::keep_alive::section::Section;
use squall::report::{github, html, json, junit, text};
use squall::runner::{self, NotStudied, Outcome, Panics, Settings, in_order, run_one};
use squall::scenario::Scenario;
use squall::seed::{Seed, Seeds};
use squall::subject::Tested;
use squall::whole::WholeFile;
use squall_protocol::Instant;

use super::part::Part;
use super::{live, out, page, set};

/// Run scenarios and judge what happens
#[derive(Debug, Args)]
#[command(after_help = super::EXIT_CODES)]
pub(super) struct Run {
    #[command(flatten)]
    chosen: set::Chosen,
    /// Run only the Nth of M parts, as in 2/4, one for each machine; `squall merge` puts their reports together
    /// [default: all]
    #[arg(long, value_name = "N/M")]
    part: Option<Part>,
    /// List the scenarios and run none
    #[arg(long)]
    list: bool,
    /// Draw everything from this seed, or run once for each of a range such as 1..1000, of which only what does not hold
    /// is told [default: each scenario's own]
    #[arg(long, value_name = "N|A..B", allow_hyphen_values = true)]
    seed: Option<Seeds>,
    /// What executes the scenarios
    #[arg(long, value_enum, value_name = "E", default_value_t)]
    engine: Engine,
    #[command(flatten)]
    live: live::Flags,
    /// What is tested; `squall subjects` says what each is
    #[arg(long, value_name = "S", default_value = "session", value_parser = subjects(), hide_possible_values = true)]
    subject: Tested,
    #[command(flatten)]
    jobs: set::Jobs,
    /// Run each scenario twice; two different traces are exit 5 [default: once]
    #[arg(long)]
    twice: bool,
    /// End each run here, as in 30d; what is expected later is not judged [default: the scenario's end]
    #[arg(long, value_name = "T", value_parser = set::point)]
    until: Option<Instant>,
    /// Tell what happened around the first findings [default: findings alone]
    #[arg(long)]
    explain: bool,
    /// Write a report to read in a browser, index.html in this directory: timelines, the limiter's ledger and what was
    /// found; in virtual time each scenario runs against the gateway before too, to compare [default: none]
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Study too what a keep-alive costs, as `squall bench keep-alive` does, and put it into the report [default: not
    /// studied]
    #[arg(long, requires = "report")]
    keep_alive: bool,
    /// Write a JUnit report to this file too [default: none]
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write each full trace to NAME.SUBJECT.SEED.jsonl.zst in this directory, for `squall judge` [default: none]
    #[arg(long, value_name = "DIR")]
    trace: Option<PathBuf>,
    /// How the report is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    #[default]
    Text,
    /// One object, with a hash of each trace
    Json,
    /// For people, with annotations for GitHub, and a summary where GITHUB_STEP_SUMMARY says
    Github,
}

impl Run {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let mut scenarios = match self.chosen.load()? {
            Ok(scenarios) => scenarios,
            Err(exit) => return Ok(exit),
        };
        if let Some(part) = self.part {
            scenarios = part.of(scenarios);
        }
        if self.list {
            out::say(&list(&scenarios, self.seed))?;
            return Ok(Exit::Held);
        }
        let reach = match self.live.reach(self.engine, &scenarios, self.twice)? {
            Ok(reach) => reach,
            Err(exit) => return Ok(exit),
        };
        let junit = match self.prepare() {
            Ok(junit) => junit,
            Err(complaint) => {
                out::complain(&complaint)?;
                return Ok(Exit::Usage);
            }
        };
        let settings = Settings {
            tested: self.subject,
            engine: self.engine,
            reach,
            seed: None,
            until: self.until,
            hash: self.format == Format::Json,
            twice: self.twice,
            explain: self.explain,
            traces: self.trace.clone(),
            timeline: self.report.is_some(),
        };
        let took = set::stopwatch();
        let outcomes = self.all(&scenarios, &settings)?;
        let wall = took();
        match self.format {
            Format::Text | Format::Github => out::say(&text::total(&outcomes, wall))?,
            Format::Json => {
                let set = json::Set {
                    subject: settings.tested.name(),
                    engine: self.engine.name(),
                    until: self.until,
                    part: self.part.map(Into::into),
                };
                out::say(&json::Report::of(&outcomes, &set, wall).text())?;
            }
        }
        let mut exit = outcomes.iter().map(Outcome::exit).max().unwrap_or_default();
        if let (Some(file), Some(mut out)) = (&self.junit, junit)
            && let Err(error) =
                junit::write(&outcomes, settings.tested.name(), &mut out).and_then(|()| out.keep())
        {
            out::complain(&format!("--junit: {}: {error}", file.display()))?;
            exit = exit.max(Exit::Usage);
        }
        if self.format == Format::Github
            && let Some(file) = env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from)
            && let Err(error) = append(&file, &github::summary(&outcomes, wall))
        {
            out::complain(&format!("GITHUB_STEP_SUMMARY: {}: {error}", file.display()))?;
            exit = exit.max(Exit::Usage);
        }
        if let Some(directory) = &self.report {
            let compared = self.compared(&scenarios, &settings)?;
            let section = match self.studied() {
                Ok(section) => section,
                Err(error) => {
                    out::complain(&format!("--keep-alive: {error}"))?;
                    exit = exit.max(Exit::Usage);
                    None
                }
            };
            let report = html::Report {
                outcomes: &outcomes,
                compared: &compared,
                wall,
                keep_alive: section.as_ref(),
            };
            exit = exit.max(page::write(
                &report,
                directory,
                self.format != Format::Json,
            )?);
        }
        Ok(exit)
    }

    /// The same runs of the gateway before, for the report; none where they would take real time or be a sweep.
    fn compared(
        &self,
        scenarios: &[Scenario],
        settings: &Settings,
    ) -> anyhow::Result<Vec<Outcome>> {
        let sweep = self.seed.is_some_and(Seeds::is_sweep);
        if sweep || self.engine == Engine::Live || matches!(self.subject, Tested::Before) {
            return Ok(Vec::new());
        }
        let panics = Panics::watch();
        let runs = self.runs(scenarios);
        let bar = set::progress(runs.len(), "runs of before");
        let work = |(scenario, seed): &(&Scenario, Option<Seed>)| {
            let settings = Settings {
                tested: Tested::Before,
                seed: *seed,
                twice: false,
                hash: false,
                explain: false,
                traces: None,
                ..settings.clone()
            };
            let outcome = run_one(scenario, &settings, &panics);
            bar.inc(1);
            outcome
        };
        let mut compared = Vec::with_capacity(runs.len());
        in_order(&runs, self.jobs(runs.len()), work, |_, outcome| {
            compared.push(outcome);
            anyhow::Ok(())
        })?;
        bar.finish_and_clear();
        Ok(compared)
    }

    /// What a keep-alive costs, for the report, where that is asked for.
    fn studied(&self) -> Result<Option<Section>, NotStudied> {
        if !self.keep_alive {
            return Ok(None);
        }
        let sweep = Policy::sweep(&[], &[]);
        let study = runner::study(Question::default(), &sweep, self.jobs.number())?;
        Ok(Some(Section::new(&study, None)))
    }

    /// What must be there before anything runs, and the file of the JUnit report; or why it cannot be.
    fn prepare(&self) -> Result<Option<WholeFile>, String> {
        let unmade = |flag: &'static str, path: &PathBuf| {
            let path = path.display().to_string();
            move |error| format!("{flag}: {path}: {error}")
        };
        if let Some(directory) = &self.trace {
            fs::create_dir_all(directory).map_err(unmade("--trace", directory))?;
        }
        if let Some(directory) = &self.report {
            html::prepare(directory).map_err(unmade("--report", directory))?;
        }
        let Some(file) = &self.junit else {
            return Ok(None);
        };
        let junit = WholeFile::at(file).map_err(unmade("--junit", file))?;
        Ok(Some(junit))
    }

    /// Runs all of them, and tells each one as soon as it and those before it are done. Of a sweep, only what did not hold.
    fn all(&self, scenarios: &[Scenario], settings: &Settings) -> anyhow::Result<Vec<Outcome>> {
        let panics = Panics::watch();
        let columns = text::Columns::of(scenarios, self.until);
        let runs = self.runs(scenarios);
        let bar = set::progress(runs.len(), "runs");
        let told = self.format != Format::Json;
        let sweep = self.seed.is_some_and(Seeds::is_sweep);
        if told {
            bar.suspend(|| out::say(&columns.head()))?;
        }
        let mut outcomes = Vec::with_capacity(runs.len());
        let work = |(scenario, seed): &(&Scenario, Option<Seed>)| {
            let settings = Settings {
                seed: *seed,
                ..settings.clone()
            };
            let outcome = run_one(scenario, &settings, &panics);
            bar.inc(1);
            outcome
        };
        in_order(&runs, self.jobs(runs.len()), work, |_, mut outcome| {
            // A sweep is told by what does not hold.
            if sweep && outcome.exit() == Exit::Held {
                outcome.timeline = None;
            }
            if told && !(sweep && outcome.exit() == Exit::Held) {
                let mut said = text::outcome(&outcome, columns);
                if self.format == Format::Github {
                    said.push_str(&github::annotations(&outcome));
                }
                bar.suspend(|| out::say(&said))?;
            }
            outcomes.push(outcome);
            anyhow::Ok(())
        })?;
        bar.finish_and_clear();
        Ok(outcomes)
    }

    /// A run in real time mostly waits: all of them at once, where nothing else is said.
    fn jobs(&self, runs: usize) -> NonZeroUsize {
        match (self.engine, NonZeroUsize::new(runs)) {
            (Engine::Live, Some(runs)) => self.jobs.number_or(runs),
            _ => self.jobs.number(),
        }
    }

    /// What is to run: each scenario with each seed.
    fn runs<'a>(&self, scenarios: &'a [Scenario]) -> Vec<(&'a Scenario, Option<Seed>)> {
        let seeds: Vec<Option<Seed>> = match self.seed {
            Some(seeds) => seeds.all().map(Some).collect(),
            None => vec![None],
        };
        let of = |scenario| seeds.iter().map(move |seed| (scenario, *seed));
        scenarios.iter().flat_map(of).collect()
    }
}

/// Steps before this one may have written theirs.
fn append(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file)?;
    file.write_all(text.as_bytes())
}

/// The subjects by name.
fn subjects() -> impl TypedValueParser<Value = Tested> {
    let values = Tested::all().map(|tested| PossibleValue::new(tested.name()).help(tested.about()));
    PossibleValuesParser::new(values)
        .try_map(|name| Tested::by_name(&name).ok_or("no such subject"))
}

fn list(scenarios: &[Scenario], seeds: Option<Seeds>) -> String {
    let head = ["scenario", "runs for", "seed", "tags", "file"];
    let rows = scenarios.iter().map(|scenario| {
        vec![
            scenario.name.clone(),
            scenario.runs_for.to_string(),
            seeds.map_or_else(|| scenario.seed.to_string(), |seeds| seeds.to_string()),
            scenario.tags.join(", "),
            scenario.path.display().to_string(),
        ]
    });
    squall::report::table(&head, rows)
}

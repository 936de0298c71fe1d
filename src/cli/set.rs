//! What several commands share: the scenarios at some paths, the number of jobs, the progress bar.

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use squall::exit::Exit;
use squall::scenario::{self, Scenario};
use squall::words::Incident;
use squall_protocol::{Instant, Millis};

use super::out;

#[derive(Debug, Args)]
pub(super) struct Paths {
    /// Scenario files; a directory means every *.yaml below it
    #[arg(value_name = "PATHS", default_value = "scenarios")]
    paths: Vec<PathBuf>,
}

impl Paths {
    /// The scenarios, all of which can be read; or none, and what is wrong was told.
    pub(super) fn load(&self) -> io::Result<Option<Vec<Scenario>>> {
        match scenario::load(&self.paths) {
            Ok(scenarios) => Ok(Some(scenarios)),
            Err(errors) => {
                for error in &errors {
                    // The stream takes the colours out where nobody could see them.
                    out::complain(&error.render(true))?;
                }
                Ok(None)
            }
        }
    }
}

#[derive(Debug, Args)]
struct Only {
    /// Take only the scenarios of this name, file name, tag or incident; may be given several times [default: all]
    #[arg(long, value_name = "NAME|TAG")]
    only: Vec<String>,
}

impl Only {
    /// Those that are meant. Each word must mean at least one.
    fn of(&self, scenarios: Vec<Scenario>) -> Result<Vec<Scenario>, String> {
        for word in &self.only {
            if !scenarios.iter().any(|scenario| means(word, scenario)) {
                return Err(unknown(word, &scenarios));
            }
        }
        let wanted = |scenario: &Scenario| {
            self.only.is_empty() || self.only.iter().any(|word| means(word, scenario))
        };
        Ok(scenarios.into_iter().filter(wanted).collect())
    }
}

/// Which scenarios a command is about.
#[derive(Debug, Args)]
pub(super) struct Chosen {
    #[command(flatten)]
    paths: Paths,
    #[command(flatten)]
    only: Only,
}

impl Chosen {
    /// Those scenarios; or none, what is wrong was told, and the exit code says it.
    pub(super) fn load(&self) -> io::Result<Result<Vec<Scenario>, Exit>> {
        let Some(scenarios) = self.paths.load()? else {
            return Ok(Err(Exit::BadScenario));
        };
        match self.only.of(scenarios) {
            Ok(scenarios) => Ok(Ok(scenarios)),
            Err(complaint) => {
                out::complain(&complaint)?;
                Ok(Err(Exit::Usage))
            }
        }
    }
}

fn means(word: &str, scenario: &Scenario) -> bool {
    let file = scenario.path.file_stem().and_then(|stem| stem.to_str());
    let incident = scenario.incident.map(Incident::name);
    scenario.name == word
        || file == Some(word)
        || incident == Some(word)
        || scenario.tags.iter().any(|tag| tag == word)
}

fn unknown(word: &str, scenarios: &[Scenario]) -> String {
    let known = scenarios.iter().flat_map(|scenario| {
        let tags = scenario.tags.iter().map(String::as_str);
        let incident = scenario.incident.map(Incident::name);
        tags.chain([scenario.name.as_str()]).chain(incident)
    });
    let guess = known
        .map(|known| (strsim::jaro_winkler(known, word), known))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| format!(", did you mean {known:?}?"))
        .unwrap_or_default();
    format!(
        "no scenario has the name, the tag or the incident {word:?}{guess} (`squall run --list` shows them all)"
    )
}

#[derive(Debug, Args)]
pub(super) struct Jobs {
    /// How many scenarios run at a time [default: one for each core]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl Jobs {
    /// As it is said, or else so many.
    pub(super) fn number_or(&self, most: NonZeroUsize) -> NonZeroUsize {
        self.jobs.unwrap_or(most)
    }

    pub(super) fn number(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.jobs.unwrap_or_else(cores)
    }
}

/// A point of a run, as the command line writes it: how long after the beginning.
pub(super) fn point(text: &str) -> Result<Instant, String> {
    text.parse::<Millis>()
        .map(|length| Instant::START + length)
        .map_err(|error| error.to_string())
}

/// A progress bar on the standard error, where that is a terminal.
pub(super) fn progress(runs: usize, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg}, {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(runs as u64)
        .with_style(style)
        .with_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// How long something took, for people.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a command took is told to people, nothing else"
)]
pub(super) fn stopwatch() -> impl Fn() -> Duration {
    let begun = std::time::Instant::now();
    move || begun.elapsed()
}

//! From paths to scenarios: every file is read before any of them runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::de::DeserializeOwned;

use super::check::{Complaint, check};
use super::gateway::{self, GatewaySettings};
use squall_mock_server::fault::EngineKind;

use super::model::{Action, Scenario};
use super::place::{of_token, of_word};
use super::problem::Problem;
use super::raw::RawScenario;
use super::yaml::{self, Place};

/// A scenario has at most so many bytes: a hundred times the longest that we know.
const MOST_BYTES: u64 = 1024 * 1024;

/// Something that is wrong with a scenario file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file or directory, as it was given.
    pub path: PathBuf,
    /// The place in it, where there is one.
    pub place: Option<Place>,
    /// What is wrong.
    pub problem: Problem,
    /// The file's text, for the snippet; empty where it could not be read.
    text: Arc<str>,
}

impl LoadError {
    fn of_path(path: &Path, problem: Problem) -> Self {
        Self {
            path: path.to_owned(),
            place: None,
            problem,
            text: "".into(),
        }
    }

    /// The error with its snippet, in colour for a terminal or without for everything else.
    pub fn render(&self, colour: bool) -> String {
        let Some(place) = &self.place else {
            return format!("{}: {}", self.path.display(), self.problem);
        };
        let head = format!(
            "{}:{}:{}: {}",
            self.path.display(),
            place.line,
            place.column,
            self.problem
        );
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let snippet = Snippet::source(&*self.text)
            .annotation(AnnotationKind::Primary.span(place.bytes.clone()));
        let report = [Group::with_level(Level::ERROR).element(snippet)];
        format!("{head}\n{}", renderer.render(&report))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for LoadError {}

/// Reads the scenarios at these paths, in their order. A directory means every `*.yaml` below it, sorted by path; a
/// file that is met twice is read once.
///
/// # Errors
/// Everything that is wrong with any of them: nothing runs unless all of them can.
pub fn load(paths: &[PathBuf]) -> Result<Vec<Scenario>, Vec<LoadError>> {
    let (mut scenarios, mut errors) = (Vec::new(), Vec::new());
    let mut met = BTreeSet::new();
    for path in files(paths, &mut errors) {
        if !met.insert(fs::canonicalize(&path).unwrap_or_else(|_| path.clone())) {
            continue;
        }
        match read(&path)
            .map_err(|problem| vec![LoadError::of_path(&path, problem)])
            .and_then(|text| parse(&text, &path))
        {
            Ok(scenario) => scenarios.push(scenario),
            Err(more) => errors.extend(more),
        }
    }
    errors.extend(names_taken_twice(&scenarios));
    if errors.is_empty() {
        Ok(scenarios)
    } else {
        Err(errors)
    }
}

/// Reads one scenario from its text. `path` is what errors and reports call it.
///
/// # Errors
/// The first thing that is no scenario at all; or else everything that contradicts itself or could never happen.
pub fn parse(text: &str, path: &Path) -> Result<Scenario, Vec<LoadError>> {
    if is_blank(text) {
        return Err(vec![LoadError::of_path(path, Problem::Empty)]);
    }
    parse_as(text, path, |raw: RawScenario, text| check(raw, text, path))
}

/// Reads a gateway's settings from their file.
///
/// # Errors
/// As [`parse`].
pub fn load_gateway(path: &Path) -> Result<GatewaySettings, Vec<LoadError>> {
    let text = read(path).map_err(|problem| vec![LoadError::of_path(path, problem)])?;
    // Where nothing is said, everything keeps its default.
    let text = if is_blank(&text) { "{}" } else { &text };
    parse_as(text, path, gateway::check)
}

fn is_blank(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_start);
    lines.all(|line| line.is_empty() || line.starts_with('#'))
}

/// Reads a text in two strides: its form, then its meaning.
fn parse_as<R: DeserializeOwned, T>(
    text: &str,
    path: &Path,
    check: impl FnOnce(R, &Arc<str>) -> Result<T, Vec<Complaint>>,
) -> Result<T, Vec<LoadError>> {
    let text: Arc<str> = text.into();
    let error = |place: Option<Place>, problem| LoadError {
        path: path.to_owned(),
        place,
        problem,
        text: Arc::clone(&text),
    };
    let raw: R = yaml::parse(&text).map_err(|(at, problem)| {
        let place = at
            .filter(|(line, _)| *line > 0)
            .map(|at| of_token(&text, at));
        vec![error(place, problem)]
    })?;
    check(raw, &text).map_err(|complaints| {
        complaints
            .into_iter()
            .map(|(place, problem)| error(place, problem))
            .collect()
    })
}

impl Scenario {
    /// Each fault that this engine does not execute. A scenario with one is refused, never run without it.
    pub fn lacking(&self, engine: EngineKind) -> Vec<LoadError> {
        let name = match engine {
            EngineKind::Wire => "wire",
            EngineKind::Model => "model",
            EngineKind::Live => "live",
        };
        let lacking = self.steps.iter().filter_map(|step| {
            let (Action::Inject { fault, .. } | Action::Fault { fault, .. }) = &step.action else {
                return None;
            };
            let info = fault.info();
            let lacks = !info.engines.contains(&engine);
            lacks.then(|| LoadError {
                path: self.path.clone(),
                place: Some(of_word(&self.text, info.name, step.line)),
                problem: Problem::EngineLacks {
                    fault: info.name,
                    engine: name,
                },
                text: Arc::clone(&self.text),
            })
        });
        lacking.collect()
    }
}

fn read(path: &Path) -> Result<String, Problem> {
    let unreadable = |error: std::io::Error| Problem::Unreadable(error.to_string());
    let bytes = fs::metadata(path).map_err(unreadable)?.len();
    if bytes > MOST_BYTES {
        return Err(Problem::TooLong {
            bytes,
            most: MOST_BYTES,
        });
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    if let Some(zero) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Problem::NoText(zero));
    }
    String::from_utf8(bytes).map_err(|error| Problem::NoText(error.utf8_error().valid_up_to()))
}

/// The files that these paths mean.
fn files(paths: &[PathBuf], errors: &mut Vec<LoadError>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let (before, wrong) = (files.len(), errors.len());
        below(path, &mut files, errors);
        if files.len() == before && errors.len() == wrong {
            errors.push(LoadError::of_path(path, Problem::NoScenarios));
        }
    }
    files
}

/// Every `*.yaml` below a directory, sorted. Links to directories are not followed, since they may lead in a circle.
fn below(directory: &Path, files: &mut Vec<PathBuf>, errors: &mut Vec<LoadError>) {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries: Vec<fs::DirEntry> = match entries {
        Ok(entries) => entries,
        Err(error) => {
            errors.push(LoadError::of_path(
                directory,
                Problem::Unreadable(error.to_string()),
            ));
            return;
        }
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&path, files, errors);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            files.push(path);
        }
    }
}

fn names_taken_twice(scenarios: &[Scenario]) -> Vec<LoadError> {
    let mut first: BTreeMap<&str, &Path> = BTreeMap::new();
    let mut errors = Vec::new();
    for scenario in scenarios {
        if let Some(other) = first.get(scenario.name.as_str()) {
            let (name, other) = (scenario.name.clone(), (*other).to_owned());
            errors.push(LoadError::of_path(
                &scenario.path,
                Problem::NameTaken { name, other },
            ));
        } else {
            first.insert(&scenario.name, &scenario.path);
        }
    }
    errors
}

//! The report as one HTML file that needs nothing else: no network, no build step, no server.
//!
//! Everything that comes from a scenario or a run is JSON in a data block and becomes text by `textContent` alone. The
//! page's policy names its one script and its one style by their hashes, so nothing else can run. A timeline is compressed
//! in a block of its own and opened when somebody looks at its run, so that a set with a year in it opens at once.

mod page;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::json::{self, Run};
use super::keep_alive::section::Section;
use crate::runner::Outcome;
use crate::trace::{Facts, Timeline};

/// The file in the report's directory.
pub const FILE: &str = "index.html";

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What ran.
    pub outcomes: &'a [Outcome],
    /// The same runs of the subject to compare with, in the same order; or none.
    pub compared: &'a [Outcome],
    /// How long all of it took.
    pub wall: Duration,
    /// What a keep-alive costs, where that was studied.
    pub keep_alive: Option<&'a Section>,
}

/// A run as the page has it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    run: Run,
    line: usize,
    /// The data block of its timeline.
    timeline: Option<String>,
    facts: Option<&'a Facts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<Box<Shown<'a>>>,
}

/// What the page knows at once.
#[derive(Serialize)]
struct Known<'a> {
    version: &'static str,
    wall_ms: u64,
    runs: Vec<Shown<'a>>,
    keep_alive: Option<&'a Section>,
}

impl Report<'_> {
    /// Writes the report into this directory, which is there: whole, or not at all.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, directory: &Path) -> io::Result<PathBuf> {
        let page = self.page()?;
        let mut file = NamedTempFile::new_in(directory)?;
        file.write_all(page.as_bytes())?;
        file.as_file().sync_all()?;
        let path = directory.join(FILE);
        // A temporary file is its maker's alone; a report is for whoever may read the directory.
        readable(file.as_file())?;
        file.persist(&path).map_err(|error| error.error)?;
        Ok(path)
    }

    /// The page, whole.
    fn page(&self) -> io::Result<String> {
        let mut blocks = Vec::new();
        let mut runs = Vec::with_capacity(self.outcomes.len());
        for (place, outcome) in self.outcomes.iter().enumerate() {
            let mut shown = shown(outcome, format!("timeline-{place}"), &mut blocks)?;
            if let Some(compared) = self.compared.get(place) {
                let id = format!("compared-{place}");
                shown.compared = Some(Box::new(self::shown(compared, id, &mut blocks)?));
            }
            runs.push(shown);
        }
        let known = Known {
            version: env!("CARGO_PKG_VERSION"),
            wall_ms: json::milliseconds(self.wall),
            runs,
            keep_alive: self.keep_alive,
        };
        let picture = self.keep_alive.map_or("", |section| &section.picture);
        Ok(page::page(picture, &embedded(&known), &blocks))
    }
}

/// Whether a report can be written into this directory, which is made if it is not there.
///
/// # Errors
/// Why not.
pub fn prepare(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    if directory.join(FILE).is_dir() {
        let error = format!("{FILE} in it is a directory");
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, error));
    }
    NamedTempFile::new_in(directory).map(drop)
}

fn shown<'a>(
    outcome: &'a Outcome,
    id: String,
    blocks: &mut Vec<(String, String)>,
) -> io::Result<Shown<'a>> {
    let timeline = outcome.timeline.as_deref();
    if let Some(timeline) = timeline {
        blocks.push((id.clone(), packed(timeline)?));
    }
    Ok(Shown {
        run: json::run(outcome),
        line: outcome.line,
        timeline: timeline.map(|_| id),
        facts: timeline.map(|timeline| &timeline.facts),
        compared: None,
    })
}

/// Compressed (zlib, RFC 1950, which every browser takes apart) and in base64.
fn packed(timeline: &Timeline) -> io::Result<String> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    serde_json::to_writer(&mut encoder, timeline)?;
    Ok(BASE64_STANDARD.encode(encoder.finish()?))
}

/// JSON that cannot end the element that it stands in: `<` is always inside a string, where it may be written so.
fn embedded(known: &Known<'_>) -> String {
    serde_json::to_string(known)
        .expect("plain values, which JSON can always hold")
        .replace('<', "\\u003c")
}

#[cfg(unix)]
fn readable(file: &std::fs::File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &std::fs::File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;

//! The cases: one scenario each.

use std::fs;
use std::time::Duration;

use anyhow::Context;

use crate::run::root;

/// Where they are.
pub(crate) const CASES: &str = "interop/cases";

/// One scenario that every client is put through.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// Its path from the root.
    pub(crate) path: String,
    pub(crate) name: String,
    /// How long it runs.
    pub(crate) lasts: Duration,
}

/// All, by their file names.
pub(crate) fn all() -> anyhow::Result<Vec<Case>> {
    let mut names: Vec<String> = fs::read_dir(root().join(CASES))
        .context(CASES)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<anyhow::Result<_>>()?;
    names.retain(|name| name.ends_with(".yaml"));
    names.sort();
    names
        .iter()
        .map(|name| read(&format!("{CASES}/{name}")))
        .collect()
}

fn read(path: &str) -> anyhow::Result<Case> {
    let text = fs::read_to_string(root().join(path)).with_context(|| path.to_owned())?;
    let value = |key: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
            .with_context(|| format!("{path} has no {key}"))
    };
    let seconds = value("runs_for")?
        .strip_suffix('s')
        .and_then(|seconds| seconds.parse().ok())
        .with_context(|| format!("{path}: runs_for in seconds, as in 40s"))?;
    Ok(Case {
        path: path.to_owned(),
        name: value("name")?.to_owned(),
        lasts: Duration::from_secs(seconds),
    })
}

//! Reading our own source.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of ours.
pub(crate) struct Source {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Its lines with their numbers, comments left out.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .map(|(index, line)| (index + 1, line.split(" // ").next().unwrap_or(line)))
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        let test_name = |part: &str| {
            let stem = part.trim_end_matches(".rs");
            ["tests", "testing", "test_support"].contains(&stem)
        };
        self.path.split('/').any(test_name)
    }

    /// The lines that are no test: those before the file's own module of tests.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let inner = self
            .text
            .lines()
            .position(|line| line.starts_with("mod tests {"))
            .unwrap_or(usize::MAX);
        self.code().take_while(move |(number, _)| *number <= inner)
    }
}

/// Every file below `from` with this ending, in order; neither what was built or installed nor anything hidden.
pub(crate) fn files(from: &str, ending: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut open = vec![root().join(from)];
    while let Some(path) = open.pop() {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let unread = name.starts_with('.') || name == "node_modules" || name == "target";
        if path != root() && unread {
            continue;
        }
        if path.is_dir() {
            let inside = fs::read_dir(&path).expect("a directory of ours can be read");
            open.extend(inside.map(|entry| entry.expect("an entry can be read").path()));
        } else if path.extension().is_some_and(|end| end == ending) {
            found.push(Source {
                path: from_root(&path),
                text: fs::read_to_string(&path).expect("a file of ours is text"),
            });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(
        !found.is_empty(),
        "no .{ending} below {from}: this test would hold nothing"
    );
    found
}

fn from_root(path: &Path) -> String {
    let inside: PathBuf = path.strip_prefix(root()).expect("below the root").into();
    inside
        .iter()
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// Fails with everything that was found, and the way out.
#[track_caller]
pub(crate) fn none(found: &[String], way_out: &str) {
    assert!(found.is_empty(), "\n{}\n\n{way_out}\n", found.join("\n"));
}

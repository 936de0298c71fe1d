//! Each file by itself: its size, and what it does not contain.

use crate::source::{files, none};

/// A file is one idea. Longer than this, it is two.
const MAX_LINES: usize = 450;

/// What no file of ours contains, and what to do instead. In two parts each, so that this list does not find itself.
const NEVER: &[([&str; 2], &str)] = &[
    (
        ["#[al", "low("],
        "an exception is #[expect(lint, reason = \"…\")]",
    ),
    (
        ["#![al", "low("],
        "an exception is #![expect(lint, reason = \"…\")]",
    ),
    (
        ["#[ign", "ore"],
        "a test that is not run is deleted, or made to pass",
    ),
    (["todo", "!("], "what is unfinished is not committed"),
    (
        ["unimple", "mented!("],
        "what is unfinished is not committed",
    ),
];

#[test]
fn no_file_is_longer_than_one_idea() {
    let found: Vec<String> = files("", "rs")
        .iter()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(source, lines)| format!("{}: {lines} lines", source.path))
        .collect();
    none(
        &found,
        &format!(
            "At most {MAX_LINES} lines a file: find the second idea in it, and give it a file."
        ),
    );
}

#[test]
fn nothing_is_allowed_ignored_or_left_to_do() {
    let mut found = Vec::new();
    for source in files("", "rs") {
        for (number, line) in source.code() {
            for (parts, instead) in NEVER {
                if line.contains(&parts.concat()) {
                    found.push(format!(
                        "{}:{number}: {}…: {instead}",
                        source.path,
                        parts.concat()
                    ));
                }
            }
        }
    }
    none(&found, "There is no exception to this one.");
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let found: Vec<String> = files("", "toml")
        .iter()
        .filter(|manifest| manifest.path.ends_with("Cargo.toml"))
        .filter(|manifest| !manifest.text.contains("[lints]\nworkspace = true"))
        .map(|manifest| manifest.path.clone())
        .collect();
    none(&found, "Add to it:\n[lints]\nworkspace = true");
}

//! Two stored traces, compared: equal, parting somewhere, of two scenarios, and unreadable.

use std::fs;
use std::path::{Path, PathBuf};

use super::squall;

const NOON: &str = "tests/cli/story/closed-at-noon.yaml";

/// The trace of a run, in a folder of its own below this one.
fn traced(folder: &Path, scenario: &str, more: &[&str]) -> PathBuf {
    let folder = folder.join(format!("of{}", more.concat()));
    let to = ["--trace", folder.to_str().unwrap()];
    squall(&[&["run", scenario], more, &to].concat());
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    file.path()
}

/// The exit code, and what was said to the one and the other output.
fn diff(one: &Path, other: &Path) -> (Option<i32>, String, String) {
    let output = squall(&["diff", one.to_str().unwrap(), other.to_str().unwrap()]);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn has_in_order(text: &str, parts: &[&str]) {
    let mut from = 0;
    for part in parts {
        let at = text[from..].find(part);
        from += at.unwrap_or_else(|| panic!("{part:?} is not where it should be in\n{text}"));
    }
}

#[test]
fn two_runs_of_one_seed_are_equal() {
    let folder = tempfile::tempdir().unwrap();
    let one = traced(folder.path(), NOON, &[]);
    let again = traced(folder.path(), NOON, &["--jobs", "1"]);
    let (code, said, _) = diff(&one, &again);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("scenario \"closed at noon\"\nequal: "),
        "{said}"
    );
}

#[test]
fn before_and_now_part_where_the_session_waits() {
    let folder = tempfile::tempdir().unwrap();
    let now = traced(folder.path(), NOON, &[]);
    let before = traced(folder.path(), NOON, &["--subject", "before"]);
    let (code, said, _) = diff(&before, &now);
    assert_eq!(code, Some(1));
    has_in_order(
        &said,
        &[
            "How the runs were set up",
            "subject",
            "They part after ",
            "Then, in the first",
            "Then, in the second",
            "What each run came to",
            "dials",
        ],
    );
    insta::assert_snapshot!(said);
}

#[test]
fn another_rule_is_named_and_so_is_the_line_that_gave_it() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(NOON).unwrap();
    let file = folder.path().join("closed-at-noon.yaml");
    let policy = "policy: { keep_alive: { dead_after: 45s } }\n";
    fs::write(&file, format!("{text}{policy}")).unwrap();
    let one = traced(folder.path(), NOON, &[]);
    let other = traced(folder.path(), file.to_str().unwrap(), &["--jobs", "1"]);
    let (code, said, _) = diff(&one, &other);
    assert_eq!(code, Some(1));
    has_in_order(
        &said,
        &[
            "policy.dead_after",
            "1m",
            "45s",
            "scenario, line ",
            "nothing",
            policy.trim(),
            "What happened is equal: ",
        ],
    );
}

#[test]
fn of_two_seeds_the_first_message_that_is_later_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let hour = "tests/cli/story/an-hour.yaml";
    let one = traced(folder.path(), hour, &["--seed", "3"]);
    let other = traced(folder.path(), hour, &["--seed", "4"]);
    let (code, said, _) = diff(&one, &other);
    assert_eq!(code, Some(1));
    has_in_order(&said, &["seed", "3", "4", "They part after "]);
}

#[test]
fn traces_of_two_scenarios_and_broken_ones_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let noon = traced(folder.path(), NOON, &[]);
    let hour = traced(
        folder.path(),
        "tests/cli/story/an-hour.yaml",
        &["--jobs", "1"],
    );
    let (code, said, why) = diff(&noon, &hour);
    assert_eq!((code, said.as_str()), (Some(3), ""));
    assert!(
        why.contains("is of the scenario \"closed at noon\" and ")
            && why.contains("of \"an hour\""),
        "{why}"
    );

    let whole = fs::read(&noon).unwrap();
    let lines = String::from_utf8(zstd::decode_all(&whole[..]).unwrap()).unwrap();
    let newer = lines.replacen("{\"version\":1,", "{\"version\":2,", 1);
    let newer = zstd::encode_all(newer.as_bytes(), 0).unwrap();
    let broken = folder.path().join("broken.jsonl.zst");
    for (bytes, expected) in [
        (&whole[..whole.len() / 2], "cut off"),
        (
            &newer[..],
            "the trace has format 2, and this program reads format 1",
        ),
        (&b"no trace at all"[..], "not compressed with zstd"),
        (&b""[..], "not compressed with zstd"),
    ] {
        fs::write(&broken, bytes).unwrap();
        for (one, other) in [(&noon, &broken), (&broken, &noon)] {
            let (code, said, why) = diff(one, other);
            assert_eq!((code, said.as_str()), (Some(3), ""));
            assert!(
                why.contains("broken.jsonl.zst: ") && why.contains(expected),
                "{why}"
            );
        }
    }
    fs::remove_file(&broken).unwrap();
    let (code, _, why) = diff(&noon, &broken);
    assert_eq!(code, Some(3));
    assert!(why.contains("broken.jsonl.zst: "), "{why}");
}

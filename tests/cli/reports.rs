//! Reports: a page to read, parts that are merged, the summary of a step, JUnit.

use std::fs;
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

use super::{json, squall};

#[test]
fn a_report_to_read_is_written_with_the_runs_of_before_and_nothing_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let report = directory.path().join("made/on/demand");
    let shown = report.to_str().unwrap();
    let output = squall(&["run", "tests/cli/story", "--report", shown]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "before's findings are not the session's"
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.ends_with(&format!("report: {shown}/index.html\n")),
        "{said}"
    );
    let files: Vec<_> = fs::read_dir(&report).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let page = fs::read_to_string(report.join("index.html")).unwrap();
    for part in [
        "timeline-0",
        "timeline-1",
        "compared-1",
        "closed at noon",
        "--subject before",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

/// What a run took is the only thing that two runs may differ in.
fn without_times(mut report: Value) -> Value {
    report["totals"]["wall_ms"] = Value::Null;
    for run in report["runs"].as_array_mut().unwrap() {
        run["wall_ms"] = Value::Null;
    }
    report
}

#[test]
fn the_merged_report_of_four_parts_equals_the_whole_one() {
    let directory = tempfile::tempdir().unwrap();
    let set = [
        "run",
        "tests/cli/story",
        "tests/cli/wrong",
        "--format",
        "json",
    ];
    let files: Vec<_> = (1..=4)
        .map(|nth| {
            let part = format!("{nth}/4");
            let output = squall(&[&set[..], &["--part", &part]].concat());
            let file = directory.path().join(format!("{nth}.json"));
            fs::write(&file, output.stdout).unwrap();
            file.to_str().unwrap().to_owned()
        })
        .collect();
    let merge = |files: &[&str]| squall(&[&["merge"], files].concat());
    let whole = squall(&set);
    // In any order.
    let merged = merge(&[&files[2], &files[0], &files[3], &files[1]]);
    assert_eq!(merged.status.code(), whole.status.code());
    assert_eq!(without_times(json(&merged)), without_times(json(&whole)));

    let twice = merge(&[&files[0], &files[0]]);
    assert_eq!((twice.status.code(), twice.stdout.len()), (Some(2), 0));
    let said = String::from_utf8(twice.stderr).unwrap();
    assert!(
        said.contains("\"an hour\" with seed 3 is in another"),
        "{said}"
    );
    let text = fs::read_to_string(&files[1]).unwrap();
    for (wrong, why) in [
        (text.replace("\"format\": 1", "\"format\": 2"), "has form 2"),
        (text[..text.len() / 2].to_owned(), "EOF while parsing"),
        ("{}".to_owned(), "missing field"),
    ] {
        fs::write(&files[1], wrong).unwrap();
        let refused = merge(&[&files[0], &files[1], "tests/cli/nowhere.json"]);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(3), 0));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(
            said.contains(why) && said.contains("nowhere.json: "),
            "{said}"
        );
    }
    fs::write(
        &files[1],
        text.replace("\"subject\": \"session\"", "\"subject\": \"before\""),
    )
    .unwrap();
    let other = merge(&[&files[0], &files[1]]);
    assert_eq!(other.status.code(), Some(2));
    let said = String::from_utf8(other.stderr).unwrap();
    assert!(said.contains("its subject is \"before\""), "{said}");
}

#[test]
fn on_github_a_step_has_a_summary_behind_those_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("summary.md");
    fs::write(&file, "before\n").unwrap();
    let run = || {
        let mut command = Command::cargo_bin("squall").unwrap();
        command.args(["run", "tests/cli/wrong", "--format", "github"]);
        command
    };
    let output = run().env("GITHUB_STEP_SUMMARY", &file).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("::error file=tests/cli/wrong/wrong-expectation.yaml,line="),
        "{said}"
    );
    let summary = fs::read_to_string(&file).unwrap();
    assert!(summary.starts_with("before\n### Squall"), "{summary}");
    assert!(summary.contains("a wrong expectation"), "{summary}");
    let output = run()
        .env("GITHUB_STEP_SUMMARY", directory.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_junit_report_is_written_beside_the_other() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("report.xml");
    let output = squall(&["run", "tests/cli/wrong", "--junit", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let xml = fs::read_to_string(file).unwrap();
    assert!(
        xml.contains(r#"<testsuite name="session" tests="2" skipped="0" errors="0" failures="2">"#),
        "{xml}"
    );
    assert!(
        xml.contains("replay: squall run tests/cli/wrong/never-put-to-the-test.yaml"),
        "{xml}"
    );
}

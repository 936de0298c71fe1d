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
    // Not in the order of the alphabet.
    let set = [
        "run",
        "tests/cli/wrong",
        "tests/cli/story",
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

    let some = merge(&[&files[0], &files[2], &files[3]]);
    assert_eq!((some.status.code(), some.stdout.len()), (Some(2), 0));
    let said = String::from_utf8(some.stderr).unwrap();
    assert!(said.contains("part 2 of 4 is missing"), "{said}");

    let twice = merge(&[&files[0], &files[0]]);
    assert_eq!((twice.status.code(), twice.stdout.len()), (Some(2), 0));
    let said = String::from_utf8(twice.stderr).unwrap();
    assert!(
        said.contains(" is in another of these reports too"),
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
    for (is, other, why) in [
        (
            "\"subject\": \"session\"",
            "\"subject\": \"before\"",
            "its subject is \"before\"",
        ),
        (
            "\"until_ms\": null",
            "\"until_ms\": 60000",
            "its --until is \"60000 ms\", and \"the end\"",
        ),
        (
            "\"of\": 4",
            "\"of\": 2",
            "its number of parts is \"2\", and \"4\"",
        ),
    ] {
        assert!(text.contains(is), "{is}");
        fs::write(&files[1], text.replace(is, other)).unwrap();
        let refused = merge(&[&files[0], &files[1], &files[2], &files[3]]);
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn reports_of_other_seeds_are_merged_as_one_sweep_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let run = |seeds| {
        let set = [
            "run",
            "tests/cli/story",
            "--format",
            "json",
            "--until",
            "1m",
        ];
        squall(&[&set[..], &["--seed", seeds]].concat())
    };
    let files = ["3..4", "1..2"].map(|seeds| {
        let file = directory.path().join(format!("{seeds}.json"));
        fs::write(&file, run(seeds).stdout).unwrap();
        file.to_str().unwrap().to_owned()
    });
    let merged = squall(&["merge", &files[0], &files[1]]);
    let whole = run("1..4");
    assert_eq!(merged.status.code(), whole.status.code());
    assert_eq!(without_times(json(&merged)), without_times(json(&whole)));
}

#[test]
fn a_run_that_is_refused_leaves_the_report_before_it_alone() {
    let directory = tempfile::tempdir().unwrap();
    let junit = directory.path().join("report.xml");
    fs::write(&junit, "of yesterday").unwrap();
    let junit = junit.to_str().unwrap();
    for (refused, code) in [
        (["--engine", "live"], 3),
        (["--report", "Cargo.toml"], 2),
        (["--only", "nothing of that name"], 2),
    ] {
        let run = ["run", "tests/cli/wrong", "--junit", junit];
        let output = squall(&[&run[..], &refused].concat());
        assert_eq!(output.status.code(), Some(code), "{refused:?}");
        assert_eq!(fs::read_to_string(junit).unwrap(), "of yesterday");
    }
    let files = fs::read_dir(directory.path()).unwrap().count();
    assert_eq!(files, 1, "nothing is left beside it");
}

#[cfg(unix)]
#[test]
fn a_scenario_whose_path_is_no_text_is_told_all_the_same() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(OsStr::from_bytes(b"caf\xe9.yaml"));
    fs::copy("tests/cli/story/an-hour.yaml", &path).unwrap();
    let report = directory.path().join("report");
    let output = Command::cargo_bin("squall")
        .unwrap()
        .arg("run")
        .arg(&path)
        .args(["--format", "json", "--report"])
        .arg(&report)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    let shown = json(&output)["runs"][0]["path"].clone();
    assert!(
        shown.as_str().unwrap().ends_with("caf\u{fffd}.yaml"),
        "{shown}"
    );
    assert!(report.join("index.html").is_file());
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

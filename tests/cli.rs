//! The command line, as it is typed and as it answers. `TRYCMD=overwrite cargo test --test cli` writes the answers anew.

use std::fs;
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;

#[test]
fn every_command_answers_as_it_did() {
    trycmd::TestCases::new().case("tests/cli/*.trycmd");
}

fn squall(arguments: &[&str]) -> Output {
    Command::cargo_bin("squall")
        .unwrap()
        .args(arguments)
        .output()
        .unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn json_carries_what_a_program_needs() {
    let output = squall(&[
        "run",
        "tests/cli/story",
        "--subject",
        "before",
        "--format",
        "json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    assert_eq!(report["subject"], "before");
    assert_eq!(report["totals"]["scenarios"], 2);
    let [hour, noon] = report["runs"].as_array().unwrap().as_slice() else {
        panic!("two runs")
    };
    assert_eq!(
        (&hour["verdict"], &noon["verdict"]),
        (&"held".into(), &"findings".into())
    );
    assert_eq!(hour["seed"], 3);
    assert_eq!(hour["simulated_ms"], 3_600_000);
    assert_eq!(hour["trace_blake3"].as_str().unwrap().len(), 64);
    let first = &noon["findings"][0];
    assert_eq!(first["org"], "1");
    assert!(first["at_ms"].as_u64().unwrap() > 3_600_000);
    assert_eq!(
        noon["replay"],
        "squall run tests/cli/story/closed-at-noon.yaml --seed 1 --subject before --explain"
    );
}

#[test]
fn the_same_seed_gives_the_same_trace_whatever_runs_beside_it_and_another_seed_another() {
    let hashes = |more: &[&str]| {
        let output = squall(&[&["run", "tests/cli/story", "--format", "json"], more].concat());
        let report = json(&output);
        let runs = report["runs"].as_array().unwrap().iter();
        runs.map(|run| run["trace_blake3"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let plain = hashes(&["--jobs", "1"]);
    assert_eq!(plain, hashes(&["--jobs", "2", "--twice"]));
    assert_ne!(plain[0], hashes(&["--seed", "4"])[0]);
}

#[test]
fn a_stored_trace_is_judged_as_its_run_was() {
    let directory = tempfile::tempdir().unwrap();
    let traces = directory.path().join("made/on/demand");
    let shown = traces.to_str().unwrap();
    let ran = squall(&[
        "run",
        "tests/cli/story",
        "--subject",
        "before",
        "--trace",
        shown,
        "--until",
        "90m",
    ]);
    assert_eq!(ran.status.code(), Some(1));
    let mut files: Vec<_> = fs::read_dir(&traces)
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    files.sort();
    assert_eq!(
        files,
        [
            "an-hour.before.3.jsonl.zst",
            "closed-at-noon.before.1.jsonl.zst"
        ]
    );
    let file = traces.join("closed-at-noon.before.1.jsonl.zst");
    let judged = squall(&["judge", file.to_str().unwrap(), "--explain"]);
    assert_eq!(judged.status.code(), Some(1));
    let (ran, judged) = (
        String::from_utf8(ran.stdout).unwrap(),
        String::from_utf8(judged.stdout).unwrap(),
    );
    let findings = |text: &str| {
        let lines = text
            .lines()
            .filter(|line| line.contains("dial_attribution  "));
        lines.map(str::trim).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(!findings(&ran).is_empty());
    assert_eq!(findings(&ran), findings(&judged));
    assert!(
        judged.contains("disconnected: connection_closed"),
        "{judged}"
    );
}

#[test]
fn what_cannot_be_written_is_said_before_anything_runs() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("a-file");
    fs::write(&file, "").unwrap();
    let below = file.join("below");
    for flag in ["--trace", "--junit"] {
        let output = squall(&["run", "tests/cli/story", flag, below.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with(&format!("error: {flag}: ")), "{said}");
    }
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

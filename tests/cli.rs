//! The command line, as it is typed and as it answers. `TRYCMD=overwrite cargo test --test cli` writes the answers anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

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

fn json(output: &Output) -> Value {
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
    for flag in ["--trace", "--junit", "--report"] {
        let output = squall(&["run", "tests/cli/story", flag, below.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with(&format!("error: {flag}: ")), "{said}");
    }
}

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

#[test]
fn a_new_scenario_holds_and_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let dir = directory.path().join("made/on/demand");
    let new = |name: &str| squall(&["new", name, "--dir", dir.to_str().unwrap()]);
    assert_eq!(new("My first: story").status.code(), Some(0));
    let file = dir.join("my-first-story.yaml");
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.contains("name: \"My first: story\"\n"), "{written}");

    let again = new("my first story");
    assert_eq!(again.status.code(), Some(2));
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(
        said.contains("my-first-story.yaml: is there already"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), written);

    let path = file.to_str().unwrap();
    assert_eq!(squall(&["run", path]).status.code(), Some(0));
    let before = squall(&["run", path, "--subject", "before"]);
    let said = String::from_utf8(before.stdout).unwrap();
    assert!(said.contains("as the scenario says of before"), "{said}");
    assert_eq!(new("\u{2026}").status.code(), Some(2));
    let blocked = squall(&["new", "a story", "--dir", path]);
    assert_eq!(blocked.status.code(), Some(2));
    let said = String::from_utf8(blocked.stderr).unwrap();
    assert!(said.contains("cannot be written"), "{said}");
}

#[test]
fn every_command_has_a_manual_page_and_is_completed_in_every_shell() {
    let help = String::from_utf8(squall(&["--help"]).stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = listed
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.contains(&"run"), "{commands:?}");

    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    assert_eq!(
        squall(&["man", pages.to_str().unwrap()]).status.code(),
        Some(0)
    );
    for command in &commands {
        let page = fs::read_to_string(pages.join(format!("squall-{command}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    let main = String::from_utf8(squall(&["man"]).stdout).unwrap();
    for command in &commands {
        assert!(main.contains(&format!("squall\\-{command}(1)")), "{main}");
    }

    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = String::from_utf8(squall(&["completions", shell]).stdout).unwrap();
        for command in &commands {
            assert!(script.contains(command), "{shell} does not know {command}");
        }
    }
}

/// Colours where somebody can see them, and the same text without them everywhere else.
#[test]
fn an_answer_says_the_same_with_and_without_colour() {
    let said = |arguments: &[&str], variable: &str| {
        let output = Command::cargo_bin("squall")
            .unwrap()
            .args(arguments)
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR_FORCE")
            .env(variable, "1")
            .output()
            .unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    for (arguments, coloured) in [
        (&["--help"][..], true),
        (&["faults", "clsoe"], true),
        (&["oracles", "hold"], true),
        (&["subjects", "befor"], true),
        (&["plan", "tests/cli/none"], true),
        (&["new", "…"], true),
        (&["man", "tests/cli.rs"], true),
        (&["faults", "close"], false),
        (&["oracles", "holds"], false),
        (&["subjects", "before"], false),
        (&["plan", "tests/cli/story"], false),
        (&["completions", "bash"], false),
        (&["man"], false),
    ] {
        let (bright, plain) = (
            said(arguments, "CLICOLOR_FORCE"),
            said(arguments, "NO_COLOR"),
        );
        assert_eq!(bright.contains('\u{1b}'), coloured, "{bright}");
        assert!(!plain.contains('\u{1b}'), "{plain}");
        assert_eq!(anstream::adapter::strip_str(&bright).to_string(), plain);
    }
}

/// The trace of the gateway as it was before, which is closed at noon and comes back by itself.
fn stored(folder: &Path) -> PathBuf {
    squall(&[
        "run",
        "tests/cli/story/closed-at-noon.yaml",
        "--subject",
        "before",
        "--trace",
        folder.to_str().unwrap(),
    ]);
    let file = fs::read_dir(folder).unwrap().next().unwrap().unwrap();
    file.path()
}

#[test]
fn a_finding_is_told_as_what_was_injected_known_and_done_and_the_rule_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    let trace = stored(folder.path());
    let output = squall(&["explain", trace.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let story = String::from_utf8(output.stdout).unwrap();
    let headings = [
        "finding 1 of ",
        "\nWhat was injected\n",
        "fault close: once",
        "\nWhat the session knew\n",
        "conn 1: close frame",
        "\nWhat it did\n",
        "dials conn 2 for attempt 1",
        "\nWhich rule it broke\n",
        "The rule: every connection is one dial of one admitted start",
        "Here: a dial that nothing pays for",
    ];
    let mut from = 0;
    for heading in headings {
        let at = story[from..].find(heading);
        from += at.unwrap_or_else(|| panic!("{heading:?} is not where it should be in\n{story}"));
    }
    let output = squall(&["explain", trace.to_str().unwrap(), "--finding", "99"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--finding 99: the trace has "), "{said}");
}

#[test]
fn a_trace_for_perfetto_has_a_lane_for_each_and_marks_what_was_found() {
    let folder = tempfile::tempdir().unwrap();
    let trace = stored(folder.path());
    let file = folder.path().join("for-perfetto.json");
    let arguments = [
        "judge",
        trace.to_str().unwrap(),
        "--perfetto",
        file.to_str().unwrap(),
    ];
    assert_eq!(squall(&arguments).status.code(), Some(1));
    let written: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let events = written["traceEvents"].as_array().unwrap();
    let names = |phase: &str| -> Vec<&str> {
        let of_phase = events.iter().filter(|event| event["ph"] == phase);
        of_phase
            .map(|event| event["name"].as_str().unwrap())
            .collect()
    };
    for slice in ["conn 1", "conn 2", "connected", "IQ ping", "close"] {
        assert!(names("X").contains(&slice), "{slice}");
    }
    for instant in [
        "start asked for",
        "disconnected: connection_closed",
        "dial_attribution",
    ] {
        assert!(names("i").contains(&instant), "{instant}");
    }
    // Microseconds: the close comes one hour after the run began, and a slice ends after it begins.
    let closed = events.iter().find(|event| event["name"] == "close");
    assert_eq!(closed.unwrap()["ts"], 3_600_000_000_u64);
    assert!(
        events
            .iter()
            .all(|event| event["ph"] != "X" || event["dur"].as_u64().is_some())
    );
}

#[test]
fn a_trace_that_is_cut_off_or_of_another_kind_is_refused_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let trace = stored(folder.path());
    let whole = fs::read(&trace).unwrap();
    let broken = folder.path().join("broken.jsonl.zst");
    let file = folder.path().join("for-perfetto.json");
    for (bytes, why) in [
        (&whole[..whole.len() / 2], "cut off"),
        (&b"no trace at all"[..], "not compressed with zstd"),
        (&b""[..], "not compressed with zstd"),
    ] {
        fs::write(&broken, bytes).unwrap();
        let broken = broken.to_str().unwrap();
        let perfetto = ["judge", broken, "--perfetto", file.to_str().unwrap()];
        for arguments in [&["explain", broken][..], &perfetto[..]] {
            let output = squall(arguments);
            assert_eq!(output.status.code(), Some(3), "{arguments:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(
                said.contains(why) && said.contains("broken.jsonl.zst"),
                "{said}"
            );
        }
    }
    // A folder that is not there takes nothing.
    let nowhere = folder.path().join("nowhere/for-perfetto.json");
    let arguments = [
        "judge",
        trace.to_str().unwrap(),
        "--perfetto",
        nowhere.to_str().unwrap(),
    ];
    assert_eq!(squall(&arguments).status.code(), Some(2));
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    left.sort();
    let mut expected = vec![broken, trace];
    expected.sort();
    assert_eq!(left, expected);
}

//! The command line, as it is typed and as it answers. `TRYCMD=overwrite cargo test --test cli` writes the answers anew.

mod diff;
mod reports;
mod told;
mod traces;

use std::fs;
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
        (&["man", "tests/cli/main.rs"], true),
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

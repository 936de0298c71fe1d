//! Stored traces: judged anew, explained, written for Perfetto, and refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

use super::{json, squall};

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

/// A file system that is full, as a limit on what one process may write to a file makes it.
#[cfg(unix)]
#[test]
fn a_trace_that_cannot_be_written_is_said_and_no_half_of_it_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let squall = Command::cargo_bin("squall").unwrap();
    let output = Command::new("bash")
        .args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "bash"])
        .arg(squall.get_program())
        .args(["run", "tests/cli/story/an-hour.yaml", "--format", "json"])
        .arg("--trace")
        .arg(directory.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let report = json(&output);
    let run = &report["runs"][0];
    assert_eq!(run["verdict"], "held");
    let why = run["unwritten"].as_str().unwrap();
    assert!(why.contains("an-hour.session.3.jsonl.zst: "), "{why}");
    assert_eq!(
        (&report["totals"]["held"], &report["totals"]["unwritten"]),
        (&0.into(), &1.into())
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    let part = tempfile::NamedTempFile::new().unwrap();
    fs::write(part.path(), &output.stdout).unwrap();
    let merged = super::squall(&["merge", part.path().to_str().unwrap()]);
    assert_eq!(merged.status.code(), Some(2));
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

/// A pairing, whose handoff dials before the old connection is let go; answers that come later than the next ping; two
/// faults of which the second begins while the first stands and outlives it.
const OVERLAPS: &str = r#"
name: two at once
runs_for: 5h
organizations: { "1": { paired: false } }
phone: { scans_after: 2s }
steps:
  - { at: 0s, start_session: { org: "1" } }
  - { at: 1h, fault: { delay_reply: { by: 30s } }, for: 2h }
  - { at: 2h, fault: { latency: { base: 100ms } }, for: 2h }
"#;

/// Perfetto drops a slice that overlaps another of its track in part, and says nothing.
#[test]
fn what_lasts_at_the_same_time_is_on_tracks_of_its_own_and_all_of_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("two-at-once.yaml"), OVERLAPS).unwrap();
    let path = |name: &str| at(name).to_str().unwrap().to_owned();
    let ran = squall(&["run", &path("two-at-once.yaml"), "--trace", &path(".")]);
    assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    let (trace, file) = (
        path("two-at-once.session.1.jsonl.zst"),
        path("for-perfetto.json"),
    );
    let judged = squall(&["judge", &trace, "--perfetto", &file]);
    assert_eq!(judged.status.code(), Some(0), "{judged:?}");
    let written: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let events = written["traceEvents"].as_array().unwrap();

    let number = |event: &Value, name: &str| event[name].as_u64().unwrap();
    let mut tracks: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for slice in events.iter().filter(|event| event["ph"] == "X") {
        let (from, lasts) = (number(slice, "ts"), number(slice, "dur"));
        let track = (number(slice, "pid"), number(slice, "tid"));
        tracks.entry(track).or_default().push((from, from + lasts));
        *names.entry(slice["name"].as_str().unwrap()).or_default() += 1;
    }
    for (track, slices) in &mut tracks {
        // One that begins with another and is longer is around it.
        slices.sort_by_key(|(from, to)| (*from, std::cmp::Reverse(*to)));
        let mut open: Vec<u64> = Vec::new();
        for (from, to) in slices {
            open.retain(|end| end > from);
            let within = open.iter().all(|end| end >= to);
            assert!(within, "{track:?}: {from} to {to} ends after {open:?}");
            open.push(*to);
        }
    }
    for (name, count) in [
        ("delay_reply", 1),
        ("latency", 1),
        ("conn 1", 1),
        ("conn 2", 1),
    ] {
        assert_eq!(names.get(name), Some(&count), "{name} in {names:?}");
    }
    // Five hours of one every 25 s, and one on top after each login.
    let pings = names.get("IQ ping").copied().unwrap_or_default();
    assert!((715..=725).contains(&pings), "{names:?}");
    let named: BTreeSet<u64> = events
        .iter()
        .filter(|event| event["name"] == "thread_name" && event["pid"] == 2)
        .map(|event| number(event, "tid"))
        .collect();
    let drawn = tracks.keys().filter(|(process, _)| *process == 2);
    assert!(
        drawn.clone().count() > 3,
        "more rows than lanes: {tracks:?}"
    );
    assert!(
        drawn.clone().all(|(_, track)| named.contains(track)),
        "{named:?}"
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

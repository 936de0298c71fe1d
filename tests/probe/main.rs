//! `squall probe`: real processes, judged by what the server sees of them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;

/// A scenario with these steps, in a file.
fn scenario(runs_for: &str, rest: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    let text = format!(
        "name: a probe\nlive: true\nruns_for: {runs_for}\norganizations: {{ \"1\": {{ paired: false }} }}\nlink: {{ latency: 0ms }}\n\
         policy: {{ limiter: {{ delay: 1s }} }}\n{rest}"
    );
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn probe(file: &tempfile::NamedTempFile, flags: &[&str], command: &[&str]) -> Output {
    Command::cargo_bin("squall")
        .unwrap()
        .arg("probe")
        .arg(file.path())
        .args(flags)
        .arg("--")
        .args(command)
        .output()
        .unwrap()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Dials, asks for the WebSocket and waits for the end of the stream; again and again, a second apart.
const RELENTLESS: &str = r#"
host=${SQUALL_URL#ws://}; host=${host%/ws/chat}
while :; do
  exec 3<>"/dev/tcp/${host%:*}/${host##*:}"
  printf 'GET /ws/chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n' >&3
  cat <&3 >/dev/null
  exec 3>&-
  echo dialing again
  sleep 1
done"#;

#[test]
fn whoever_redials_by_itself_is_found() {
    let file = scenario(
        "6s",
        "steps:\n  - { on: { upgrade: { nth: 1 } }, inject: { eof: {} } }\nexpect:\n  - dials: { org: \"1\", count: 1 }\n",
    );
    let output = probe(&file, &["--format", "json"], &["bash", "-c", RELENTLESS]);
    assert_eq!(output.status.code(), Some(1));
    let report = report(&output);
    let found: Vec<&str> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["oracle"].as_str().unwrap())
        .collect();
    assert!(
        found.contains(&"dial_attribution") && found.contains(&"expect"),
        "{report:#}"
    );
    assert_eq!(report["dials"], 2);
    let did = report["client"]["did"].as_array().unwrap();
    assert!(did[1].as_str().unwrap().contains("; eof at "), "{report:#}");
    assert!(
        did[2]
            .as_str()
            .unwrap()
            .contains("after the end of the one before"),
        "{report:#}"
    );
    let first = &report["client"]["connections"][0];
    assert_eq!(first["struck"]["fault"], "eof");
    assert_eq!(first["client_ended"]["how"], "by the end of the stream");
    assert_eq!(report["client"]["died"], Value::Null);
}

#[test]
fn a_process_that_dies_is_an_outcome_and_its_last_words_are_kept() {
    let file = scenario(
        "2s",
        "expect:\n  - outcome: { is: stopped }\n  - dials: { org: \"1\", count: 0 }\n",
    );
    let output = probe(
        &file,
        &["--format", "json"],
        &["sh", "-c", "echo $SQUALL_ORGANIZATION >&2; exit 3"],
    );
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    let report = report(&output);
    assert_eq!(report["client"]["died"]["exit_code"], 3);
    assert_eq!(report["client"]["said"], serde_json::json!(["1"]));
    assert!(report["not_judged"].as_str().unwrap().contains("holds"));
}

#[test]
fn what_a_process_started_ends_with_the_run() {
    let file = scenario("1s", "");
    let output = probe(
        &file,
        &["--format", "json"],
        &["sh", "-c", "sleep 600 & echo $!; wait"],
    );
    let report = report(&output);
    let id = report["client"]["said"][0].as_str().unwrap();
    // A zombie that nobody has waited for yet is dead too.
    let state = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
}

#[test]
fn an_interrupt_ends_the_client_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let file = scenario("600s", "");
    // Both processes hold the socket: it ends when both are gone.
    let client = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; sleep 600 & sleep 600");
    let mut probe = Command::cargo_bin("squall")
        .unwrap()
        .arg("probe")
        .arg(file.path())
        .args(["--", "bash", "-c", &client])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut held, _) = listener.accept().unwrap();
    let id = probe.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert!(sent.success());
    assert_eq!(probe.wait().unwrap().code(), Some(2));
    assert_eq!(held.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn the_real_session_as_a_process_of_its_own_holds() {
    let steps = "steps:\n  - { at: 0s, start_session: { org: \"1\" } }\n  - { on: { login: {} }, after: 1s, inject: { eof: {} } }\n\
                 expect:\n  - dials: { org: \"1\", count: 2 }\n";
    let file = scenario("8s", steps);
    let client = scenario(
        "7s",
        "phone: { scans_after: 500ms }\nsteps:\n  - { at: 0s, start_session: { org: \"1\" } }\n",
    );
    let squall = Command::cargo_bin("squall").unwrap();
    let squall = squall.get_program().to_str().unwrap();
    let run = format!(
        "exec {squall} run {} --engine live --connect $SQUALL_URL --root-key $SQUALL_ROOT_KEY",
        client.path().display()
    );
    let output = probe(&file, &[], &["sh", "-c", &run]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("2 connections dialed, 1 login") && said.contains("; eof at "),
        "{said}"
    );
    assert!(
        said.contains("not judged, since only the client itself could tell: "),
        "{said}"
    );
}

#[test]
fn what_cannot_be_probed_is_said() {
    let fine = scenario("1s", "");
    let output = probe(&fine, &[], &["/nowhere/to/be/found"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("/nowhere/to/be/found cannot be run"),
        "{said}"
    );

    for (rest, why) in [
        (
            "steps:\n  - { at: 0s, suspend: { for: 1s } }\n",
            "cannot be done to a process of its own",
        ),
        (
            "steps:\n  - { at: 0s, inject: { refuse_connect: {} } }\n",
            "no real socket can have refuse_connect",
        ),
    ] {
        let output = probe(&scenario("1s", rest), &[], &["true"]);
        assert_eq!(output.status.code(), Some(3));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(why), "{said}");
    }
}

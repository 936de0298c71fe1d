//! `squall probe`: real processes, judged by what the server sees of them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

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
fn a_client_is_not_killed_by_what_it_writes() {
    let file = scenario("2s", "");
    let client = "printf 'caf\\351\\n'; head -c 5000000 /dev/zero | tr '\\0' x; sleep 0.2; echo; echo on; exec sleep 600";
    let output = probe(&file, &["--format", "json"], &["sh", "-c", client]);
    let report = report(&output);
    assert_eq!(report["client"]["died"], Value::Null, "{report:#}");
    let said = report["client"]["said"].as_array().unwrap();
    assert_eq!(said[0], "caf\u{fffd}");
    assert_eq!(said.last().unwrap(), "on");
    let longest = said.iter().map(|line| line.as_str().unwrap().len()).max();
    assert_eq!(longest, Some(8_192), "an endless line is kept in pieces");
}

#[test]
fn what_a_process_started_ends_with_it_and_with_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for how in ["wait", "exit 0"] {
        let (mut probe, mut held) =
            holding(&listener, "1s", &["env"], &format!("sleep 600 & {how}"));
        assert_eq!(probe.wait().unwrap().code(), Some(0), "{how}");
        assert_eq!(held.read_to_end(&mut Vec::new()).unwrap(), 0, "{how}");
    }
}

/// A probe of a client that holds a connection to this listener and goes on with this: it ends when all its processes are
/// gone.
fn holding(
    listener: &TcpListener,
    runs_for: &str,
    launcher: &[&str],
    then: &str,
) -> (Child, TcpStream) {
    let port = listener.local_addr().unwrap().port();
    let file = scenario(runs_for, "");
    let client = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; {then}");
    let squall = Command::cargo_bin("squall").unwrap();
    let probe = Command::new(launcher[0])
        .args(&launcher[1..])
        .arg(squall.get_program())
        .arg("probe")
        .arg(file.path())
        .args(["--", "bash", "-c", &client])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (held, _) = listener.accept().unwrap();
    // What outlives its run fails the test, and does not hang it.
    held.set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    (probe, held)
}

/// Two processes.
const TWO: &str = "sleep 600 & sleep 600";

fn signal(name: &str, process: &Child) {
    let id = process.id().to_string();
    let sent = Command::new("kill").args([name, &id]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn an_interrupt_ends_the_client_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for name in ["-INT", "-TERM", "-HUP"] {
        // Whoever runs the tests may have had SIGHUP ignored, as nohup does, and a child is born so.
        let heard = ["env", "--default-signal=HUP"];
        let (mut probe, mut held) = holding(&listener, "600s", &heard, TWO);
        signal(name, &probe);
        assert_eq!(probe.wait().unwrap().code(), Some(2), "{name}");
        assert_eq!(held.read_to_end(&mut Vec::new()).unwrap(), 0, "{name}");
    }
}

#[test]
fn whoever_was_started_to_outlive_its_terminal_does() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut probe, mut held) = holding(&listener, "2s", &["nohup"], TWO);
    signal("-HUP", &probe);
    assert_eq!(probe.wait().unwrap().code(), Some(0));
    assert_eq!(held.read_to_end(&mut Vec::new()).unwrap(), 0);
}

#[test]
fn what_the_scenario_killed_is_not_said_to_have_run_to_the_end() {
    let steps = "steps:\n  - { at: 0s, start_session: { org: \"1\" } }\n  - { at: 1s, client_crash: { down_for: 600s } }\n\
                 expect:\n  - dials: { org: \"1\", count: 1 }\n";
    let file = scenario("2s", steps);
    // Its last words would have cleared the screen.
    let output = probe(
        &file,
        &[],
        &["sh", "-c", "printf 'going \\033[2Jon\\n'; sleep 600"],
    );
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("process: killed by the scenario at 1s") && !said.contains("ran to the end"),
        "{said}"
    );
    assert!(
        said.contains("going  [2Jon") && !said.contains('\u{1b}'),
        "{said}"
    );
    let output = probe(&file, &["--format", "json"], &["sleep", "600"]);
    let client = &report(&output)["client"];
    assert_eq!(client["died"], Value::Null);
    assert!(client["killed_ms"].as_u64() >= Some(1_000), "{client:#}");
}

#[test]
fn the_replay_line_says_all_that_was_said() {
    let file = scenario("2s", "");
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("certificate.pem");
    let certificate = certificate.to_str().unwrap();
    let flags = [
        "--format",
        "json",
        "--until",
        "1s",
        "--strict",
        "--tls-cert",
        certificate,
    ];
    let output = probe(&file, &flags, &["sleep", "600"]);
    let path = file.path().display();
    assert_eq!(
        report(&output)["replay"],
        format!(
            "squall probe {path} --seed 1 --until 1s --tls-cert {certificate} --strict --explain -- sleep 600"
        )
    );
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

//! The session's driver against a server that it did not start: `squall run --connect` against `squall serve`, which strike
//! and act by the same scenario, each its part.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;
use tempfile::NamedTempFile;

use crate::server::Server;

/// It pairs, is connected, and gets a 515; the operator asks again in vain.
const STORY: &str = r#"
name: elsewhere
live: true
runs_for: 9s
organizations: { "2": { paired: false } }
policy: { keep_alive: { interval: 1s, late_after: 1s, dead_after: 5s, zombie_after: 7s }, active_ping: { interval: 1s }, limiter: { delay: 1s } }
phone: { scans_after: 300ms }
steps:
  - { at: 0s, start_session: { org: "2" } }
  - { on: { login: { nth: 1 } }, after: 4s, inject: { stream_error: { code: "515" } } }
  - { at: 8s, start_session: { org: "2" } }
expect:
  - dials: { org: "2", count: 2 }
  - cause: { org: "2", nth: 1, is: restart_required }
  - status: { org: "2", is: connected, at: 5s }
  - cause: { org: "2", nth: 2, is: rate_limited }
  - denied: { org: "2", cause: block, count: 1 }
"#;

#[test]
fn the_session_holds_to_a_server_that_it_did_not_start() {
    let file = story();
    let server = Server::start(&["--scenario", path(&file)]);
    held(&run(&server, path(&file), &[]));
}

#[test]
fn and_over_tls() {
    let file = story();
    let server = Server::start(&["--tls", "--scenario", path(&file)]);
    let mut certificate = NamedTempFile::new().unwrap();
    let pem = server.listening["certificate"].as_str().unwrap();
    certificate.write_all(pem.as_bytes()).unwrap();
    held(&run(&server, path(&file), &["--trust", path(&certificate)]));
}

fn story() -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    file.write_all(STORY.as_bytes()).unwrap();
    file
}

fn path(file: &NamedTempFile) -> &str {
    Path::to_str(file.path()).unwrap()
}

fn run(server: &Server, scenario: &str, more: &[&str]) -> Output {
    let url = server.listening["url"].as_str().unwrap();
    let key = server.listening["root_key"].as_str().unwrap();
    Command::cargo_bin("squall")
        .unwrap()
        .args(["run", scenario, "--engine", "live", "--connect", url])
        .args(["--root-key", key, "--explain"])
        .args(more)
        .output()
        .unwrap()
}

fn held(output: &Output) {
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}{complaint}");
}

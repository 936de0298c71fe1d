//! The way back for a device that an end had moved aside.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;

use super::process::{Gateway, Server};
use super::{CONFIG, NEW_STORE, directory};

const SHORT: &str = "policy: { limiter: { delay: 200ms, cooldown: 1ms } }\n";

fn restore(at: &Path, org: &str, attempt: &str) -> Output {
    Command::cargo_bin("squall")
        .unwrap()
        .args(["store", "restore", "squall.store", org, attempt])
        .current_dir(at)
        .output()
        .unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_device_that_a_server_refused_once_logs_in_again_without_a_code() {
    let directory = directory();
    let at = directory.path();
    fs::write(at.join("gateway.yaml"), SHORT).unwrap();
    let server = Server::start(&[], at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    assert_eq!(gateway.start_session("2").status, 202);
    gateway.state("awaiting_qr_scan");
    let shown = gateway.get_unheard("/api/qr/2?format=json");
    server.scan(shown.body["qr"].as_str().unwrap());
    gateway.state("connected");
    let number = gateway.get("/api/status/2").body["phone_number"].clone();
    assert!(number.is_string());
    server.inject(&["stream_error", "code=401"], at);
    gateway.state("logged_out");
    assert_eq!(gateway.get("/api/status/2").body["needs_pairing"], true);
    let in_use = restore(at, "2", "1");
    assert_eq!(in_use.status.code(), Some(1));
    assert!(text(in_use.stderr).contains("end the gateway that runs on it first"));
    assert_eq!(gateway.process.terminate(), Some(0));

    let exported = || {
        let lines = Command::cargo_bin("squall")
            .unwrap()
            .args(["store", "export", "squall.store"])
            .current_dir(at)
            .output();
        text(lines.unwrap().stdout)
    };
    let before = exported();
    let none = restore(at, "2", "7");
    assert_eq!(none.status.code(), Some(2));
    assert!(text(none.stderr).contains("its devices are those of attempt 1"));
    assert_eq!(exported(), before);
    let done = restore(at, "2", "1");
    assert_eq!(done.status.code(), Some(0));
    assert_eq!(
        text(done.stdout),
        "squall.store: org 2 has the device of attempt 1 back; the next start logs in\n"
    );
    let undone = restore(at, "2", "1");
    assert!(text(undone.stdout).contains("the next start shows a QR code"));
    assert_eq!(exported(), before, "nothing is lost either way");
    restore(at, "2", "1");

    let gateway = Gateway::start(&server, &CONFIG, at);
    let status = gateway.get("/api/status/2").body;
    assert_eq!(
        (&status["needs_pairing"], &status["phone_number"]),
        (&false.into(), &number)
    );
    let started = gateway.start_session("2");
    assert_eq!(
        (started.status, &started.body["needs_pairing"]),
        (202, &false.into())
    );
    gateway.state("connected");
    assert_eq!(gateway.process.terminate(), Some(0));
}

//! `squall gateway`: the real program, over real sockets, against a real `squall serve`.

mod ends;
mod hostile;
mod killed;
mod load;
mod process;
mod restored;
mod story;

use std::fs;
use std::path::Path;
use std::process::Command;

use assert_cmd::cargo::CommandCargoExt;
use squall::scenario::{GatewaySettings, load_gateway};

use process::{Gateway, KEY, Server};

/// The wait of the tests, which nobody would want to be longer.
const SHORT_WAIT: &str = "policy: { limiter: { delay: 200ms } }\n";

fn directory() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("gateway.yaml"), SHORT_WAIT).unwrap();
    directory
}

const CONFIG: [&str; 2] = ["--config", "gateway.yaml"];
const NEW_STORE: [&str; 3] = ["--config", "gateway.yaml", "--init-store"];

#[test]
fn a_start_waits_dials_shows_a_code_and_is_stopped() {
    let directory = directory();
    let at = directory.path();
    let server = Server::start(&[], at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    assert_eq!(gateway.get("/health").body["status"], "ok");
    let started = gateway.start_session("2");
    assert_eq!(
        (started.status, &started.body["status"]),
        (202, &"waiting".into())
    );
    let again = gateway.start_session("2");
    assert_eq!(
        (again.status, &again.body["cause"]),
        (409, &"already_active".into())
    );
    gateway.state("awaiting_qr_scan");
    let shown = gateway.get("/api/qr/2?format=json");
    let code = shown.body["qr"].as_str().unwrap();
    assert!(
        code.split(',').count() >= 4,
        "reference, two keys and a secret"
    );
    assert_eq!(gateway.post("/api/stop-session", "2").status, 202);
    gateway.state("idle");
    let status = gateway.get("/api/status/2").body;
    assert_eq!(status["disconnect_reason"], "stopped");
    // It has dialed: it counts. A stop is no failure: nothing cools down.
    let limits = gateway.get("/api/rate-limit-status?organization_id=2").body;
    assert_eq!(limits["org_attempts_last_day"], 1);
    assert_eq!(limits["can_connect"], true);
    assert_eq!(gateway.process.terminate(), Some(0));
}

/// A server that answers every upgrade with 429.
fn refusing(at: &Path) -> Server {
    let scenario = "name: nobody comes in\nruns_for: 1h\norganizations: { \"1\": {} }\nlink: { latency: 0ms }\nsteps:\n  - { at: 0s, fault: { refuse_upgrade: { status: 429 } } }\n";
    fs::write(at.join("refusing.yaml"), scenario).unwrap();
    Server::start(&["--scenario", "refusing.yaml"], at)
}

#[test]
fn a_block_outlives_kill_9_and_a_second_gateway_on_its_store_is_refused() {
    let directory = directory();
    let at = directory.path();
    let server = refusing(at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    assert_eq!(gateway.start_session("2").status, 202);
    let ended = gateway.process.line(|line| line["event"] == "disconnected");
    assert_eq!(ended["cause"], "rate_limited");
    gateway.state("blocked");
    let blocked_until = ended["blocked_until"].as_str().unwrap().to_owned();
    let refused = gateway.start_session("2");
    assert_eq!(
        (refused.status, &refused.body["cause"]),
        (429, &"block".into())
    );
    assert!(
        refused.head.contains("retry-after: 864"),
        "{}",
        refused.head
    );

    let arguments = Gateway::arguments(&server);
    let second: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (code, said) = refusal(&[&second[1..], &CONFIG].concat(), at);
    assert_eq!(code, Some(1));
    assert!(said.contains("squall.store: the store is in use"), "{said}");

    gateway.process.kill();
    let gateway = Gateway::start(&server, &CONFIG, at);
    let status = gateway.get("/api/status/2").body;
    assert_eq!(status["status"], "blocked");
    let told = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    let now_told = told(status["blocked_until"].as_str().unwrap());
    let apart = now_told.duration_since(told(&blocked_until)).abs();
    assert!(apart.as_millis() < 2_000, "the block moved by {apart}");
    assert_eq!(gateway.start_session("2").status, 429);
    gateway.process.kill();

    // Killed in the wait: what was answered with 202 is in the ledger, and is a failure from then on.
    fs::write(
        at.join("gateway.yaml"),
        "policy: { limiter: { delay: 10m } }\n",
    )
    .unwrap();
    let gateway = Gateway::start(&server, &CONFIG, at);
    assert_eq!(gateway.start_session("3").status, 202);
    gateway.process.kill();
    let gateway = Gateway::start(&server, &CONFIG, at);
    let status = gateway.get("/api/status/3").body;
    assert_eq!(status["status"], "disconnected_manual_reconnect_required");
    assert_eq!(status["disconnect_reason"], "process_died");
    let refused = gateway.start_session("3");
    assert_eq!(
        (refused.status, &refused.body["cause"]),
        (429, &"cooldown".into())
    );
    assert_eq!(
        gateway.get("/api/rate-limit-status").body["global_attempts_last_hour"],
        2
    );
    assert_eq!(gateway.process.terminate(), Some(0));
}

/// With which exit code a gateway does not come to run, and what it says.
fn refusal(arguments: &[&str], at: &Path) -> (Option<i32>, String) {
    let output = Command::cargo_bin("squall")
        .unwrap()
        .arg("gateway")
        .args(arguments)
        .env("SQUALL_API_KEY", KEY)
        .current_dir(at)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains(KEY), "{said}");
    (output.status.code(), said)
}

#[test]
fn what_it_will_not_do_it_says_before_it_does_anything() {
    let directory = directory();
    let at = directory.path();
    fs::write(
        at.join("wrong.yaml"),
        "server: ws://127.0.0.1:1/ws/chat\nstroe: here\n",
    )
    .unwrap();
    fs::write(
        at.join("zero.yaml"),
        "policy: { limiter: { global: { max: 0 } } }\n",
    )
    .unwrap();
    fs::write(at.join("weak"), "0123456789\n").unwrap();
    fs::write(at.join("torn.store"), "half a store").unwrap();
    let here = [
        "--server",
        "ws://127.0.0.1:1/ws/chat",
        "--listen",
        "127.0.0.1:0",
    ];
    for (arguments, code, says) in [
        (&[][..], 2, "which server?"),
        (
            &["--server", "ws://203.0.113.7:1"],
            2,
            "--i-own-this-account",
        ),
        (&["--server", "wss://localhost:1"], 2, "--trust FILE"),
        (
            &["--config", "wrong.yaml"],
            3,
            "wrong.yaml:2:1: unknown key \"stroe\", did you mean \"store\"?",
        ),
        (&["--config", "zero.yaml"], 3, "zero.yaml:1:"),
        (&["--config", "none.yaml"], 3, "none.yaml: cannot be read"),
        (
            &[&here[..], &["--api-key-file", "weak"]].concat(),
            2,
            "weak: an API key has 16",
        ),
        (&here[..], 1, "squall.store: the store does not exist"),
        (
            &[&here[..], &["--store", "torn.store"]].concat(),
            1,
            "torn.store: the store is damaged",
        ),
        (
            &[&here[..], &["--store", "torn.store", "--init-store"]].concat(),
            1,
            "leave --init-store away",
        ),
    ] {
        let (found, said) = refusal(arguments, at);
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    assert!(!at.join("squall.store").exists());
    assert_eq!(fs::read(at.join("torn.store")).unwrap(), b"half a store");
}

#[test]
fn the_example_says_every_setting_and_its_default() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/gateway.yaml");
    let settings = load_gateway(&example).unwrap();
    assert_eq!(settings.policy, GatewaySettings::of_nothing().policy);
    assert_eq!(settings.listen, Some("127.0.0.1:3000".parse().unwrap()));
    assert_eq!(settings.store, Some("squall.store".into()));
    // What has no default is there as a comment that can be taken away.
    let text = fs::read_to_string(&example).unwrap();
    let whole: String = text
        .lines()
        .map(|line| {
            let setting = ["# root_key: ", "# trust: ", "# api_key_file: "]
                .iter()
                .any(|begins| line.starts_with(begins));
            let line = if setting { &line[2..] } else { line };
            format!("{line}\n")
        })
        .collect();
    let directory = directory();
    let file = directory.path().join("whole.yaml");
    fs::write(&file, whole).unwrap();
    let whole = load_gateway(&file).unwrap();
    assert!(whole.root_key.is_some() && whole.trust.is_some() && whole.api_key_file.is_some());
}

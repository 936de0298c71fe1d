//! `squall fault` and `squall inject`, against a server that listens on a real socket.

mod host;

use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;
use host::{Host, TOKEN};
use serde_json::{Value, json};

/// Runs a command of the shell.
fn squall(arguments: &[&str], server: &str, token: Option<&str>) -> Output {
    let mut command = Command::cargo_bin("squall").unwrap();
    command.args(arguments).args(["--server", server]);
    command.env_remove("SQUALL_TOKEN");
    if let Some(token) = token {
        command.env("SQUALL_TOKEN", token);
    }
    command.output().unwrap()
}

impl Host {
    /// What the command says when all is well.
    #[track_caller]
    fn says(&self, arguments: &[&str]) -> String {
        let output = squall(arguments, &self.url, Some(TOKEN));
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), errors.as_str()),
            (Some(0), ""),
            "{text}"
        );
        text
    }

    /// What it complains of.
    #[track_caller]
    fn refuses(&self, arguments: &[&str]) -> String {
        complaint(&squall(arguments, &self.url, Some(TOKEN)))
    }
}

#[track_caller]
fn complaint(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(output.stdout.is_empty());
    text
}

/// The cells of a row, which two spaces and more keep apart.
fn cells(row: &str) -> Vec<&str> {
    let cells = row.split("  ").map(str::trim);
    cells.filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn faults_are_put_on_listed_and_taken_off() {
    let host = Host::start();
    assert_eq!(host.says(&["fault", "list"]), "no fault stands\n");
    assert_eq!(
        host.says(&["fault", "add", "delay_reply", "by=2s", "--org", "2"]),
        "fault 1 stands: delay_reply { by: 2s, iq: all }, of org 2\n"
    );
    host.says(&["fault", "add", "zombie", "--connection", "old"]);
    let list = host.says(&["fault", "list"]);
    let rows: Vec<Vec<&str>> = list.lines().map(cells).collect();
    assert_eq!(
        rows,
        [
            ["id", "fault", "of whom", "how", "ends"],
            [
                "1",
                "delay_reply { by: 2s, iq: all }",
                "org 2",
                "stands",
                "never"
            ],
            [
                "2",
                "zombie",
                "everybody, old connections",
                "stands",
                "never"
            ],
        ]
    );
    assert_eq!(host.says(&["fault", "remove", "1"]), "fault 1 is off\n");
    assert_eq!(host.says(&["fault", "reset"]), "every fault is off\n");
    assert_eq!(host.says(&["fault", "list"]), "no fault stands\n");
}

#[test]
fn a_fault_with_a_ttl_says_when_it_ends_and_json_is_what_the_server_said() {
    let host = Host::start();
    let text = host.says(&["fault", "add", "withhold_pong", "--ttl", "1h"]);
    let (told, until) = text.trim_end().split_once(", until ").unwrap();
    assert_eq!(told, "fault 1 stands: withhold_pong, of everybody");
    assert!(until.parse::<jiff::Timestamp>().is_ok(), "{until}");
    let list = host.says(&["fault", "list", "--format", "json"]);
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["faults"][0]["fault"], json!({"withhold_pong": {}}));
    assert_eq!(host.says(&["fault", "remove", "1", "--format", "json"]), "");
}

#[test]
fn what_waits_for_a_dial_says_so_and_meets_it() {
    let host = Host::start();
    assert_eq!(
        host.says(&["inject", "refuse_upgrade", "status=503"]),
        "fault 1 (refuse_upgrade) waits for something to act on\n"
    );
    assert!(host.upgrade().starts_with("HTTP/1.1 503"));
    assert!(host.upgrade().starts_with("HTTP/1.1 101"));
}

#[test]
fn what_acts_at_once_says_on_whom() {
    let host = Host::start();
    let client = host.upgraded();
    let text = host.says(&["inject", "eof"]);
    assert_eq!(text, "fault 1 (eof) acted on conn 1\n");
    assert!(host::ends(client));
    let text = host.refuses(&["inject", "eof"]);
    assert!(text.contains("none of its target does"), "{text}");
}

#[test]
fn a_slip_is_refused_with_what_was_meant() {
    let host = Host::start();
    let text = host.refuses(&["fault", "add", "clsoe"]);
    assert!(
        text.contains(r#"fault: unknown name "clsoe", did you mean "close"?"#),
        "{text}"
    );
    let text = host.refuses(&["inject", "close", "cod=1011"]);
    assert!(text.contains(r#"did you mean "code"?"#), "{text}");
    let text = host.refuses(&["inject", "close", "1011"]);
    assert!(text.contains("no KEY=VALUE"), "{text}");
    let text = host.refuses(&["fault", "remove", "9"]);
    assert!(text.contains("fault 9 does not stand"), "{text}");
    assert_eq!(host.says(&["fault", "list"]), "no fault stands\n");
}

#[test]
fn a_token_is_asked_for_and_a_wrong_one_is_told() {
    let host = Host::start();
    let text = complaint(&squall(&["fault", "list"], &host.url, None));
    assert!(text.contains("pass --token, or set SQUALL_TOKEN"), "{text}");
    let text = complaint(&squall(&["fault", "list"], &host.url, Some("wrong")));
    assert!(
        text.contains("that is not the server's token") && !text.contains(TOKEN),
        "{text}"
    );
    let output = squall(&["fault", "list", "--token", TOKEN], &host.url, None);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn where_nobody_listens_it_says_how_to_start_a_server() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let server = format!("http://{address}");
    let text = complaint(&squall(&["inject", "eof"], &server, None));
    assert!(
        text.contains(&format!("nobody listens at {server}")),
        "{text}"
    );
    assert!(text.contains("`squall serve`"), "{text}");
    for wrong in [
        "https://127.0.0.1:8080",
        "127.0.0.1:8080",
        "http://",
        "http://a/b",
    ] {
        let text = complaint(&squall(&["fault", "list"], wrong, None));
        assert!(text.contains("not an address like"), "{wrong}: {text}");
    }
}

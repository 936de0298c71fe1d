//! Many sessions on one gateway, and operators who look where they stand all the while.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::process::{Gateway, Server};
use super::{NEW_STORE, directory};

/// How long an operator waits between two looks.
const PACE: Duration = Duration::from_millis(20);

/// What a variable of the environment says, for a run that is longer than every day's.
fn told(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |told| told.parse().unwrap())
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how soon it answers is for people to see: no machine's time is asserted"
)]
fn many_sessions_are_held_while_operators_look_where_they_stand() {
    let sessions = told("SQUALL_LOAD_SESSIONS", 20);
    let lasts = Duration::from_secs(told("SQUALL_LOAD_SECONDS", 2));
    let directory = directory();
    let at = directory.path();
    let policy = format!(
        "policy: {{ limiter: {{ delay: 200ms, global: {{ max: {sessions}, per: 1h }} }} }}\n"
    );
    fs::write(at.join("gateway.yaml"), policy).unwrap();
    let server = Server::start(&["--no-guard"], at);
    let gateway = Gateway::start(&server, &NEW_STORE, at);
    let empty = gateway.process.memory_kib();

    (1..=sessions).for_each(|org| assert_eq!(gateway.start_session(&name(org)).status, 202));
    pair(&gateway, &server, sessions);
    let (mut all, mut one) = (Looks::default(), Looks::default());
    let mut orgs = (1..=sessions).cycle();
    let begun = now();
    while begun.elapsed() < lasts {
        all.look(&gateway, "/api/status");
        one.look(
            &gateway,
            &format!("/api/status/{}", name(orgs.next().unwrap())),
        );
        thread::sleep(PACE);
    }

    let status = gateway.get_unheard("/api/status").body;
    let stand = status["organizations"].as_array().unwrap();
    assert_eq!(stand.len() as u64, sessions);
    assert!(
        stand.iter().all(|own| own["status"] == "connected"),
        "{status}"
    );
    let each = gateway.process.memory_kib().saturating_sub(empty) / sessions;
    let said = gateway.process.kill();
    let ended =
        |line: &&str| line.contains("\"disconnected\"") && !line.contains("restart_required");
    assert_eq!(said.lines().find(ended), None);
    println!("{sessions} sessions for {lasts:?}, {each} KiB each: /api/status {all}; of one {one}");
}

fn name(org: u64) -> String {
    format!("org-{org}")
}

/// Scans the code of each organization, until all are connected.
fn pair(gateway: &Gateway, server: &Server, sessions: u64) {
    for _ in 0..2 * sessions {
        let line = gateway.process.line(|line| {
            // The 515 that ends a pairing, and no other end.
            let ended = line["event"] == "disconnected";
            assert!(!ended || line["cause"] == "restart_required", "{line}");
            let states = ["awaiting_qr_scan", "connected"];
            line["event"] == "state" && states.iter().any(|state| line["state"] == *state)
        });
        if line["state"] == "awaiting_qr_scan" {
            let org = line["organization_id"].as_str().unwrap();
            let shown = gateway.get_unheard(&format!("/api/qr/{org}?format=json"));
            server.scan(shown.body["qr"].as_str().unwrap());
        }
    }
}

/// How soon a page was answered, each time.
#[derive(Default)]
struct Looks(Vec<Duration>);

impl Looks {
    fn look(&mut self, gateway: &Gateway, path: &str) {
        let asked = now();
        assert_eq!(gateway.get_unheard(path).status, 200);
        self.0.push(asked.elapsed());
    }
}

impl std::fmt::Display for Looks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort();
        let rank = |of_a_hundred: usize| sorted[(sorted.len() * of_a_hundred).div_ceil(100) - 1];
        let (half, most, last) = (rank(50), rank(99), rank(100));
        write!(
            f,
            "{} times, p50 {half:.1?}, p99 {most:.1?}, the last {last:.1?}",
            sorted.len()
        )
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how soon it answers is told to people, nothing else"
)]
fn now() -> Instant {
    Instant::now()
}

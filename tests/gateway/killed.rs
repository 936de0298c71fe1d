//! `kill -9`, aimed at where it hurts, round after round on one store: what was acknowledged is never forgotten, and no
//! window is exceeded by what the server sees.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use assert_cmd::cargo::CommandCargoExt;
use jiff::Timestamp;
use serde_json::Value;

use super::process::{Gateway, Open, Server};
use super::{CONFIG, directory};

/// A day of 120 s and an hour of 20.
const SCALED: &str = "policy: { limiter: { delay: 200ms, global: { max: 3, per: 20s }, per_org: { max: 2, per: 2m }, \
                      cooldown: 40s, block: 2m } }\n";
const HOUR: i128 = 20_000;
/// A dial follows its admission by 200 ms, and by what a machine with much to do adds to that.
const SLACK: i128 = 1_500;

/// Where a life is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    BeforeTheCommit,
    AfterTheCommit,
    InTheWait,
    Dialing,
    RecordingA515,
}

const POINTS: [Point; 5] = [
    Point::BeforeTheCommit,
    Point::AfterTheCommit,
    Point::InTheWait,
    Point::Dialing,
    Point::RecordingA515,
];

/// What a life was heard to say before it ended.
struct Heard {
    /// The attempt of a 202.
    attempt: Option<u64>,
    /// Whether a block was told.
    block: bool,
}

/// Whether what a life commits is still there in the next one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Everything,
    Nothing,
}

/// What came of it.
#[derive(Default)]
struct Rounds {
    findings: Vec<String>,
    /// Who was told to be blocked in the life before.
    blocked: Option<String>,
    blocks_told: usize,
    hit: BTreeMap<Point, usize>,
    seen: Seen,
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how often each point was hit is for people to see"
)]
fn no_kill_makes_the_gateway_forget_what_it_has_acknowledged() {
    let rounds = std::env::var("SQUALL_KILL_ROUNDS");
    let rounds = rounds.map_or(30, |rounds| rounds.parse().unwrap());
    let done = play(rounds, Keeps::Everything);
    println!(
        "{rounds} rounds of kill -9: {:?}; {} blocks told, {} dials seen",
        done.hit,
        done.blocks_told,
        done.seen.dials.len()
    );
    assert_eq!(done.findings, [""; 0]);
    assert_eq!(done.hit.values().sum::<usize>(), rounds);
    for point in [
        Point::BeforeTheCommit,
        Point::InTheWait,
        Point::Dialing,
        Point::RecordingA515,
    ] {
        assert!(
            done.hit.contains_key(&point),
            "never {point:?}: {:?}",
            done.hit
        );
    }
    assert!(!done.seen.dials.is_empty());
}

/// The same script, where every commit of a life is lost with it.
#[test]
fn the_same_rounds_find_a_store_that_skips_its_commits() {
    let done = play(5, Keeps::Nothing);
    for what in ["is not in the ledger", "block was told and is forgotten"] {
        let found = done.findings.iter().any(|finding| finding.contains(what));
        assert!(found, "no finding that {what}: {:?}", done.findings);
    }
}

fn play(count: usize, keeps: Keeps) -> Rounds {
    let directory = directory();
    let at = directory.path();
    fs::write(at.join("gateway.yaml"), SCALED).unwrap();
    let server = Server::start(&["--no-guard"], at);
    squall_store(at, &["init", "squall.store"]);
    let mut rounds = Rounds::default();
    for number in 0..count {
        let point = POINTS[number % POINTS.len()];
        let before = fs::read(at.join("squall.store")).unwrap();
        let org = format!("org-{number}");
        let gateway = Gateway::start(&server, &CONFIG, at);
        rounds.still_refused(&gateway);
        while keeps == Keeps::Everything
            && gateway.get("/api/rate-limit-status").body["can_connect"] != true
        {
            thread::sleep(Duration::from_millis(100));
        }
        let heard = strike(number, &server, gateway, at);
        if keeps == Keeps::Nothing {
            fs::write(at.join("squall.store"), before).unwrap();
        }
        rounds.judge(point, &heard, &org, at);
        rounds.seen.look(&server);
    }
    rounds.findings.extend(rounds.seen.too_many());
    rounds
}

/// Asks for a start, and kills at the point: a 515 while it is recorded, or in every other round once it is told.
fn strike(number: usize, server: &Server, gateway: Gateway, at: &Path) -> Heard {
    let org = format!("org-{number}");
    let body = format!("{{\"organization_id\":\"{org}\"}}");
    let head = format!(
        "POST /api/start-session HTTP/1.1\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}",
        body.len()
    );
    let store = at.join("squall.store");
    let written = || fs::metadata(&store).unwrap().modified().unwrap();
    let before = written();
    let answer = gateway.open(&head, &body);
    match POINTS[number % POINTS.len()] {
        Point::BeforeTheCommit => Heard::of(answer, gateway),
        Point::AfterTheCommit => {
            while written() == before {}
            Heard::of(answer, gateway)
        }
        Point::InTheWait => {
            gateway.state("waiting");
            Heard::of(answer, gateway)
        }
        Point::Dialing => {
            gateway.state("connecting");
            Heard::of(answer, gateway)
        }
        Point::RecordingA515 => {
            gateway.state("awaiting_qr_scan");
            let shown = gateway.get_unheard(&format!("/api/qr/{org}?format=json"));
            server.scan(shown.body["qr"].as_str().unwrap());
            gateway.state("connected");
            let before = written();
            let mut injecting = server.injecting(&["stream_error", "code=515"], at);
            let told = if number.is_multiple_of(2) {
                let told = |line: &Value| line["cause"] == "rate_limited";
                gateway.process.line(told);
                true
            } else {
                while written() == before {}
                false
            };
            let mut heard = Heard::of(answer, gateway);
            heard.block |= told;
            injecting.wait().unwrap();
            heard
        }
    }
}

impl Heard {
    fn of(answer: Open, gateway: Gateway) -> Self {
        let told = gateway.process.kill();
        let said = answer.rest();
        let body = said.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        Self {
            attempt: body["attempt_id"].as_u64(),
            block: told.iter().any(|line| line.contains("rate_limited")),
        }
    }
}

impl Rounds {
    /// A block that was told refuses in the next life.
    fn still_refused(&mut self, gateway: &Gateway) {
        let Some(org) = self.blocked.take() else {
            return;
        };
        let asked = format!("/api/rate-limit-status?organization_id={org}");
        let refused_by = gateway.get(&asked).body["refused_by"].to_string();
        if !refused_by.contains("\"block\"") {
            let finding = format!("{org}: its block was told and refuses nothing: {refused_by}");
            self.findings.push(finding);
        }
    }

    /// What the store remembers, against what was heard.
    fn judge(&mut self, aim: Point, heard: &Heard, org: &str, at: &Path) {
        let lines = squall_store(at, &["export", "squall.store"]);
        let records: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of = |kind: &str| {
            let mine = records.iter().filter_map(|record| record.get(kind));
            mine.filter(|record| record["org"] == org).count()
        };
        let kept = records
            .iter()
            .filter_map(|record| record["attempt"]["id"].as_u64())
            .collect::<Vec<_>>();
        if let Some(attempt) = heard.attempt
            && !kept.contains(&attempt)
        {
            let finding = format!("{org}: attempt {attempt} got its 202 and is not in the ledger");
            self.findings.push(finding);
        }
        if heard.block {
            self.blocks_told += 1;
            self.blocked = Some(org.to_owned());
            if of("block") == 0 {
                let finding = format!("{org}: its block was told and is forgotten");
                self.findings.push(finding);
            }
        }
        // Where it truly ended, whatever was aimed at.
        let point = match (heard.attempt, of("attempt")) {
            (None, 0) => Point::BeforeTheCommit,
            (None, _) => Point::AfterTheCommit,
            (Some(_), _) if aim < Point::InTheWait => Point::InTheWait,
            (Some(_), _) => aim,
        };
        *self.hit.entry(point).or_default() += 1;
    }
}

/// What the server saw.
#[derive(Default)]
struct Seen {
    last: u64,
    /// When it was dialed, but for the second logins that pairings ask for.
    dials: Vec<Timestamp>,
    handoff_follows: bool,
}

impl Seen {
    fn look(&mut self, server: &Server) {
        for line in server.events(self.last).lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            self.last = entry["seq"].as_u64().expect("no gap");
            let event = &entry["event"];
            if event.get("pair_success").is_some() {
                self.handoff_follows = true;
            } else if event.get("accepted").is_some() && !std::mem::take(&mut self.handoff_follows)
            {
                self.dials
                    .push(entry["at"].as_str().unwrap().parse().unwrap());
            }
        }
    }

    /// Four dials within what is an hour here.
    fn too_many(&self) -> Vec<String> {
        let windows = self.dials.windows(4);
        let spans = windows.map(|four| four[3].duration_since(four[0]).as_millis());
        spans
            .filter(|span| *span < HOUR - SLACK)
            .map(|span| format!("four dials within {span} ms"))
            .collect()
    }
}

/// `squall store`, with these arguments, and what it printed.
fn squall_store(at: &Path, arguments: &[&str]) -> String {
    let done = Command::cargo_bin("squall")
        .unwrap()
        .arg("store")
        .args(arguments)
        .current_dir(at)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout).unwrap()
}

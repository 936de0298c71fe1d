//! `kill -9`, aimed at where it hurts, round after round on one store: what was acknowledged is never forgotten, and no
//! window is exceeded by what the server sees.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
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

/// How many series of rounds run at once, each on a store and with a server of its own.
const SIDE_BY_SIDE: usize = 2;

/// Where a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    BeforeTheCommit,
    /// And before the 202.
    AfterTheCommit,
    InTheWait,
    Dialing,
    RecordingA515,
    A515Told,
}

const POINTS: [Point; 6] = [
    Point::BeforeTheCommit,
    Point::AfterTheCommit,
    Point::InTheWait,
    Point::Dialing,
    Point::RecordingA515,
    Point::A515Told,
];

/// What was known of a life when it had ended.
struct Life {
    /// The attempt of a 202.
    attempt: Option<u64>,
    /// Every line that it wrote.
    said: String,
    /// Whether it had written to its store since the server was asked for a 515.
    recorded: bool,
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
    aimed: BTreeMap<Point, usize>,
    /// Where lives truly ended, whatever was aimed at.
    fell: BTreeMap<Point, usize>,
    /// How long after a commit's first byte it is killed, to hit what is between the last one and the 202.
    after_the_commit: Duration,
    seen: Seen,
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "how often each point was hit is for people to see"
)]
fn no_kill_makes_the_gateway_forget_what_it_has_acknowledged() {
    let rounds = std::env::var("SQUALL_KILL_ROUNDS");
    let rounds: usize = rounds.map_or(30, |rounds| rounds.parse().unwrap());
    let each = rounds.div_ceil(SIDE_BY_SIDE);
    // Kernels and disks differ in how soon a kill is felt: there are more rounds until each point was hit often enough.
    let aim = |done: &Rounds| {
        let rarest = *POINTS
            .iter()
            .min_by_key(|point| done.fell(**point))
            .unwrap();
        let played = done.played();
        let more = played < each || (done.fell(rarest) < each.div_ceil(10) && played < 3 * each);
        more.then_some(rarest)
    };
    // Most of a round is a wait.
    let done = thread::scope(|scope| {
        let running = [(); SIDE_BY_SIDE].map(|()| scope.spawn(|| play(Keeps::Everything, aim)));
        let ended = running.into_iter().map(|rounds| rounds.join().unwrap());
        ended.reduce(Rounds::and).unwrap()
    });
    println!(
        "{} rounds of kill -9, {} dials seen:\n\n{}",
        done.played(),
        done.seen.dials.len(),
        done.table()
    );
    assert_eq!(done.findings, [""; 0]);
    for point in POINTS {
        let fell = done.fell(point);
        assert!(fell >= rounds / 10, "{point:?}: {fell} of {rounds}");
    }
    assert!(!done.seen.dials.is_empty());
}

/// The same script, where every commit of a life is lost with it.
#[test]
fn the_same_rounds_find_a_store_that_skips_its_commits() {
    let aims = [Point::InTheWait, Point::A515Told];
    let done = play(Keeps::Nothing, |done| {
        let played = done.played();
        (played < 3).then(|| aims[played % aims.len()])
    });
    for what in ["is not in the ledger", "block was told and is forgotten"] {
        let found = done.findings.iter().any(|finding| finding.contains(what));
        assert!(found, "no finding that {what}: {:?}", done.findings);
    }
}

/// Rounds for as long as there is something to aim at.
fn play(keeps: Keeps, aim: impl Fn(&Rounds) -> Option<Point>) -> Rounds {
    let directory = directory();
    let at = directory.path();
    fs::write(at.join("gateway.yaml"), SCALED).unwrap();
    let server = Server::start(&["--no-guard"], at);
    squall_store(at, &["init", "squall.store"]);
    let mut rounds = Rounds::default();
    while let Some(point) = aim(&rounds) {
        let org = format!("org-{}", rounds.played());
        *rounds.aimed.entry(point).or_default() += 1;
        let before = fs::read(at.join("squall.store")).unwrap();
        let gateway = Gateway::start(&server, &CONFIG, at);
        rounds.still_refused(&gateway);
        while keeps == Keeps::Everything
            && gateway.get("/api/rate-limit-status").body["can_connect"] != true
        {
            thread::sleep(Duration::from_millis(100));
        }
        let life = strike(point, rounds.after_the_commit, &org, &server, gateway, at);
        if keeps == Keeps::Nothing {
            fs::write(at.join("squall.store"), before).unwrap();
        }
        let fell = rounds.judge(&life, &org, at);
        if point == Point::AfterTheCommit {
            rounds.aim_better(fell);
        }
        rounds.seen.look(&server);
    }
    rounds.findings.extend(rounds.seen.too_many());
    rounds
}

/// Asks for a start, and kills at the point.
fn strike(
    aim: Point,
    after_the_commit: Duration,
    org: &str,
    server: &Server,
    gateway: Gateway,
    at: &Path,
) -> Life {
    let body = format!("{{\"organization_id\":\"{org}\"}}");
    let head = format!(
        "POST /api/start-session HTTP/1.1\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}",
        body.len()
    );
    let store = at.join("squall.store");
    let before = header(&store);
    let answer = gateway.open(&head, &body);
    match aim {
        Point::BeforeTheCommit => return Life::of(answer, gateway),
        Point::AfterTheCommit => {
            while header(&store) == before {}
            thread::sleep(after_the_commit);
            return Life::of(answer, gateway);
        }
        Point::InTheWait => {
            gateway.state("waiting");
            return Life::of(answer, gateway);
        }
        Point::Dialing => {
            gateway.state("connecting");
            return Life::of(answer, gateway);
        }
        Point::RecordingA515 | Point::A515Told => {}
    }
    gateway.state("awaiting_qr_scan");
    let shown = gateway.get_unheard(&format!("/api/qr/{org}?format=json"));
    server.scan(shown.body["qr"].as_str().unwrap());
    gateway.state("connected");
    let before = fs::read(&store).unwrap();
    let mut injecting = server.injecting(&["stream_error", "code=515"], at);
    if aim == Point::A515Told {
        let told = |line: &Value| line["cause"] == "rate_limited";
        gateway.process.line(told);
    } else {
        while header(&store) == before[..HEADER] {}
    }
    let life = Life::of(answer, gateway);
    injecting.wait().unwrap();
    Life {
        recorded: fs::read(&store).unwrap() != before,
        ..life
    }
}

/// The part of a store that redb writes first of a commit: it counts once the pages behind it are written too.
fn header(store: &Path) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    File::open(store).unwrap().read_exact(&mut header).unwrap();
    header
}

/// Which of its roots counts, and both of them, of a file of redb's.
const HEADER: usize = 320;

impl Life {
    fn of(answer: Open, gateway: Gateway) -> Self {
        let said = gateway.process.kill();
        let answer = answer.rest();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        Self {
            attempt: body["attempt_id"].as_u64(),
            said,
            recorded: false,
        }
    }

    fn told_a_block(&self) -> bool {
        self.said.contains("rate_limited")
    }

    /// Where it ended, by what it had said and what its store remembers of its attempt.
    fn fell(&self, remembered: Option<&Value>) -> Option<Point> {
        match (self.attempt, remembered) {
            (None, None) => Some(Point::BeforeTheCommit),
            (None, Some(_)) => Some(Point::AfterTheCommit),
            (Some(_), _) if self.told_a_block() => Some(Point::A515Told),
            (Some(_), _) if self.recorded => Some(Point::RecordingA515),
            (Some(_), Some(attempt)) if attempt["spent"] == false => Some(Point::InTheWait),
            (Some(_), Some(_)) if !self.said.contains("awaiting_qr_scan") => Some(Point::Dialing),
            (Some(_), _) => None,
        }
    }
}

impl Rounds {
    /// Both series together.
    fn and(mut self, other: Self) -> Self {
        self.findings.extend(other.findings);
        self.seen.dials.extend(other.seen.dials);
        for (of, more) in [(&mut self.aimed, other.aimed), (&mut self.fell, other.fell)] {
            for (point, count) in more {
                *of.entry(point).or_default() += count;
            }
        }
        self
    }

    /// How many rounds there were.
    fn played(&self) -> usize {
        self.aimed.values().sum()
    }

    /// How many lives ended there.
    fn fell(&self, point: Point) -> usize {
        self.fell.get(&point).copied().unwrap_or(0)
    }

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
    fn judge(&mut self, life: &Life, org: &str, at: &Path) -> Option<Point> {
        let lines = squall_store(at, &["export", "squall.store"]);
        let records: Vec<Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of = |kind: &'static str| {
            let all = records.iter().filter_map(move |record| record.get(kind));
            all.filter(|record| record["org"] == org)
        };
        let attempt = of("attempt").next();
        if let Some(id) = life.attempt
            && attempt.is_none_or(|attempt| attempt["id"] != id)
        {
            let finding = format!("{org}: attempt {id} got its 202 and is not in the ledger");
            self.findings.push(finding);
        }
        if life.told_a_block() {
            self.blocked = Some(org.to_owned());
            if of("block").next().is_none() {
                let finding = format!("{org}: its block was told and is forgotten");
                self.findings.push(finding);
            }
        }
        let fell = life.fell(attempt);
        if let Some(point) = fell {
            *self.fell.entry(point).or_default() += 1;
        }
        fell
    }

    /// A kill that came before the commit's last byte waits longer the next time, and one that came after the 202 less long.
    fn aim_better(&mut self, fell: Option<Point>) {
        const STEP: Duration = Duration::from_micros(50);
        self.after_the_commit = match fell {
            Some(Point::BeforeTheCommit) => (self.after_the_commit * 2).max(STEP),
            Some(Point::AfterTheCommit) => self.after_the_commit,
            _ => self.after_the_commit * 3 / 4,
        };
    }

    /// For people, and for docs/performance.md.
    fn table(&self) -> String {
        let row = |point: Point| {
            let count = |of: &BTreeMap<Point, usize>| of.get(&point).copied().unwrap_or(0);
            let name = match point {
                Point::BeforeTheCommit => "before the commit of the attempt",
                Point::AfterTheCommit => "after that commit and before the 202",
                Point::InTheWait => "after the 202, in the wait",
                Point::Dialing => "from the dial to the first QR code",
                Point::RecordingA515 => "while a 515 is recorded, before it is told",
                Point::A515Told => "after a 515 was told",
            };
            format!(
                "| {name} | {} | {} |\n",
                count(&self.aimed),
                count(&self.fell)
            )
        };
        let rows: String = POINTS.into_iter().map(row).collect();
        format!("| where it was killed | aimed at | fell there |\n|---|---|---|\n{rows}")
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

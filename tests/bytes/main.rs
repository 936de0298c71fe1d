//! The bytes of a keep-alive on real sockets, counted where they pass, are those that are counted in virtual time.

mod cut;
mod relay;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use assert_cmd::cargo::CommandCargoExt;
use serde_json::Value;
use squall::engine::live::{Elsewhere, Reach, Trusts};
use squall::engine::{Engine, Listener};
use squall::keep_alive::frame::{self, TLS_RECORD};
use squall::scenario::{self, Scenario};
use squall::subject::Tested;
use squall::trace::{Entry, Event, Side};
use squall::words::State;
use squall::{Options, run_tested};

use relay::{Passed, Relay};

/// The session's keep-alive 83 times as fast, and its active ping 60 times: the ninth and tenth ping are IQ pings far from any other, so that the lengths of
/// their ids do not depend on the machine.
const SCALED: &str = "
name: a keep-alive in seconds
live: true
runs_for: 9s
organizations: { \"1\": {} }
link: { latency: 0ms }
phone: { scans_after: 200ms }
policy: { keep_alive: { interval: 300ms }, active_ping: { interval: 2s }, limiter: { delay: 100ms } }
steps:
  - { at: 0s, start_session: { org: \"1\" } }
";

fn scaled() -> Scenario {
    scenario::parse(SCALED, "scaled.yaml".as_ref()).expect("a good scenario")
}

/// The lengths of the WebSocket frames from each side once the session is connected, in virtual time.
#[derive(Clone, Default)]
struct Simulated(Arc<Mutex<Frames>>);

#[derive(Clone, Default)]
struct Frames {
    connected: bool,
    up: Vec<usize>,
    down: Vec<usize>,
}

impl Listener for Simulated {
    fn hear(&mut self, entry: &Entry) {
        let Frames {
            connected,
            up,
            down,
        } = &mut *self.0.lock().unwrap();
        match &entry.event {
            Event::State {
                state: State::Connected,
                ..
            } => *connected = true,
            Event::Sent { from, message, .. } if *connected => {
                let length = frame::length(message, *from).expect("a frame");
                match from {
                    Side::Client => up.push(length),
                    Side::Server => down.push(length),
                }
            }
            _ => {}
        }
    }
}

fn simulated() -> (Vec<usize>, Vec<usize>) {
    let heard = Simulated::default();
    let listener = heard.clone();
    let options = Options {
        writers: Some(Box::new(move |_| vec![Box::new(listener)])),
        ..Options::default()
    };
    run_tested(&scaled(), Tested::Session, options).expect("a runtime can be had");
    let Frames { mut up, down, .. } = heard.0.lock().unwrap().clone();
    // The presence that goes out as soon as it is connected is no keep-alive.
    up.remove(0);
    (up, down)
}

/// `squall serve`, ended when it is dropped.
struct Server {
    process: Child,
    listening: Value,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::cargo_bin("squall")
            .unwrap()
            .args(["serve", "--port", "0", "--format", "json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let first = lines.next().expect("it says where it listens").unwrap();
        // Somebody has to take what it goes on to say.
        std::thread::spawn(move || lines.for_each(drop));
        let first: Value = serde_json::from_str(&first).unwrap();
        Self {
            process,
            listening: first["listening"].clone(),
        }
    }

    fn root_key(&self) -> [u8; 32] {
        let text = self.listening["root_key"].as_str().unwrap();
        std::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What passed over the session's last connection to a real server.
fn real(arguments: &[&str], trusts: Option<&std::path::Path>) -> Passed {
    let server = Server::start(arguments);
    let relay = Relay::to(server.listening["address"].as_str().unwrap());
    let options = Options {
        engine: Engine::Live,
        reach: Reach::Elsewhere(Elsewhere {
            host: "127.0.0.1".to_owned(),
            port: relay.port,
            root_key: server.root_key(),
            trusts: trusts.map(|file| Trusts {
                file: file.to_owned(),
                pem: fs::read_to_string(file).unwrap(),
            }),
        }),
        ..Options::default()
    };
    run_tested(&scaled(), Tested::Session, options).expect("sockets can be had");
    let passed = relay.passed();
    passed.into_iter().last().expect("the session has dialed")
}

/// All that a side has sent since the last of what is no keep-alive: that was its login. Nothing follows it.
fn keep_alives(lengths: &[usize], simulated: &[usize], around: usize) -> Vec<usize> {
    let known: BTreeSet<usize> = simulated.iter().map(|length| length + around).collect();
    let login = lengths.iter().rposition(|length| !known.contains(length));
    lengths[login.map_or(0, |last| last + 1)..].to_vec()
}

/// Each of a side's keep-alives, to the end of its connection, is as long as virtual time says. When a WebSocket Ping comes
/// among the IQ pings is the machine's affair, and so is how many there are at the end: each kind is compared for itself.
fn are_equal(what: &str, real: &[usize], simulated: &[usize], around: usize) {
    let expected: Vec<usize> = simulated.iter().map(|length| length + around).collect();
    let real = &keep_alives(real, simulated, around)[..];
    let shortest = expected.iter().min().expect("it sends something");
    let queries = |lengths: &[usize]| -> Vec<usize> {
        let queries = lengths.iter().filter(|length| *length != shortest);
        queries.copied().collect()
    };
    let (ours, theirs) = (queries(real), queries(&expected));
    let pings = (real.len() - ours.len(), expected.len() - theirs.len());
    assert!(
        ours.len().abs_diff(theirs.len()) <= MISSED && pings.0.abs_diff(pings.1) <= 1,
        "{what}: as many, but for what a slow machine misses: {real:?} and {expected:?}"
    );
    let both = ours.len().min(theirs.len());
    assert_eq!(ours[..both], theirs[..both], "{what}: {real:?}");
    // What one side has more of is no longer and no shorter than its last.
    let more = ours[both..].iter().chain(&theirs[both..]);
    let last = theirs[both - 1];
    assert!(
        more.copied().all(|length| length.abs_diff(last) <= 1),
        "{what}: {real:?}"
    );
}

/// So many IQ pings are missing where a connection took three seconds longer.
const MISSED: usize = 10;

#[test]
fn websocket_bytes_on_a_real_socket_are_those_of_virtual_time() {
    let (up, down) = simulated();
    let passed = real(&[], None);
    are_equal("client", &cut::frames(&passed.up), &up, 0);
    are_equal("server", &cut::frames(&passed.down), &down, 0);
}

#[test]
fn each_tls_record_on_a_real_socket_is_one_frame_and_22_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate.pem");
    let (up, down) = simulated();
    let passed = real(
        &["--tls", "--tls-cert", file.to_str().unwrap()],
        Some(&file),
    );
    are_equal("client", &cut::records(&passed.up), &up, TLS_RECORD);
    are_equal("server", &cut::records(&passed.down), &down, TLS_RECORD);
}

//! The same seed gives the same trace, byte for byte, whatever else the machine does; and within one millisecond things
//! happen in the order that is promised: deliveries, timers, steps.

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use squall::engine::Listener;
use squall::scenario::{self, Scenario};
use squall::seed::Seed;
use squall::subject::Tested;
use squall::trace::{Entry, Event, Message, Side, TraceHash};
use squall::{Options, run_tested};
use squall_protocol::{Instant, Millis};

fn read(text: &str) -> Scenario {
    scenario::parse(text, Path::new("test.yaml")).unwrap_or_else(|errors| {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n"))
    })
}

/// Keeps whatever a run tells, through its own eyes.
struct Keeper<T> {
    kept: Arc<Mutex<T>>,
    take: fn(&mut T, &Entry),
}

impl<T: Send> Listener for Keeper<T> {
    fn hear(&mut self, entry: &Entry) {
        (self.take)(&mut self.kept.lock().unwrap(), entry);
    }
}

fn hash(scenario: &Scenario, seed: u64) -> String {
    hash_until(scenario, seed, scenario.ends())
}

fn hash_until(scenario: &Scenario, seed: u64, until: Instant) -> String {
    let kept: Arc<Mutex<Option<TraceHash>>> = Arc::default();
    let begun = Arc::clone(&kept);
    let options = Options {
        seed: Some(Seed(seed)),
        until: Some(until),
        writers: Some(Box::new(move |header| {
            // Of the entries alone: the header holds the seed, and another seed would give another hash by that.
            let mut header = header.clone();
            header.seed = 0;
            *begun.lock().unwrap() = Some(TraceHash::new(&header));
            let take = |hash: &mut Option<TraceHash>, entry: &Entry| {
                if let Some(hash) = hash {
                    hash.add(entry);
                }
            };
            vec![Box::new(Keeper { kept: begun, take })]
        })),
        ..Options::default()
    };
    run_tested(scenario, Tested::Session, options).expect("a runtime can be had");
    let hash = kept.lock().unwrap().take().expect("the run had a writer");
    hash.finish()
}

fn entries(scenario: &Scenario) -> Vec<Entry> {
    let kept: Arc<Mutex<Vec<Entry>>> = Arc::default();
    let begun = Arc::clone(&kept);
    let options = Options {
        writers: Some(Box::new(move |_| {
            let take = |kept: &mut Vec<Entry>, entry: &Entry| kept.push(entry.clone());
            vec![Box::new(Keeper { kept: begun, take })]
        })),
        ..Options::default()
    };
    run_tested(scenario, Tested::Session, options).expect("a runtime can be had");
    std::mem::take(&mut *kept.lock().unwrap())
}

/// Short lives with much in them: a pairing, a block with an impatient operator, a process that dies, a bad network.
fn lives() -> Vec<Scenario> {
    [
        "
name: pairs, and is told 515 later
runs_for: 3h
organizations: { \"1\": {}, \"2\": { paired: true } }
link: { latency: 20ms..400ms }
steps:
  - { at: 0s, start_session: { org: \"1\" } }
  - { at: 1s, start_session: { org: \"2\" } }
  - { at: 1h, inject: { stream_error: { code: \"515\" } }, org: \"2\" }
  - { every: 7m, from: 1h, start_session: { org: \"2\" } }
",
        "
name: a crash, a suspend and a slow network
runs_for: 6h
organizations: { \"1\": { paired: true }, \"2\": { paired: true } }
link: { latency: 5ms..2s }
steps:
  - { at: 0s, start_session: { org: \"1\" } }
  - { at: 0s, start_session: { org: \"2\" } }
  - { at: 20m, fault: { latency: { base: 100ms, jitter: 3s } }, for: 10m }
  - { at: 1h, client_crash: { store: kept } }
  - { at: 3h 30m, start_session: { org: \"1\" } }
  - { at: 4h, suspend: { for: 5m } }
  - { at: 5h, inject: { backlog: { stanzas: 500, over: 10s } } }
",
    ]
    .into_iter()
    .map(read)
    .collect()
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for scenario in lives() {
        assert_eq!(hash(&scenario, 7), hash(&scenario, 7), "{}", scenario.name);
    }
}

#[test]
fn another_seed_gives_another_trace_where_anything_is_drawn() {
    for scenario in lives() {
        assert_ne!(hash(&scenario, 7), hash(&scenario, 8), "{}", scenario.name);
    }
}

/// With a range for the delay of a link every message is drawn. Each has dialed within four hours; a year would tell no more.
#[test]
fn another_seed_gives_another_trace_in_every_shipped_scenario_on_a_link_that_is_drawn() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scenarios = scenario::load(&[root.join("scenarios")]).expect("the shipped scenarios read");
    let drawn: Vec<Scenario> = scenarios
        .into_iter()
        .filter(|scenario| scenario.latency.min < scenario.latency.max)
        .collect();
    assert!(
        !drawn.is_empty(),
        "no scenario draws its link: this test holds nothing"
    );
    for scenario in drawn {
        let first = |seed| hash_until(&scenario, seed, Instant::START + Millis::from_hours(4));
        assert_ne!(first(7), first(8), "{}", scenario.path.display());
    }
}

#[test]
fn a_run_beside_seven_busy_threads_gives_the_same_trace() {
    let scenarios = lives();
    let alone: Vec<String> = scenarios.iter().map(|life| hash(life, 7)).collect();
    let done = AtomicBool::new(false);
    let beside: Vec<String> = thread::scope(|scope| {
        for _ in 0..7 {
            scope.spawn(|| {
                let mut n = 0u64;
                while !done.load(Ordering::Relaxed) {
                    n = black_box(n.wrapping_mul(31).wrapping_add(1));
                }
            });
        }
        let hashes = scenarios.iter().map(|life| hash(life, 7)).collect();
        done.store(true, Ordering::Relaxed);
        hashes
    });
    assert_eq!(alone, beside);
}

/// One session with this latency and these further steps. Its IQ pings come every 25 s.
fn with(latency: &str, steps: &str) -> Scenario {
    read(&format!(
        "
name: one millisecond
runs_for: 20m
organizations: {{ \"1\": {{ paired: true }} }}
link: {{ latency: {latency} }}
policy: {{ connect_timeout: 10m, handshake_timeout: 10m, login_timeout: 10m,
  keep_alive: {{ late_after: 2m, dead_after: 5m }}, active_ping: {{ interval: 1h }} }}
steps:
  - {{ at: 0s, start_session: {{ org: \"1\" }} }}
{steps}"
    ))
}

fn is_ping(message: &Message) -> bool {
    matches!(message, Message::Stanza(node) if node.get("xmlns") == Some("w:p"))
}

/// When the client sent its IQ pings.
fn pings(trace: &[Entry]) -> Vec<Instant> {
    let ping = |entry: &&Entry| matches!(&entry.event, Event::Sent { from: Side::Client, message, .. } if is_ping(message));
    trace.iter().filter(ping).map(|entry| entry.at).collect()
}

/// Whether this is the stream error coming to the client.
fn is_told(event: &Event) -> bool {
    matches!(event, Event::Delivered { to: Side::Client, message: Message::Stanza(node), .. }
        if node.tag == "stream:error")
}

/// When the stream error came to the client.
fn told(trace: &[Entry]) -> Instant {
    let error = trace.iter().find(|entry| is_told(&entry.event));
    error.expect("the stream error came").at
}

fn before(at: Instant, length: Millis) -> String {
    Millis::new(at.since_start().get() - length.get()).to_string()
}

/// A stream error that comes in the millisecond of a ping comes first, so the ping is not sent. With a short way the
/// ping's timer (asked for 25 s before) is the older one, with a way of 30 s the delivery is.
#[test]
fn a_delivery_comes_before_a_timer_of_its_millisecond_whichever_was_asked_for_first() {
    for latency in [40, 30_000] {
        let (way, spelt) = (Millis::new(latency), format!("{latency}ms"));
        let undisturbed = pings(&entries(&with(&spelt, "")));
        let due = undisturbed[20];
        let run = |at: Instant| {
            let step = format!(
                "  - {{ at: {}, inject: {{ stream_error: {{ code: \"500\" }} }} }}\n",
                before(at, way)
            );
            entries(&with(&spelt, &step))
        };
        let trace = run(due);
        assert_eq!(told(&trace), due, "latency {spelt}");
        assert!(!pings(&trace).contains(&due), "latency {spelt}");
        let later = run(due + Millis::new(1));
        assert_eq!(pings(&later).last(), Some(&due), "latency {spelt}");
    }
}

#[test]
fn a_step_comes_after_the_timers_of_its_millisecond() {
    let due = pings(&entries(&with("40ms", "")))[20];
    let run = |at: Instant| {
        let at = before(at, Millis::ZERO);
        entries(&with(
            "40ms",
            &format!("  - {{ at: {at}, stop_session: {{ org: \"1\" }} }}\n"),
        ))
    };
    assert_eq!(pings(&run(due)).last(), Some(&due));
    let sooner = Instant::at(due.since_start().get() - 1);
    assert!(pings(&run(sooner)).last() < Some(&due));
}

/// A stop in the millisecond in which a stream error comes: the error has come before.
#[test]
fn a_step_comes_after_the_deliveries_of_its_millisecond() {
    let trace = entries(&with(
        "40ms",
        "  - { at: 9m, inject: { stream_error: { code: \"500\" } } }
  - { at: 9m 40ms, stop_session: { org: \"1\" } }\n",
    ));
    let at = told(&trace);
    let said: Vec<String> = trace
        .iter()
        .filter(|entry| entry.at == at)
        .filter_map(|entry| match &entry.event {
            event if is_told(event) => Some("delivered".to_owned()),
            Event::Disconnected { cause, .. } => Some(cause.to_string()),
            Event::Request { .. } => Some("stop".to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(said, ["delivered", "service_unavailable", "stop"]);
}

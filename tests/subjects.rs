//! What the subjects are known to do, as the trace of a run shows it.

use std::path::Path;
use std::sync::{Arc, Mutex};

use squall::engine::Listener;
use squall::scenario;
use squall::subject::Tested;
use squall::trace::{Entry, Event};
use squall::words::State;
use squall::{Options, run_tested};

/// Keeps the entries of a run.
struct Keeper(Arc<Mutex<Vec<Entry>>>);

impl Listener for Keeper {
    fn hear(&mut self, entry: &Entry) {
        self.0.lock().unwrap().push(entry.clone());
    }
}

fn trace(subject: &str, text: &str) -> Vec<Entry> {
    let scenario = scenario::parse(text, Path::new("test.yaml")).expect("a good scenario");
    let kept: Arc<Mutex<Vec<Entry>>> = Arc::default();
    let keeper = Keeper(Arc::clone(&kept));
    let options = Options {
        writers: Some(Box::new(move |_| vec![Box::new(keeper)])),
        ..Options::default()
    };
    let subject = Tested::by_name(subject).expect("a subject of that name");
    run_tested(&scenario, subject, options).expect("a run");
    std::mem::take(&mut *kept.lock().unwrap())
}

#[test]
fn the_gateway_as_it_was_pairs_and_is_back_five_seconds_after_the_515() {
    let trace = trace(
        "before",
        "name: pairing\nruns_for: 1m\norganizations: { \"1\": { paired: false } }\nsteps:\n  \
         - { at: 0s, start_session: { org: \"1\" } }\n",
    );
    let at = |wanted: fn(&Event) -> bool| {
        trace
            .iter()
            .filter(|entry| wanted(&entry.event))
            .map(|entry| entry.at)
            .collect::<Vec<_>>()
    };
    let ends = at(|event| matches!(event, Event::Disconnected { .. }));
    let dials = at(|event| matches!(event, Event::Dial { .. }));
    let logins = at(|event| matches!(event, Event::Login { .. }));
    assert_eq!(ends.len(), 1, "the 515 after pairing");
    assert_eq!(dials.len(), 2);
    assert_eq!((dials[1] - ends[0]).get(), 5_000);
    assert_eq!(logins.len(), 1, "with the device that was paired");
}

#[test]
fn the_gateway_as_it_was_keeps_its_pairing_and_its_count_over_a_crash() {
    let trace = trace(
        "before",
        "name: pairing\nruns_for: 10m\norganizations: { \"1\": { paired: false } }\nsteps:\n  \
         - { at: 0s, start_session: { org: \"1\" } }\n  \
         - { at: 5m, client_crash: {} }\n  \
         - { at: 6m, start_session: { org: \"1\" } }\n",
    );
    let after: Vec<_> = trace
        .iter()
        .skip_while(|entry| !matches!(entry.event, Event::Crashed { .. }))
        .collect();
    let dials: Vec<_> = after
        .iter()
        .filter_map(|entry| match entry.event {
            Event::Dial { attempt, .. } => Some(attempt),
            _ => None,
        })
        .collect();
    assert_eq!(dials, [2]);
    let codes = after
        .iter()
        .filter(|entry| matches!(entry.event, Event::Qr { .. }))
        .count();
    assert_eq!(codes, 0, "it logs in as the device that it had paired");
}

#[test]
fn a_boot_says_where_each_session_stands() {
    let trace = trace(
        "session",
        "name: a crash\nruns_for: 30h\norganizations: { \"1\": {}, \"2\": {} }\nsteps:\n  \
         - { at: 0s, start_session: { org: \"1\" } }\n  \
         - { at: 0s, start_session: { org: \"2\" } }\n  \
         - { at: 30m, inject: { stream_error: { code: 515 } }, org: \"2\" }\n  \
         - { at: 1h, client_crash: {} }\n  \
         - { at: 25h, client_crash: {} }\n",
    );
    let told: Vec<_> = trace
        .iter()
        .skip_while(|entry| !matches!(entry.event, Event::Crashed { .. }))
        .filter_map(|entry| match &entry.event {
            Event::State { org, state } => Some((org.as_str(), *state)),
            _ => None,
        })
        .collect();
    let manual = State::DisconnectedManualReconnectRequired;
    assert_eq!(
        told,
        [
            ("1", manual),
            ("2", State::Blocked),
            ("2", manual), // the block has ended
            ("1", manual),
            ("2", manual),
        ]
    );
}

/// The keys of a device that came up in the run are known as well as those of one that was there when it began.
#[test]
fn a_key_of_a_device_that_was_paired_in_the_run_is_found_when_it_is_written() {
    let trace = trace(
        "logs-its-key",
        "name: pairing\nruns_for: 10m\norganizations: { \"1\": { paired: false } }\nsteps:\n  \
         - { at: 0s, start_session: { org: \"1\" } }\n  \
         - { at: 5m, inject: { corrupt_frame: {} } }\n",
    );
    let found: Vec<_> = trace
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::SecretFound { key, place } => Some((key.as_str(), place.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        found,
        [("the Noise key of org 1's device", "the detail of an end")]
    );
}

//! The live engine against the wire engine: the same scenarios, the same findings, and the same order of events at each end
//! of each connection and in each session, without times.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use squall::engine::live::Reach;
use squall::engine::{Engine, Listener};
use squall::scenario::{self, Scenario};
use squall::subject::Tested;
use squall::trace::{Entry, Event, Message, Side, Verdict as Answer};
use squall::{Options, Verdict, run_tested};

/// What happened, in order, for each place where order means something: an end of a connection, a session.
type Told = BTreeMap<String, Vec<String>>;

struct Order(Arc<Mutex<Told>>);

impl Listener for Order {
    fn hear(&mut self, entry: &Entry) {
        let Some((place, what)) = told(&entry.event) else {
            return;
        };
        let mut all = self.0.lock().unwrap();
        let before = all.entry(place).or_default();
        // Whose end of the stream comes first after a close frame or a refusal is the kernels' affair.
        let refusal = |said: &str| said.contains("hears Upgrade") && !said.contains("status: 101");
        let farewell = before
            .iter()
            .any(|said| said.contains("hears Close") || refusal(said));
        if !(farewell && what == "hears Eof") {
            before.push(what);
        }
    }
}

fn told(event: &Event) -> Option<(String, String)> {
    let end = |conn, side: Side| format!("{conn} {side:?}");
    Some(match event {
        Event::Dial { conn, handoff, .. } => (end(conn, Side::Client), format!("dial {handoff}")),
        Event::Sent {
            conn,
            from,
            message,
        } => (end(conn, *from), format!("sends {}", says(message))),
        Event::Delivered { conn, to, message } => {
            (end(conn, *to), format!("hears {}", says(message)))
        }
        Event::Released { conn, by } => (end(conn, *by), "lets go".to_owned()),
        Event::Login { conn, org } => (end(conn, Side::Server), format!("login of {org}")),
        Event::PairSuccess { conn, org } => (end(conn, Side::Server), format!("pairs {org}")),
        Event::State { org, state } => (format!("org {org}"), format!("state {state}")),
        Event::Verdict { org, verdict } => {
            let what = match verdict {
                Answer::Granted { attempt } => format!("attempt {attempt}"),
                Answer::Denied { cause, also, .. } => format!("denied by {cause} and {also:?}"),
                Answer::Unreachable => "unreachable".to_owned(),
            };
            (format!("org {org}"), what)
        }
        Event::Disconnected {
            org,
            cause,
            failure,
            ..
        } => (
            format!("org {org}"),
            format!("ended by {cause}, failure {failure}"),
        ),
        Event::Alert {
            org: Some(org),
            kind,
            ..
        } => (format!("org {org}"), format!("alert {kind}")),
        Event::KeepAliveLate { org } => (format!("org {org}"), "late".to_owned()),
        Event::KeepAliveRecovered { org } => (format!("org {org}"), "recovered".to_owned()),
        _ => return None,
    })
}

/// A message, without what a clock puts into it.
fn says(message: &Message) -> String {
    match message {
        Message::Stanza(node) | Message::Corrupt(node) => {
            let child = node.children().first().map(|child| child.tag.clone());
            format!("{} {:?} {:?}", node.tag, node.get("id"), child)
        }
        Message::Ping(_) => "a ping".to_owned(),
        Message::Pong(_) => "a pong".to_owned(),
        other => format!("{other:?}"),
    }
}

fn run(scenario: &Scenario, engine: Engine, reach: Reach) -> (Verdict, Told) {
    let told = Arc::new(Mutex::default());
    let heard = Arc::clone(&told);
    let options = Options {
        engine,
        reach,
        writers: Some(Box::new(move |_| vec![Box::new(Order(heard))])),
        ..Options::default()
    };
    let verdict = run_tested(scenario, Tested::Session, options).expect("sockets can be had");
    let told = told.lock().unwrap().clone();
    (verdict, told)
}

#[test]
fn what_happens_in_virtual_time_happens_over_real_sockets_too() {
    let all = scenario::load(&["scenarios".into()]).expect("they can be read");
    let live: Vec<Scenario> = all.into_iter().filter(|scenario| scenario.live).collect();
    assert!(live.len() > 8, "a good handful");
    let wrong: Vec<String> = thread::scope(|scope| {
        let ran: Vec<_> = live
            .iter()
            .flat_map(|scenario| {
                [Reach::Beside, Reach::BesideOverTls].map(|reach| {
                    scope.spawn(move || {
                        let how = format!("{} {reach:?}", scenario.name);
                        let (wire, in_memory) = run(scenario, Engine::Wire, Reach::Beside);
                        let (live, over_sockets) = run(scenario, Engine::Live, reach);
                        differences(&how, (&wire, &live), (&in_memory, &over_sockets))
                    })
                })
            })
            .collect();
        ran.into_iter()
            .flat_map(|run| run.join().unwrap())
            .collect()
    });
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn differences(
    how: &str,
    (wire, live): (&Verdict, &Verdict),
    (one, other): (&Told, &Told),
) -> Vec<String> {
    let mut wrong = Vec::new();
    if (wire.ending(), &wire.counts) != (live.ending(), &live.counts) {
        wrong.push(format!(
            "{how}: {:?} {:#?} {:?}",
            live.ending(),
            live.findings,
            live.inconclusive
        ));
    }
    let places = one.keys().chain(other.keys());
    for place in places {
        let (virtually, really) = (one.get(place), other.get(place));
        if virtually != really && !wrong.iter().any(|said| said.contains(place)) {
            wrong.push(format!(
                "{how}, {place}:\n  wire {virtually:#?}\n  live {really:#?}"
            ));
        }
    }
    wrong
}

//! The study of keep-alive policies: the real clients in the wire engine, the others by the machine that follows them.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_protocol::{Instant, Millis};

use super::in_order;
use crate::engine::Listener;
use crate::keep_alive::line::{Carried, Log};
use crate::keep_alive::study::{MEASURED, RealDay};
use crate::keep_alive::{Policy, Question, Row, Study};
use crate::run::{Options, run_tested};
use crate::scenario;
use crate::seed::Seed;
use crate::subject::Tested;
use crate::trace::{Entry, Event, Side};
use crate::words::State;

/// Why there is no study.
#[derive(Debug, thiserror::Error)]
pub enum NotStudied {
    /// The system refused something.
    #[error("the wire engine could not run: {0}")]
    Io(#[from] io::Error),
    /// The assumed link is none that a scenario can have.
    #[error("--latency: {0}")]
    Link(String),
    /// The client was never connected.
    #[error("{0} was not connected within {1}: the latency is longer than what it waits for")]
    NotConnected(&'static str, Millis),
}

/// Studies the published policies and a sweep of intervals and patience, so many at a time.
///
/// # Errors
/// See [`NotStudied`].
pub fn study(
    question: Question,
    sweep: &[Policy],
    jobs: NonZeroUsize,
) -> Result<Study, NotStudied> {
    let published = Policy::published()
        .into_iter()
        .map(|policy| (policy, false));
    let swept = sweep.iter().cloned().map(|policy| (policy, true));
    let policies: Vec<(Policy, bool)> = published.chain(swept).collect();
    let mut rows = Vec::new();
    let one = |(policy, swept): &(Policy, bool)| -> Result<Row, NotStudied> {
        let real = match Tested::by_name(&policy.name).filter(|_| !swept) {
            Some(tested) => Some(real_day(tested, &question)?),
            None => None,
        };
        Ok(Row::of(policy.clone(), *swept, real.as_ref(), &question))
    };
    in_order(&policies, jobs, one, |_, row| {
        rows.push(row?);
        Ok::<(), NotStudied>(())
    })?;
    Ok(Study { question, rows })
}

/// A day of a healthy connection that a subject holds in the wire engine.
///
/// # Errors
/// See [`NotStudied`].
pub fn real_day(tested: Tested, question: &Question) -> Result<RealDay, NotStudied> {
    let (least, most) = question.assumptions.latency;
    let text = format!(
        "name: a healthy day\nruns_for: {}\norganizations: {{ \"1\": {{ paired: true }} }}\n\
         link: {{ latency: {least}..{most} }}\nsteps:\n  - {{ at: 0s, start_session: {{ org: \"1\" }} }}\n",
        SET_UP + MEASURED
    );
    let scenario = scenario::parse(&text, "a-healthy-day.yaml".as_ref()).map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        NotStudied::Link(texts.join("\n"))
    })?;
    let heard = Heard::default();
    let listener = heard.clone();
    let options = Options {
        seed: Some(Seed(question.seed.0)),
        writers: Some(Box::new(move |_| vec![Box::new(listener)])),
        ..Options::default()
    };
    run_tested(&scenario, tested, options)?;
    heard
        .day()
        .ok_or(NotStudied::NotConnected(tested.name(), SET_UP))
}

/// The mandatory wait and a login are over by then.
const SET_UP: Millis = Millis::from_mins(2);

/// Writes down what goes over the connection.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    log: Log,
    connected: Option<Instant>,
    woke: Option<Instant>,
    /// The places of those under way, by who sent them.
    under_way: BTreeMap<Side, VecDeque<usize>>,
}

impl Heard {
    fn day(&self) -> Option<RealDay> {
        let inside = self.lock();
        Some(RealDay {
            log: inside.log.clone(),
            connected: inside.connected?,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Heard {
    fn hear(&mut self, entry: &Entry) {
        let mut inside = self.lock();
        match &entry.event {
            Event::State {
                state: State::Connected,
                ..
            } => {
                inside.connected.get_or_insert(entry.at);
            }
            Event::Sent { from, message, .. } => {
                let place = inside.log.carried.len();
                inside.log.carried.push(Carried {
                    sent: entry.at,
                    arrived: Instant::NEVER,
                    from: *from,
                    message: message.clone(),
                });
                inside.under_way.entry(*from).or_default().push_back(place);
                inside.at_client(*from == Side::Client, entry.at);
            }
            Event::Delivered { to, .. } => {
                let place = inside.under_way.entry(to.other()).or_default().pop_front();
                if let Some(place) = place {
                    inside.log.carried[place].arrived = entry.at;
                }
                inside.at_client(*to == Side::Client, entry.at);
            }
            _ => {}
        }
    }
}

impl Inside {
    /// Counts a millisecond in which the client had something to do, once it is connected and while it is measured.
    fn at_client(&mut self, is_client: bool, at: Instant) {
        let measured = self
            .connected
            .is_some_and(|connected| at > connected && at <= connected + MEASURED);
        if is_client && measured && self.woke != Some(at) {
            self.woke = Some(at);
            self.log.wakeups += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep_alive::Assumptions;
    use crate::keep_alive::line::{self, Condition, Setup};
    use crate::trace::Message;

    fn question() -> Question {
        Question {
            seed: Seed(1),
            phases: 1,
            assumptions: Assumptions {
                latency: (Millis::new(40), Millis::new(40)),
                ..Assumptions::default()
            },
        }
    }

    /// What goes over a connection in a day after it is connected: when it was sent, when it arrived, by whom, its bytes.
    type Told = Vec<(Instant, Instant, Side, u64)>;

    /// That of the real client, and that of the machine which begins as it did.
    fn both(tested: Tested, policy: &Policy) -> (Told, Told) {
        let question = question();
        let day = real_day(tested, &question).expect("it is connected");
        let secured = day.log.carried.iter().find_map(|carried| {
            let finish =
                matches!(&carried.message, Message::Handshake(name) if name == "client_finish");
            finish.then_some(carried.sent)
        });
        let until = day.connected + MEASURED;
        let setup = Setup {
            latency: question.assumptions.latency,
            begins: secured.expect("a handshake"),
            connected: day.connected,
            first: 4,
            until,
            keep: true,
        };
        let model = line::run(policy, setup, Condition::Healthy, Seed(1), "test");
        let measured = |log: &Log| {
            let all = log.carried.iter();
            all.filter(|carried| carried.sent > day.connected && carried.arrived <= until)
                .map(|carried| (carried.sent, carried.arrived, carried.from, carried.bytes()))
                .collect()
        };
        (measured(&day.log), measured(&model))
    }

    fn agree(tested: Tested, policy: &Policy, at_least: usize) {
        let (real, modelled) = both(tested, policy);
        assert!(real.len() > at_least, "{}", real.len());
        let first = real.iter().zip(&modelled).find(|(one, other)| one != other);
        assert_eq!(first, None);
        assert_eq!(real.len(), modelled.len());
    }

    #[test]
    fn the_machine_sends_what_the_session_sends_byte_by_byte_for_a_day() {
        agree(Tested::Session, &Policy::session(), 8_000);
    }

    #[test]
    fn the_machine_sends_what_the_gateway_before_sends_byte_by_byte_for_a_day() {
        agree(Tested::Before, &Policy::before(), 5_000);
    }
}

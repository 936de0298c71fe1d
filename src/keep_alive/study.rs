//! Every policy with what it costs and what it finds, and what follows for whoever chooses one.

use std::collections::BTreeMap;

use squall_protocol::{Instant, Millis};

use super::assumptions::Assumptions;
use super::cost::Costs;
use super::detection::{self, Broken, Detection};
use super::front;
use super::line::{self, Condition, LOGIN, Log, Setup};
use super::policy::Policy;
use crate::seed::Seed;

/// What is studied.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What all chance comes from.
    pub seed: Seed,
    /// How often each policy meets each kind of break.
    pub phases: u64,
    /// What is assumed of the world.
    pub assumptions: Assumptions,
}

impl Default for Question {
    /// A thousand breaks of each kind, in the world as it is assumed where nobody says otherwise.
    fn default() -> Self {
        Self {
            seed: Seed::default(),
            phases: 1_000,
            assumptions: Assumptions::default(),
        }
    }
}

/// The answer: a row for each policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    /// What was asked.
    pub question: Question,
    /// The published policies, then those of the sweep.
    pub rows: Vec<Row>,
}

/// One policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Which.
    pub policy: Policy,
    /// Whether it is one of the sweep.
    pub swept: bool,
    /// Where its costs were measured.
    pub measured: Measured,
    /// What it costs over a healthy link.
    pub costs: Costs,
    /// What it finds.
    pub found: BTreeMap<Broken, Detection>,
    /// How many connections a day it gives up over a link that stalls and is never broken.
    pub false_alarms_per_day: f64,
}

/// Where costs were measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// The real client, in the wire engine.
    Wire,
    /// The machine that follows its policy.
    Model,
}

/// A day of a healthy connection that a client held by itself, from when it was connected.
#[derive(Clone, Debug)]
pub struct RealDay {
    /// What went over it.
    pub log: Log,
    /// When it was connected.
    pub connected: Instant,
}

/// So long a healthy connection is measured.
pub const MEASURED: Millis = Millis::from_hours(24);

impl Row {
    /// Studies one policy; its costs are those of the real client where there is one.
    pub fn of(policy: Policy, swept: bool, real: Option<&RealDay>, question: &Question) -> Self {
        let Question {
            seed,
            phases,
            ref assumptions,
        } = *question;
        let (costs, measured) = match real {
            Some(day) => {
                let window = (day.connected, day.connected + MEASURED);
                (Costs::of(&day.log, window, assumptions), Measured::Wire)
            }
            None => {
                let log = modelled(&policy, assumptions, seed);
                let window = (Instant::START, Instant::START + MEASURED);
                (Costs::of(&log, window, assumptions), Measured::Model)
            }
        };
        let found = Broken::ALL.map(|broken| {
            let detection = detection::detect(&policy, broken, phases, assumptions, seed);
            (broken, detection)
        });
        Self {
            false_alarms_per_day: detection::false_alarms_per_day(&policy, assumptions, seed),
            policy,
            swept,
            measured,
            costs,
            found: found.into(),
        }
    }

    /// The least time within which so many of a thousand connections that broke like this were found dead.
    pub fn dead(&self, broken: Broken, of_a_thousand: u64) -> Option<Millis> {
        self.found.get(&broken)?.dead.per_mille(of_a_thousand)
    }

    /// Whether a NAT never forgot its connection.
    pub fn keeps_nat(&self) -> bool {
        let nat = self.found.get(&Broken::Nat);
        nat.is_some_and(|detection| detection.dead.runs() == 0)
    }

    /// Whether it gave up no connection that was good, and lost none to a NAT.
    pub fn is_safe(&self) -> bool {
        self.false_alarms_per_day == 0.0 && self.keeps_nat()
    }
}

impl Study {
    /// The row of this name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.policy.name == name)
    }

    /// The places of those rows that are safe and that no other safe one beats in bytes over IP and in how soon silence
    /// is found (p99), cheapest first.
    pub fn front(&self) -> Vec<usize> {
        let points: Vec<(f64, Option<f64>)> = self
            .rows
            .iter()
            .map(|row| {
                let found = row.dead(Broken::Silence, 990).filter(|_| row.is_safe());
                (
                    row.costs.ip,
                    found.map(|found| found.to_duration().as_secs_f64()),
                )
            })
            .collect();
        front::pareto(&points)
    }

    /// For a phone on mobile data: of the sweep, what takes the least radio energy and is safe, and finds silence soonest
    /// of those.
    pub fn for_a_phone(&self) -> Option<&Row> {
        self.cheapest(|row| row.costs.radio_j, |_| true)
    }

    /// For a server: of the sweep, what takes the fewest bytes, is safe, and found every silence in time; and the
    /// soonest of those.
    pub fn for_a_server(&self) -> Option<&Row> {
        let within = self.question.assumptions.server_notices_within;
        let in_time = |row: &Row| {
            let worst = row.dead(Broken::Silence, 1_000);
            worst.is_some_and(|worst| worst <= within)
        };
        self.cheapest(|row| row.costs.ip, in_time)
    }

    /// What takes the least, to the joule or the byte; of several that do, what finds silence soonest (p99).
    fn cheapest(&self, cost: impl Fn(&Row) -> f64, is_fit: impl Fn(&Row) -> bool) -> Option<&Row> {
        let fit = self.rows.iter().filter(|row| row.swept && row.is_safe());
        let silence = |row: &Row| row.dead(Broken::Silence, 990).unwrap_or(Millis::MAX);
        fit.filter(|row| is_fit(row)).min_by(|one, other| {
            let by_cost = cost(one).round().total_cmp(&cost(other).round());
            by_cost.then_with(|| silence(one).cmp(&silence(other)))
        })
    }
}

/// A day under a policy, as the machine lives it after a login: the session's has three queries before its first ping.
fn modelled(policy: &Policy, assumptions: &Assumptions, seed: Seed) -> Log {
    let setup = Setup {
        latency: assumptions.latency,
        begins: Instant::START,
        connected: Instant::START + LOGIN,
        first: 4,
        until: Instant::START + MEASURED,
        keep: true,
    };
    line::run(policy, setup, Condition::Healthy, seed, "healthy")
}

//! What a scenario expects, held against the trace: one more oracle, made from the scenario instead of a rule.
//!
//! Each expectation is ruled on once, at the end of the run. It is *met*, it is *wrong* (a finding), or it is *open*:
//! its organization never asked for anything, its window was not run through, its fault touched nothing. What is open
//! proves nothing and makes the run inconclusive. A count of 0 is met by absence once its window was run through, even
//! of an organization that never asked. What is wrong already is wrong even where its window is not run through.

mod cause;
mod connected;
mod count;
mod detected;
mod outcome;
mod status;

use std::collections::{BTreeMap, BTreeSet};

use squall_protocol::Instant;

use crate::oracle::{Finding, Findings, Oracle};
use crate::scenario::{Expectation, Expected, Scenario};
use crate::trace::{Ask, ConnectionId, Entry, Event, OrgName, Side};
use crate::words::OracleName;

/// Holds a trace against everything that its scenario expects.
pub struct Expectations {
    checks: Vec<(usize, Box<dyn Check>)>,
    world: World,
    cut: Option<Instant>,
}

/// One expectation at work: it remembers what it must, and rules when the run is over.
trait Check: Send {
    /// Looks at the next entry.
    fn observe(&mut self, entry: &Entry, world: &World);
    /// The run is over at `end`.
    fn rule(&self, end: Instant, world: &World) -> Ruling;
}

/// What becomes of an expectation.
#[derive(Debug, PartialEq, Eq)]
enum Ruling {
    /// It is as expected.
    Met,
    /// It is not.
    Wrong {
        at: Instant,
        org: Option<OrgName>,
        conn: Option<ConnectionId>,
        what: String,
    },
    /// It could not be seen. It would have been known at `by` at the latest.
    Open { by: Instant, why: String },
}

impl Ruling {
    fn wrong(at: Instant, org: Option<&OrgName>, what: String) -> Self {
        Self::Wrong {
            at,
            org: org.cloned(),
            conn: None,
            what,
        }
    }
}

/// What every check may want to know.
#[derive(Debug)]
struct World {
    /// When the run is to end.
    ends: Instant,
    /// Who asked for a session, or dialed.
    reached: BTreeSet<OrgName>,
    /// Whose each connection is, with the ends that are still held. Those let go of by both ends are forgotten at their
    /// organization's next dial.
    connections: BTreeMap<ConnectionId, (OrgName, u8)>,
}

impl World {
    fn observe(&mut self, event: &Event) {
        match event {
            Event::Request {
                org,
                ask: Ask::Start,
            } => self.reach(org),
            Event::Dial { conn, org, .. } => {
                self.reach(org);
                self.connections
                    .retain(|_, (owner, held)| owner != org || *held > 0);
                self.connections.insert(*conn, (org.clone(), 2));
            }
            Event::ConnectRefused { conn } | Event::Unanswered { conn } => self.let_go(*conn, 2),
            Event::Released {
                conn,
                by: Side::Client | Side::Server,
            } => self.let_go(*conn, 1),
            _ => {}
        }
    }

    fn reach(&mut self, org: &OrgName) {
        if !self.reached.contains(org) {
            self.reached.insert(org.clone());
        }
    }

    fn let_go(&mut self, conn: ConnectionId, ends: u8) {
        if let Some((_, held)) = self.connections.get_mut(&conn) {
            *held = held.saturating_sub(ends);
        }
    }

    /// Whether this organization, or anybody where there is none, asked for a session or dialed.
    fn was_reached(&self, org: Option<&OrgName>) -> bool {
        org.map_or(!self.reached.is_empty(), |org| self.reached.contains(org))
    }

    fn is_of(&self, conn: ConnectionId, org: &OrgName) -> bool {
        self.connections
            .get(&conn)
            .is_some_and(|(owner, _)| owner == org)
    }
}

impl Expectations {
    /// What `scenario` expects of a trace. Where the run is cut short at `cut`, what would only be known later is not
    /// judged at all: neither wrong nor inconclusive.
    pub fn new(scenario: &Scenario, cut: Option<Instant>) -> Self {
        let checks = scenario
            .expect
            .iter()
            .map(|expectation| (expectation.line, check(expectation, scenario)))
            .collect();
        let world = World {
            ends: scenario.ends(),
            reached: BTreeSet::new(),
            connections: BTreeMap::new(),
        };
        Self { checks, world, cut }
    }
}

fn check(expectation: &Expectation, scenario: &Scenario) -> Box<dyn Check> {
    match expectation.expected.clone() {
        Expected::Dials { org, count, within } => {
            Box::new(count::Counted::new(count::What::Dials, org, count, within))
        }
        Expected::Attempts { org, count, within } => Box::new(count::Counted::new(
            count::What::Attempts,
            org,
            count,
            within,
        )),
        Expected::Denied {
            org,
            cause,
            count,
            within,
        } => Box::new(count::Counted::new(
            count::What::Denied(cause),
            org,
            count,
            within,
        )),
        Expected::Alert { org, kind, count } => {
            let whole = crate::scenario::Window {
                from: Instant::START,
                to: scenario.ends(),
            };
            Box::new(count::Counted::new(
                count::What::Alerts(kind),
                org,
                count,
                whole,
            ))
        }
        Expected::States {
            org,
            is,
            count,
            within,
        } => Box::new(count::Counted::new(
            count::What::States(is),
            Some(org),
            count,
            within,
        )),
        Expected::Status { org, is, at } => Box::new(status::StatusAt::new(org, is, at)),
        Expected::Cause { org, nth, is } => Box::new(cause::NthCause::new(org, nth, is)),
        Expected::ConnectedFor {
            org,
            at_least,
            within,
        } => Box::new(connected::ConnectedFor::new(org, at_least, within)),
        Expected::DetectedWithin { org, step, is } => {
            let id = scenario.step(step).and_then(|step| step.id.clone());
            Box::new(detected::DetectedWithin::new(
                org,
                step,
                id.unwrap_or_default(),
                is,
            ))
        }
        Expected::Outcome { is } => Box::new(outcome::ProcessOutcome::new(is)),
    }
}

impl Oracle for Expectations {
    fn name(&self) -> OracleName {
        OracleName::Expectations
    }

    fn observe(&mut self, entry: &Entry, _: &mut Findings) {
        self.world.observe(&entry.event);
        for (_, check) in &mut self.checks {
            check.observe(entry, &self.world);
        }
    }

    fn finish(&mut self, end: Instant, findings: &mut Findings) {
        for (line, check) in &self.checks {
            let ruling = check.rule(end, &self.world);
            if !matches!(ruling, Ruling::Open { .. }) {
                findings.judged(self.name());
            }
            match ruling {
                Ruling::Met => {}
                Ruling::Wrong {
                    at,
                    org,
                    conn,
                    what,
                } => findings.add(Finding {
                    oracle: OracleName::Expectations,
                    at,
                    org,
                    conn,
                    message: format!("{what} (line {line} of the scenario)"),
                }),
                Ruling::Open { by, .. } if self.cut.is_some_and(|cut| by > cut) => {}
                Ruling::Open { why, .. } => {
                    findings.inconclusive(format!("{why} (line {line} of the scenario)"));
                }
            }
        }
    }
}

/// `org 2`, or everybody.
fn of(org: Option<&OrgName>) -> String {
    org.map_or_else(
        || "all organizations".to_owned(),
        |org| format!("org {org}"),
    )
}

/// What is said of an organization that never asked for a session.
fn never_reached(org: Option<&OrgName>) -> String {
    match org {
        Some(org) => format!("org {org} never asked for a session"),
        None => "nobody asked for a session".to_owned(),
    }
}

#[cfg(test)]
mod test_support;

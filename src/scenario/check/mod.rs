//! From the shape of a file to its meaning. Whatever is wrong is collected, so that one reading tells all of it.

mod expect;
mod organizations;
mod step;
mod trigger;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use squall_mock_server::fault::nearest;
use squall_protocol::{Instant, Millis};

use super::model::{Before, Guard, Orgs, Phone, Scenario, ServerPings};
use super::place::{of_key, of_token};
use super::policy;
use super::problem::Problem;
use super::range::{Between, Window, Within};
use super::raw::{RawBefore, RawGuard, RawScansAfter, RawScenario, RawServerPings};
use super::yaml::{At, Place};
use crate::seed::Seed;
use crate::trace::OrgName;

/// The most that a run in real time may last.
const LONGEST_LIVE: Millis = Millis::from_mins(10);
/// Monday, 5 January 2026, 08:00 UTC.
const DEFAULT_START: i64 = 1_767_600_000_000;
/// An unhurried mobile network.
const DEFAULT_LATENCY: Between = Between::exactly(Millis::new(40));
/// As fast as somebody who waits with the phone in hand.
const DEFAULT_SCAN: Between = Between::exactly(Millis::from_secs(5));

/// What is wrong, and where.
pub(super) type Complaint = (Option<Place>, Problem);

/// Gives a file its meaning, or says everything that is wrong with it.
pub(super) fn check(
    raw: RawScenario,
    text: &Arc<str>,
    path: &Path,
) -> Result<Scenario, Vec<Complaint>> {
    let mut checker = Checker {
        text,
        complaints: Vec::new(),
        organizations: BTreeMap::new(),
        runs_for: raw.runs_for.value,
        ids: BTreeMap::new(),
        cleared: Vec::new(),
    };
    let scenario = checker.scenario(raw, path);
    if checker.complaints.is_empty() {
        return Ok(scenario);
    }
    checker
        .complaints
        .sort_by_key(|(place, _)| place.as_ref().map(|place| (place.line, place.column)));
    Err(checker.complaints)
}

struct Checker<'a> {
    text: &'a Arc<str>,
    complaints: Vec<Complaint>,
    /// Each name that the scenario gives, with the organizations under it.
    organizations: BTreeMap<OrgName, Orgs>,
    runs_for: Millis,
    /// Each id, with the number and the line of its step.
    ids: BTreeMap<String, (u32, usize)>,
    /// The number of each step that is cleared, and where that is said.
    cleared: Vec<(u32, (usize, usize))>,
}

impl Checker<'_> {
    fn scenario(&mut self, raw: RawScenario, path: &Path) -> Scenario {
        self.a_name("name", raw.name.at, &raw.name.value);
        let organizations = self.organizations(&raw.organizations);
        self.longer_than_nothing("runs_for", &raw.runs_for);
        if raw.live && raw.runs_for.value > LONGEST_LIVE {
            let (runs_for, most) = (raw.runs_for.value, LONGEST_LIVE);
            self.at(raw.runs_for.at, Problem::TooLongToBeLive { runs_for, most });
        }
        let (starts, offset) = self.starts(raw.starts.as_ref());
        let ends = starts.checked_add(raw.runs_for.value.to_duration());
        if ends.is_err() {
            self.at(raw.runs_for.at, Problem::EndOfTime);
        }
        let policy = policy::resolve(&raw.policy, |at, problem| {
            self.complaints
                .push((Some(of_token(self.text, at)), problem));
        });
        let guard = self.guard(&raw.guard);
        let server_pings = self.server_pings(&raw.server_pings);
        let phone = match raw.phone.scans_after {
            None => Phone::ScansAfter(DEFAULT_SCAN),
            Some(RawScansAfter::After(delay)) => Phone::ScansAfter(delay),
            Some(RawScansAfter::Never) => Phone::Never,
        };
        self.collect_ids(&raw.steps);
        let steps: Vec<_> = (1u32..)
            .zip(raw.steps)
            .filter_map(|(number, step)| self.step(number, step))
            .collect();
        let expect = raw
            .expect
            .into_iter()
            .filter_map(|expected| self.expectation(expected, &steps))
            .collect();
        self.clears_name_faults(&steps);
        Scenario {
            name: raw.name.value.trim().to_owned(),
            source: raw.source,
            incident: raw.incident,
            tags: raw.tags.into_iter().map(|tag| tag.value.0).collect(),
            seed: raw.seed.map_or_else(Seed::default, Seed),
            starts,
            offset,
            runs_for: raw.runs_for.value,
            organizations,
            latency: raw
                .link
                .latency
                .map_or(DEFAULT_LATENCY, |latency| latency.value),
            policy,
            phone,
            guard,
            server_pings,
            live: raw.live,
            before: raw.before.map(|before| match before.value {
                RawBefore::Passes => Before::Passes,
                RawBefore::Fails(oracles) => {
                    Before::Fails(oracles.into_iter().map(|oracle| oracle.value).collect())
                }
            }),
            steps,
            expect,
            text: Arc::clone(self.text),
            path: path.to_owned(),
        }
    }

    fn starts(&mut self, written: Option<&At<String>>) -> (Timestamp, Offset) {
        let default = Timestamp::from_millisecond(DEFAULT_START).unwrap_or_default();
        let Some(written) = written else {
            return (default, Offset::UTC);
        };
        let offset = Pieces::parse(&written.value)
            .ok()
            .and_then(|pieces| pieces.to_numeric_offset());
        match (written.value.parse::<Timestamp>(), offset) {
            (Ok(at), Some(offset)) if at.as_nanosecond() % 1_000_000 == 0 => (at, offset),
            (Ok(_), Some(_)) => {
                self.at(written.at, Problem::FineInstant(written.value.clone()));
                (default, Offset::UTC)
            }
            _ => {
                self.at(written.at, Problem::NoInstant(written.value.clone()));
                (default, Offset::UTC)
            }
        }
    }

    fn guard(&mut self, raw: &RawGuard) -> Guard {
        if let Some(max) = &raw.max
            && max.value == 0
        {
            self.at(max.at, Problem::NotOne("max"));
        }
        for (key, length) in [("per", &raw.per), ("penalty", &raw.penalty)] {
            if let Some(length) = length {
                self.longer_than_nothing(key, length);
            }
        }
        let or =
            |written: &Option<At<Millis>>, default| written.as_ref().map_or(default, |at| at.value);
        Guard {
            expected: raw.expected,
            max: raw.max.as_ref().map_or(3, |max| max.value),
            per: or(&raw.per, Millis::from_mins(58)),
            penalty: or(&raw.penalty, Millis::from_hours(24)),
            answer: raw.answer,
            in_all: raw.in_all,
        }
    }

    fn server_pings(&mut self, raw: &RawServerPings) -> ServerPings {
        let mut every = |key, written: &Option<At<Millis>>| {
            let written = written.as_ref()?;
            self.longer_than_nothing(key, written);
            Some(written.value)
        };
        ServerPings {
            iq: every("iq", &raw.iq),
            websocket: every("websocket", &raw.websocket),
        }
    }

    /// A name that people see: not blank, and one line.
    fn a_name(&mut self, key: &'static str, at: (usize, usize), name: &str) {
        if name.trim().is_empty() {
            self.at(at, Problem::Blank(key));
        } else if name.contains(char::is_control) {
            self.at(at, Problem::OneLine(key));
        }
    }

    fn longer_than_nothing(&mut self, key: &'static str, length: &At<Millis>) {
        if length.value == Millis::ZERO {
            self.at(length.at, Problem::Zero(key));
        }
    }

    /// The number of the step with this id.
    fn step_with_id(&mut self, id: &At<String>) -> Option<u32> {
        let found = self.ids.get(&id.value).map(|(number, _)| *number);
        if found.is_none() {
            let known: Vec<String> = self.ids.keys().cloned().collect();
            self.at(
                id.at,
                Problem::UnknownStep {
                    id: id.value.clone(),
                    nearest: nearest(&id.value, known.iter().map(String::as_str)),
                    known,
                },
            );
        }
        found
    }

    /// The part of the run that is meant. One that reaches beyond the run is complained of.
    fn window(&mut self, within: Option<&At<Within>>) -> Window {
        let mut window = Window {
            from: Instant::START,
            to: Instant::START + self.runs_for,
        };
        let Some(within) = within else { return window };
        let last = within.value.to.or(within.value.from).unwrap_or_default();
        if last > self.runs_for {
            let value = of_token(self.text, within.at).words(self.text);
            let runs_for = self.runs_for;
            self.at(
                within.at,
                Problem::OutsideTheRun {
                    key: "within",
                    value,
                    runs_for,
                },
            );
            return window;
        }
        if let Some(from) = within.value.from {
            window.from = Instant::START + from;
        }
        if let Some(to) = within.value.to {
            window.to = Instant::START + to;
        }
        window
    }

    /// `nth`, which counts from 1.
    fn nth(&mut self, nth: Option<&At<u32>>) -> Option<u32> {
        let nth = nth?;
        if nth.value == 0 {
            self.at(nth.at, Problem::FromOne("nth"));
        }
        Some(nth.value)
    }

    /// Complains of what stands at a place.
    fn at(&mut self, at: (usize, usize), problem: Problem) {
        self.complaints
            .push((Some(of_token(self.text, at)), problem));
    }

    /// Complains of the key whose value stands at a place.
    fn at_key(&mut self, key: &str, value: (usize, usize), problem: Problem) {
        self.complaints
            .push((Some(of_key(self.text, key, value)), problem));
    }
}

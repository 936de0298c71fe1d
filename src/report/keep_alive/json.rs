//! The study for programs: one object. Its keys are part of the interface.

use std::collections::BTreeMap;

use serde::Serialize;
use squall_protocol::Millis;

use super::machine::Took;
use super::paragraph;
use crate::keep_alive::study::{MEASURED, Measured};
use crate::keep_alive::{Assumptions, Broken, Costs, Found, Row, Study};

/// What a change of the keys makes one more.
const FORMAT: u32 = 1;

#[derive(Serialize)]
struct Report<'a> {
    format: u32,
    version: &'static str,
    seed: u64,
    phases: u64,
    measured: Millis,
    assumptions: &'a Assumptions,
    policies: Vec<Policy<'a>>,
    for_a_phone: Option<&'a str>,
    for_a_server: Option<&'a str>,
    answer: String,
    /// What a session-hour takes of this machine, where that was measured: no seed repeats its times.
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<&'a [Took]>,
}

#[derive(Serialize)]
struct Policy<'a> {
    name: &'a str,
    source: &'a str,
    swept: bool,
    on_the_front: bool,
    measured_in: Measured,
    per_hour: Costs,
    /// From the break to the verdict that the connection is dead.
    dead: BTreeMap<Broken, Times>,
    /// From the break to the first word to the application.
    late: BTreeMap<Broken, Times>,
    false_alarms_per_day: f64,
}

/// In milliseconds; nothing where that many did not find it.
#[derive(Serialize)]
struct Times {
    runs: u64,
    missed: u64,
    p50_ms: Option<u64>,
    p99_ms: Option<u64>,
    worst_ms: Option<u64>,
}

impl Times {
    fn of(found: &Found) -> Self {
        let ms = |of| found.per_mille(of).map(Millis::get);
        Self {
            runs: found.runs(),
            missed: found.missed(),
            p50_ms: ms(500),
            p99_ms: ms(990),
            worst_ms: ms(1_000),
        }
    }
}

/// The object, with a line end.
///
/// # Errors
/// None that is known: every key is a string.
pub fn report(study: &Study, took: Option<&[Took]>) -> serde_json::Result<String> {
    let front = study.front();
    let policies = study.rows.iter().enumerate();
    let name = |row: Option<&'_ Row>| row.map(|row| row.policy.name.to_string());
    let (phone, server) = (name(study.for_a_phone()), name(study.for_a_server()));
    let report = Report {
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION"),
        seed: study.question.seed.0,
        phases: study.question.phases,
        measured: MEASURED,
        assumptions: &study.question.assumptions,
        policies: policies
            .map(|(place, row)| policy(row, front.contains(&place)))
            .collect(),
        for_a_phone: phone.as_deref(),
        for_a_server: server.as_deref(),
        answer: paragraph::answer(study),
        machine: took,
    };
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}

fn policy(row: &Row, on_the_front: bool) -> Policy<'_> {
    let times = |of: fn(&crate::keep_alive::Detection) -> &Found| {
        let all = row.found.iter();
        all.map(|(broken, detection)| (*broken, Times::of(of(detection))))
            .collect()
    };
    Policy {
        name: &row.policy.name,
        source: row.policy.source,
        swept: row.swept,
        on_the_front,
        measured_in: row.measured,
        per_hour: row.costs,
        dead: times(|detection| &detection.dead),
        late: times(|detection| &detection.late),
        false_alarms_per_day: row.false_alarms_per_day,
    }
}

//! The report for programs: one object. Its keys are part of the interface.

use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use squall_protocol::Millis;

use super::text::{Totals, scenarios};
use crate::engine;
use crate::run::{Ending, Verdict};
use crate::runner::Outcome;
use crate::words::OracleName;

#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    subject: &'a str,
    engine: &'a str,
    runs: Vec<Run<'a>>,
    totals: Total,
}

#[derive(Serialize)]
struct Total {
    scenarios: usize,
    runs: usize,
    held: u64,
    findings: u64,
    inconclusive: u64,
    panicked: u64,
    not_deterministic: u64,
    simulated_ms: u64,
    wall_ms: u64,
}

/// One run.
#[derive(Serialize)]
pub(super) struct Run<'a> {
    scenario: &'a str,
    path: &'a Path,
    subject: &'a str,
    engine: &'a str,
    seed: u64,
    verdict: &'static str,
    simulated_ms: Option<u64>,
    wall_ms: Option<u64>,
    dials: Option<u64>,
    disconnects: Option<u64>,
    faults: Option<u64>,
    pongs: Option<Pongs>,
    findings: Vec<Found<'a>>,
    counts: BTreeMap<OracleName, u64>,
    /// How often each oracle had something to judge.
    judged: BTreeMap<OracleName, u64>,
    inconclusive: &'a [String],
    not_judged: &'a [OracleName],
    /// What it panicked with.
    panic: Option<&'a str>,
    trace_blake3: Option<&'a str>,
    second_trace_blake3: Option<&'a str>,
    replay: &'a str,
}

/// How soon the subject's WebSocket Pings were answered.
#[derive(Serialize)]
struct Pongs {
    count: u64,
    p50_ms: Option<u64>,
    p99_ms: Option<u64>,
    worst_ms: Option<u64>,
}

impl Pongs {
    fn of(pongs: &engine::Pongs) -> Self {
        let ms = |of_a_thousand| pongs.per_mille(of_a_thousand).map(Millis::get);
        Self {
            count: pongs.count(),
            p50_ms: ms(500),
            p99_ms: ms(990),
            worst_ms: ms(1_000),
        }
    }
}

#[derive(Serialize)]
struct Found<'a> {
    oracle: OracleName,
    at_ms: u64,
    org: Option<&'a str>,
    conn: Option<u64>,
    message: &'a str,
}

/// The outcomes of a set as one JSON object, with a line end.
pub fn report(outcomes: &[Outcome], subject: &str, engine: &str, wall: Duration) -> String {
    let Totals {
        held,
        findings,
        inconclusive,
        panicked,
        differ,
        simulated,
    } = Totals::of(outcomes);
    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        subject,
        engine,
        runs: outcomes.iter().map(run).collect(),
        totals: Total {
            scenarios: scenarios(outcomes),
            runs: outcomes.len(),
            held,
            findings,
            inconclusive,
            panicked,
            not_deterministic: differ,
            simulated_ms: simulated.get(),
            wall_ms: milliseconds(wall),
        },
    };
    let text =
        serde_json::to_string_pretty(&report).expect("plain values, which JSON can always hold");
    text + "\n"
}

/// An outcome as its run.
pub(super) fn run(outcome: &Outcome) -> Run<'_> {
    let ran = outcome.ran.as_ref();
    let verdict = ran.ok();
    Run {
        scenario: &outcome.scenario,
        path: &outcome.path,
        subject: &outcome.subject,
        engine: outcome.engine.name(),
        seed: outcome.seed.0,
        verdict: match ran.map(Verdict::ending) {
            Ok(Ending::Held) => "held",
            Ok(Ending::Findings) => "findings",
            Ok(Ending::Inconclusive) => "inconclusive",
            Err(_) => "panicked",
        },
        simulated_ms: verdict.map(|verdict| verdict.simulated.get()),
        wall_ms: verdict.map(|verdict| milliseconds(verdict.wall)),
        dials: verdict.map(|verdict| verdict.happened.dials),
        disconnects: verdict.map(|verdict| verdict.happened.disconnects),
        faults: verdict.map(|verdict| verdict.happened.faults),
        pongs: verdict.map(|verdict| Pongs::of(&verdict.happened.pongs)),
        findings: verdict.map(found).unwrap_or_default(),
        counts: verdict
            .map(|verdict| verdict.counts.clone())
            .unwrap_or_default(),
        judged: verdict
            .map(|verdict| verdict.judged.clone())
            .unwrap_or_default(),
        inconclusive: verdict.map_or(&[], |verdict| &verdict.inconclusive),
        not_judged: verdict.map_or(&[], |verdict| &verdict.not_judged),
        panic: ran.err().map(String::as_str),
        trace_blake3: outcome.hash.as_deref(),
        second_trace_blake3: outcome.second_hash.as_deref(),
        replay: &outcome.replay,
    }
}

fn found(verdict: &Verdict) -> Vec<Found<'_>> {
    verdict
        .findings
        .iter()
        .map(|finding| Found {
            oracle: finding.oracle,
            at_ms: finding.at.since_start().get(),
            org: finding.org.as_deref(),
            conn: finding.conn.map(|conn| conn.0),
            message: &finding.message,
        })
        .collect()
}

/// Whole milliseconds.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

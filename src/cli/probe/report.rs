//! What a probe has shown.

use serde_json::{Value, json};
use squall::engine::live::{Client, Connection};
use squall::exit::Exit;
use squall::report::one_line;
use squall::report::text::{self, Columns};
use squall::runner::{self, Outcome};
use squall::scenario::Scenario;
use squall_protocol::Instant;

/// For people.
pub(super) fn text(
    scenario: &Scenario,
    outcome: &Outcome,
    client: Option<&Client>,
    columns: Columns,
) -> String {
    let mut said = columns.head();
    said.push_str(&text::outcome(outcome, columns));
    let Some(client) = client else { return said };
    said.push_str("\nwhat the client did, as the server saw it:\n");
    let mut did = client.seen.told(client.until);
    did.push(process(client));
    for line in did {
        said.push_str(&format!("    {}\n", one_line(&line)));
    }
    let not_judged = not_judged(scenario, outcome);
    said.push_str(&format!(
        "not judged, since only the client itself could tell: {not_judged}\n"
    ));
    if outcome.exit() != Exit::Held && !client.said.is_empty() {
        said.push_str("\nthe last that the client wrote:\n");
        let from = client.said.len().saturating_sub(SHOWN);
        for line in &client.said[from..] {
            said.push_str(&format!("    {}\n", one_line(line)));
        }
    }
    said
}

/// So many of the client's last lines are shown where something is wrong.
const SHOWN: usize = 20;

/// How its process ended.
fn process(client: &Client) -> String {
    match (&client.ended, client.seen.gone) {
        (Some(ended), _) => format!("process died: {}", ended.how),
        (None, Some(at)) => format!("process: killed by the scenario at {at}, and down to the end"),
        (None, None) if client.seen.launched => "process: ran to the end".to_owned(),
        (None, None) => "process: never launched".to_owned(),
    }
}

/// The oracles, and the expectations by line.
fn not_judged(scenario: &Scenario, outcome: &Outcome) -> String {
    let oracles = outcome.ran.iter().flat_map(|verdict| &verdict.not_judged);
    let lines = scenario
        .expect
        .iter()
        .filter(|expectation| !runner::is_seen(&expectation.expected))
        .map(|expectation| format!("expect on line {}", expectation.line));
    let all: Vec<String> = oracles
        .map(|oracle| oracle.name().to_owned())
        .chain(lines)
        .collect();
    all.join(", ")
}

/// For programs: one object. Times are milliseconds since the run began.
pub(super) fn json(scenario: &Scenario, outcome: &Outcome, client: Option<&Client>) -> String {
    let verdict = outcome.ran.as_ref().ok();
    let findings = verdict.map(|verdict| &verdict.findings);
    let findings = findings.into_iter().flatten().map(|finding| {
        json!({
            "oracle": finding.oracle.name(),
            "at_ms": ms(finding.at),
            "message": finding.message,
        })
    });
    let report = json!({
        "scenario": scenario.name,
        "seed": outcome.seed.0,
        "exit": outcome.exit().code(),
        "findings": findings.collect::<Vec<_>>(),
        "inconclusive": verdict.map(|verdict| &verdict.inconclusive),
        "not_judged": not_judged(scenario, outcome),
        "dials": verdict.map(|verdict| verdict.happened.dials),
        "client": client.map(of_client),
        "replay": outcome.replay,
    });
    format!("{report:#}\n")
}

fn of_client(client: &Client) -> Value {
    let connections = client.seen.connections.values();
    json!({
        "did": client.seen.told(client.until),
        "connections": connections.map(of_connection).collect::<Vec<_>>(),
        "unknown_requests": client.seen.unknown,
        "died": client.ended.as_ref().map(|ended| json!({
            "how": ended.how,
            "exit_code": ended.code,
            "at_ms": client.seen.gone.map(ms),
        })),
        "killed_ms": client.seen.gone.filter(|_| client.ended.is_none()).map(ms),
        "until_ms": ms(client.until),
        "said": client.said,
    })
}

fn of_connection(connection: &Connection) -> Value {
    let struck = connection.struck.as_ref();
    json!({
        "dialed_ms": ms(connection.dialed),
        "paired_ms": connection.paired.map(ms),
        "logged_in_ms": connection.logged_in.map(ms),
        "pings_answered": connection.pings_answered,
        "last_answer_ms": connection.last_answer.map(ms),
        "struck": struck.map(|(at, fault)| json!({ "fault": fault, "at_ms": ms(*at) })),
        "server_ended_ms": connection.server_ended.map(ms),
        "client_ended": connection.client_ended.map(|(at, how)| json!({ "how": how, "at_ms": ms(at) })),
    })
}

fn ms(at: Instant) -> u64 {
    at.since_start().get()
}

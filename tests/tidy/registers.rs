//! The registers and the scenarios know each other: nothing is registered that no scenario shows.

use std::collections::BTreeSet;

use squall::scenario::{self, Action, Before, CrashedStore, Expected, Scenario, Supervisor};
use squall::subject::MUTANTS;
use squall::words::{Cause, OracleName};
use squall_mock_server::fault::{AsSent, FaultSpec, Malformation, REGISTER};

use crate::source::{none, root};

/// Oracles that no scenario and no mutant can make speak, and why. Each is shown a trace that violates it in its own file.
const SHOWN_BY_HAND: &[(OracleName, &str)] = &[(
    OracleName::FaultWasSeen,
    "it makes a run inconclusive, and a shipped scenario is none",
)];

fn scenarios() -> Vec<Scenario> {
    scenario::load(&[root().join("scenarios")]).unwrap_or_else(|errors| {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", texts.join("\n"))
    })
}

/// The faults that a scenario uses, those of the client's process included.
fn faults(scenario: &Scenario) -> impl Iterator<Item = &'static str> {
    scenario.steps.iter().filter_map(|step| match &step.action {
        Action::Inject { fault, .. } | Action::Fault { fault, .. } => Some(fault.info().name),
        Action::ClientCrash {
            store: CrashedStore::Kept,
            ..
        } => Some("client_crash, store kept"),
        Action::ClientCrash {
            store: CrashedStore::Lost,
            ..
        } => Some("client_crash, store lost"),
        Action::Suspend { .. } => Some("suspend"),
        Action::ClientPause { .. } => Some("client_pause"),
        Action::ClockStep { .. } => Some("clock_step"),
        Action::Supervisor { how } => Some(match how {
            Supervisor::Fixed(_) => "supervisor, restart",
            Supervisor::Systemd(_) => "supervisor, systemd",
            Supervisor::Docker => "supervisor, docker",
        }),
        Action::ClientStop => Some("client_stop"),
        Action::ClientStart => Some("client_start"),
        Action::ServerRestart { .. } => Some("server_restart"),
        _ => None,
    })
}

#[test]
fn every_fault_is_in_a_scenario() {
    let used: BTreeSet<&str> = scenarios().iter().flat_map(faults).collect();
    let registered = REGISTER.iter().map(|info| info.name);
    let found: Vec<String> = registered
        .chain([
            "client_crash, store kept",
            "client_crash, store lost",
            "suspend",
            "client_pause",
            "clock_step",
            "supervisor, restart",
            "supervisor, systemd",
            "supervisor, docker",
            "client_stop",
            "client_start",
            "server_restart",
        ])
        .filter(|name| !used.contains(name))
        .map(|name| format!("{name}: in no scenario"))
        .collect();
    none(
        &found,
        "Write a scenario in scenarios/ that shows what this fault does.",
    );
}

/// What the engine does by itself, beside the faults of the mock server.
const PROCESS: &[&str] = &[
    "client_crash",
    "suspend",
    "client_pause",
    "clock_step",
    "server_restart",
];

/// What goes wrong by an action; nothing where it is a person's, a supervisor's, or takes a fault off.
fn goes_wrong(action: &Action) -> Option<&'static str> {
    match action {
        Action::Inject { fault, .. } | Action::Fault { fault, .. } => Some(fault.info().name),
        Action::ClientCrash { .. } => Some("client_crash"),
        Action::Suspend { .. } => Some("suspend"),
        Action::ClientPause { .. } => Some("client_pause"),
        Action::ClockStep { .. } => Some("clock_step"),
        Action::ServerRestart { .. } => Some("server_restart"),
        Action::StartSession { .. }
        | Action::StopSession { .. }
        | Action::ScanQr { .. }
        | Action::ClientStop
        | Action::ClientStart
        | Action::Supervisor { .. }
        | Action::Clear { .. } => None,
    }
}

#[test]
fn the_month_of_random_weather_draws_every_fault() {
    let path = root().join("soak/a-month-of-random-weather.yaml");
    let month = scenario::load(&[path]).unwrap().remove(0);
    let drawn = |name: &str| {
        let is_drawn = |step: &scenario::Step| {
            matches!(step.trigger, scenario::Trigger::AtRandom { .. })
                && goes_wrong(&step.action) == Some(name)
        };
        month.steps.iter().any(is_drawn)
    };
    let registered = REGISTER.iter().map(|info| info.name);
    let found: Vec<String> = registered
        .chain(PROCESS.iter().copied())
        .filter(|name| !drawn(name))
        .map(|name| format!("{name}: not drawn"))
        .collect();
    none(
        &found,
        "Let the month draw it: a step with `at_random` in soak/a-month-of-random-weather.yaml.",
    );
}

#[test]
fn every_malformed_frame_is_in_a_scenario() {
    let scenarios = scenarios();
    let used: Vec<Malformation> = scenarios
        .iter()
        .flat_map(|scenario| &scenario.steps)
        .filter_map(|step| match &step.action {
            Action::Inject { fault, .. } | Action::Fault { fault, .. } => match fault {
                FaultSpec::MalformedFrame(frame) => Some(frame.kind),
                _ => None,
            },
            _ => None,
        })
        .collect();
    let found: Vec<String> = Malformation::ALL
        .iter()
        .filter(|kind| !used.contains(kind))
        .map(|kind| format!("{kind:?}: in no scenario"))
        .collect();
    none(
        &found,
        "Add it to scenarios/frames-that-rfc-6455-forbids.yaml.",
    );
}

#[test]
fn every_cause_is_expected_in_a_scenario() {
    let scenarios = scenarios();
    let expected: BTreeSet<Cause> = scenarios
        .iter()
        .flat_map(|scenario| &scenario.expect)
        .filter_map(|expectation| match &expectation.expected {
            Expected::Cause { is, .. } => Some(*is),
            _ => None,
        })
        .collect();
    let found: Vec<String> = Cause::ALL
        .iter()
        .filter(|cause| !expected.contains(cause))
        .map(|cause| format!("{cause}: no scenario expects it"))
        .collect();
    none(
        &found,
        "Write a scenario that ends so, and expect the cause there.",
    );
}

/// Baileys' `DisconnectReason`, whatsmeow's `events.ConnectFailureReason` and whatsapp-rust's, together.
#[test]
fn every_code_that_a_real_client_has_a_name_for_is_in_a_scenario() {
    const CODES: &str = "401 402 403 405 408 409 411 428 429 440 500 501 503 515 516";
    const REASONS: &str = "400 401 402 403 405 406 409 411 413 414 415 418 429 440 500 501 503";
    let scenarios = scenarios();
    let mut said: BTreeSet<(&str, &str)> = BTreeSet::new();
    for step in scenarios.iter().flat_map(|scenario| &scenario.steps) {
        if let Action::Inject { fault, .. } | Action::Fault { fault, .. } = &step.action {
            let (name, value) = match fault {
                FaultSpec::StreamError(error) => ("stream_error", &error.code),
                FaultSpec::Failure(failure) => ("failure", &failure.reason),
                _ => continue,
            };
            said.insert((name, value.as_ref().map_or("none", AsSent::as_str)));
        }
    }
    let wanted = |name, codes: &'static str| {
        let codes = codes.split(' ').chain(["none"]);
        codes.map(move |code| (name, code))
    };
    let found: Vec<String> = wanted("stream_error", CODES)
        .chain(wanted("failure", REASONS))
        .filter(|wanted| !said.contains(wanted))
        .map(|(name, code)| format!("{name} {code}: in no scenario"))
        .collect();
    none(&found, "Add it to the scenario of every code or reason.");
}

#[test]
fn every_fault_has_its_file() {
    let found: Vec<String> = REGISTER
        .iter()
        .map(|info| format!("mock-server/src/fault/{}.rs", info.name))
        .filter(|path| !root().join(path).exists())
        .collect();
    none(&found, "A fault is one file, named as it is.");
}

#[test]
fn every_oracle_has_its_file() {
    let found: Vec<String> = OracleName::ALL
        .iter()
        .filter(|oracle| **oracle != OracleName::Expectations)
        .map(|oracle| format!("src/oracle/{oracle}.rs"))
        .filter(|path| !root().join(path).exists())
        .collect();
    none(&found, "An oracle is one file, named as it is.");
}

#[test]
fn every_oracle_finds_something_somewhere() {
    let mut speak: BTreeSet<OracleName> = MUTANTS.iter().map(|mutant| mutant.oracle).collect();
    for scenario in scenarios() {
        if let Some(Before::Fails(oracles)) = scenario.before {
            speak.extend(oracles);
        }
    }
    let by_hand: BTreeSet<OracleName> = SHOWN_BY_HAND.iter().map(|(oracle, _)| *oracle).collect();
    let silent: Vec<String> = OracleName::ALL
        .iter()
        .filter(|oracle| !speak.contains(oracle) && !by_hand.contains(oracle))
        .map(|oracle| format!("{oracle}: no scenario's `before`, and no mutant, makes it speak"))
        .collect();
    none(
        &silent,
        "Write the scenario or the mutant that it is there for.",
    );
    let stale: Vec<String> = by_hand
        .intersection(&speak)
        .map(ToString::to_string)
        .collect();
    none(&stale, "They do speak: take them off SHOWN_BY_HAND.");
}

#[test]
fn every_scenario_says_what_the_gateway_before_does_there() {
    let found: Vec<String> = scenarios()
        .iter()
        .filter(|scenario| scenario.before.is_none())
        .map(|scenario| scenario.path.display().to_string())
        .collect();
    none(
        &found,
        "Add `before: passes` or `before: { fails: [...] }`; squall run --subject before FILE shows which.",
    );
}

#[test]
fn every_mutant_has_its_scenario() {
    let names: BTreeSet<String> = scenarios()
        .into_iter()
        .map(|scenario| scenario.name)
        .collect();
    let found: Vec<String> = MUTANTS
        .iter()
        .filter(|mutant| !names.contains(mutant.scenario))
        .map(|mutant| {
            format!(
                "{}: no scenario is named {:?}",
                mutant.name, mutant.scenario
            )
        })
        .collect();
    none(
        &found,
        "A mutant names the scenario in which it must be caught; write it, or name another.",
    );
}

/// 15 is what makes the comparison tell something; less, and the scenarios would only show that the session works.
#[test]
fn the_gateway_before_fails_in_at_least_fifteen_scenarios() {
    use OracleName::{DialAttribution, Holds, LimiterShadow, Unpunished};
    let fails = |scenario: &&Scenario| match &scenario.before {
        Some(Before::Fails(oracles)) => [DialAttribution, LimiterShadow, Holds, Unpunished]
            .iter()
            .any(|oracle| oracles.contains(oracle)),
        _ => false,
    };
    let scenarios = scenarios();
    let failing = scenarios.iter().filter(fails).count();
    assert!(
        failing >= 15,
        "it fails in {failing} of {}",
        scenarios.len()
    );
}

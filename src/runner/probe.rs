//! One run against a client that is a process of its own.

use super::{Outcome, Panics, Settings, Word, line_of_name, on_fresh_thread, quoted};
use crate::engine::live::{Client, Probe};
use crate::run;
use crate::scenario::{Expected, Scenario};

/// Probes a client, and tells what became of it. What the scenario expects of it is judged as far as the server sees.
pub fn probe(
    scenario: &Scenario,
    settings: &Settings,
    probe: &Probe,
    panics: &Panics,
) -> std::io::Result<(Outcome, Option<Client>)> {
    let seed = settings.seed.unwrap_or(scenario.seed);
    let mut judged = scenario.clone();
    judged
        .expect
        .retain(|expectation| is_seen(&expectation.expected));
    let kept = settings.explain.then(super::explain::Kept::default);
    let options = run::Options {
        seed: Some(seed),
        until: settings.until,
        writers: kept
            .clone()
            .map(|kept| -> run::WritersFn { Box::new(move |header| vec![kept.listener(header)]) }),
        ..run::Options::default()
    };
    let ran = on_fresh_thread(&scenario.name, panics, || {
        run::probe(&judged, probe, options)
    });
    let (ran, client) = match ran {
        Ok(Ok((verdict, client))) => (Ok(verdict), Some(client)),
        Ok(Err(error)) => return Err(error),
        Err(broke) => (Err(broke), None),
    };
    let command: Vec<String> = probe.command.iter().map(|word| quoted(word)).collect();
    let path = quoted(&scenario.path.display().to_string());
    let explained = match (&kept, &ran) {
        (Some(kept), Ok(verdict)) => kept.around(verdict),
        _ => Vec::new(),
    };
    let outcome = Outcome {
        scenario: scenario.name.clone(),
        path: scenario.path.clone(),
        line: line_of_name(&scenario.text),
        subject: run::PROBED.to_owned(),
        engine: crate::engine::Engine::Live,
        seed,
        ran,
        word: Word::None,
        hash: None,
        second_hash: None,
        explained,
        unwritten: None,
        timeline: None,
        replay: format!(
            "squall probe {path} --seed {seed}{}{} --explain -- {}",
            super::name::ends(settings.until),
            flags(probe),
            command.join(" ")
        ),
    };
    Ok((outcome, client))
}

/// What the server does otherwise than by default.
fn flags(probe: &Probe) -> String {
    let mut flags = String::new();
    if let Some(file) = &probe.certificate {
        flags.push_str(&format!(
            " --tls-cert {}",
            quoted(&file.display().to_string())
        ));
    }
    if probe.strict {
        flags.push_str(" --strict");
    }
    flags
}

/// Whether a server can see of a client what this expects of it; the rest only the client itself could tell.
pub fn is_seen(expected: &Expected) -> bool {
    matches!(
        expected,
        Expected::Dials { .. } | Expected::Attempts { .. } | Expected::Outcome { .. }
    )
}

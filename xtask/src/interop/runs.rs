//! Running the probes, many at once.

use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::case::Case;
use super::clients::{Client, Toolchain};
use crate::run::{SQUALL, program};

/// So many probes at once. Clients wait most of the time; what bounds them is memory, about 120 MB for one in Node.
const AT_ONCE: usize = 48;

/// How long a launch is waited for before the next: a client in Node begins with a second of work, and a machine that is
/// late would show in the times.
fn pace(client: &Client) -> Duration {
    Duration::from_millis(match client.toolchain {
        Toolchain::Node => 900,
        Toolchain::Go | Toolchain::Rust => 400,
    })
}

/// Every client in every case.
pub(crate) fn pairs<'a>(
    cases: &'a [Case],
    clients: &'a [Client],
) -> impl Iterator<Item = (&'a Case, Client)> {
    cases
        .iter()
        .flat_map(|case| clients.iter().map(move |client| (case, *client)))
}

/// The report of each, in the order of the pairs.
pub(crate) fn all<'a>(
    pairs: &[(&'a Case, Client)],
) -> anyhow::Result<Vec<(&'a Case, Client, Value)>> {
    // The longest begin first, so that none of them is left at the end.
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|index| pairs[*index].0.lasts);
    let waiting = Mutex::new(order);
    let reports = Mutex::new(vec![None; pairs.len()]);
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let next = waiting.pop();
        if let Some(index) = next {
            thread::sleep(pace(&pairs[index].1));
        }
        next
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(pairs.len()) {
            scope.spawn(|| {
                while let Some(index) = next() {
                    let (case, client) = pairs[index];
                    let report = probe(case, &client);
                    let mut reports = reports.lock().unwrap_or_else(PoisonError::into_inner);
                    reports[index] = Some(report.map_err(|error| format!("{error:#}")));
                }
            });
        }
    });
    let reports = reports.into_inner().unwrap_or_else(PoisonError::into_inner);
    pairs
        .iter()
        .zip(reports)
        .map(|((case, client), report)| match report {
            Some(Ok(report)) => Ok((*case, *client, report)),
            Some(Err(why)) => bail!("{} with {}: {why}", case.name, client.name),
            None => bail!("{} with {} was not run", case.name, client.name),
        })
        .collect()
}

/// The command that does one of them, for people too.
pub(crate) fn command(case: &Case, client: &Client) -> Vec<String> {
    let squall = [SQUALL, "probe", &case.path, "--strict"];
    let words = squall.into_iter().map(str::to_owned);
    let separated = words.chain(["--".to_owned()]);
    separated.chain(client.words("client")).collect()
}

fn probe(case: &Case, client: &Client) -> anyhow::Result<Value> {
    let mut words = command(case, client);
    words.splice(2..2, ["--format".to_owned(), "json".to_owned()]);
    let mut command = program(&words[0]);
    let output = command
        .args(&words[1..])
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", words.join(" ")))?;
    // Findings are what most clients are here for.
    if !matches!(output.status.code(), Some(0 | 1 | 4)) {
        bail!("`{}` failed: {}", words.join(" "), output.status);
    }
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("`{}` printed no report", words.join(" ")))
}

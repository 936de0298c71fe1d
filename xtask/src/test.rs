//! `cargo xtask test`: every test there is, in one command that sets up what it needs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::run::{output, run};

/// A stage: its name, and what it does.
type Stage = (&'static str, fn() -> anyhow::Result<()>);

/// The stages, cheapest failure first.
const STAGES: &[Stage] = &[
    ("format", || run("cargo fmt --all --check")),
    ("lints", || {
        run("cargo clippy --workspace --all-targets --quiet -- --deny warnings")
    }),
    ("build", || {
        run("cargo build --workspace --all-targets --quiet")
    }),
    ("build, release", || run("cargo build --release --quiet")),
    ("tests", || run("cargo test --workspace --quiet")),
    ("docs", || {
        run("cargo doc --workspace --no-deps --document-private-items --quiet")
    }),
    ("scenarios", || run("target/release/squall run")),
    ("selftest", || run("target/release/squall selftest")),
    ("same trace twice", same_trace_twice),
    ("debug as release", debug_as_release),
];

/// Runs every stage; the first failure ends it.
pub(crate) fn test() -> anyhow::Result<()> {
    let mut took: Vec<(&str, Duration)> = Vec::new();
    let mut failed = None;
    for (name, stage) in STAGES {
        println!("\n── {name}");
        #[expect(
            clippy::disallowed_methods,
            reason = "how long a stage took is told to people, nothing else"
        )]
        let begun = Instant::now();
        let result = stage();
        took.push((name, begun.elapsed()));
        if let Err(error) = result {
            failed = Some(error.context(format!("stage `{name}`")));
            break;
        }
    }
    println!("\n── stages");
    for (name, took) in &took {
        println!("{name:<18} {:>7.1} s", took.as_secs_f64());
    }
    let total: Duration = took.iter().map(|(_, took)| *took).sum();
    println!("{:<18} {:>7.1} s", "total", total.as_secs_f64());
    let passed = took.len() - usize::from(failed.is_some());
    println!(
        "\n{passed} passed, {} failed",
        usize::from(failed.is_some())
    );
    failed.map_or(Ok(()), Err)
}

/// The trace hash of every scenario, as one binary computed it.
fn hashes(line: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let text = output(line, &[0])?;
    let report: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("`{line}` printed no JSON"))?;
    let runs = report["runs"]
        .as_array()
        .context("the report has no runs")?;
    let hash = |run: &serde_json::Value| {
        let field = |name: &str| {
            run[name]
                .as_str()
                .map(str::to_owned)
                .with_context(|| format!("a run has no {name}"))
        };
        Ok((field("scenario")?, field("trace_blake3")?))
    };
    let hashes: BTreeMap<String, String> = runs.iter().map(hash).collect::<anyhow::Result<_>>()?;
    if hashes.is_empty() {
        bail!("`{line}` ran nothing");
    }
    Ok(hashes)
}

fn equal(one: &str, other: &str) -> anyhow::Result<()> {
    let (left, right) = (hashes(one)?, hashes(other)?);
    let differ: Vec<&String> = left
        .keys()
        .filter(|name| left.get(*name) != right.get(*name))
        .collect();
    if !differ.is_empty() || left.len() != right.len() {
        bail!("`{one}` and `{other}` give different traces for {differ:?}");
    }
    println!(
        "{} scenarios: equal traces from `{one}` and `{other}`",
        left.len()
    );
    Ok(())
}

/// The same seed gives the same trace, however many run at once.
fn same_trace_twice() -> anyhow::Result<()> {
    run("target/release/squall run --twice")?;
    equal(
        "target/release/squall run --format json --jobs 1",
        "target/release/squall run --format json --jobs 2",
    )
}

/// The optimizer changes nothing: debug and release agree over the first thirty days.
fn debug_as_release() -> anyhow::Result<()> {
    equal(
        "target/debug/squall run --format json --until 30d",
        "target/release/squall run --format json --until 30d",
    )
}

//! `cargo xtask test`: every test there is, in one command that sets up what it needs.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::api;
use crate::fuzz::smoke;
use crate::instructions;
use crate::interop;
use crate::run::{SQUALL, have, lines, output, run};
use crate::soak::MONTH;

/// The program as it is while one works on it.
const DEBUG: &str = "target/debug/squall";

/// Something that is passed or not.
struct Stage {
    name: &'static str,
    /// Without it the later ones say nothing.
    needed: bool,
    work: fn(&mut Summaries) -> anyhow::Result<()>,
}

/// The stages. Two profiles and no third: what tests and debug runs need is built by `build`, what users get by `build,
/// release`; lints and docs share what they check.
const STAGES: &[Stage] = &[
    Stage {
        name: "format",
        needed: false,
        work: |_| run("cargo fmt --all --check"),
    },
    Stage {
        name: "lints",
        needed: false,
        work: |_| run("cargo clippy --workspace --all-targets --locked --quiet -- --deny warnings"),
    },
    Stage {
        // Private items are documented too, so a link to one leads somewhere.
        name: "docs",
        needed: false,
        work: |_| {
            run(
                "cargo doc --workspace --no-deps --document-private-items --locked --quiet \
                 --config build.rustdocflags=[\"--deny=warnings\",\"--allow=rustdoc::private_intra_doc_links\"]",
            )
        },
    },
    Stage {
        name: "build",
        needed: true,
        // Of the same packages as `tests`: with others, features of what they share would differ, and it be built twice.
        work: |_| run("cargo test --workspace --locked --quiet --no-run"),
    },
    Stage {
        name: "tests",
        needed: false,
        work: tests,
    },
    Stage {
        name: "every order of threads",
        needed: false,
        work: loom,
    },
    Stage {
        name: "build, release",
        needed: true,
        work: |_| run("cargo build --release --locked --quiet"),
    },
    Stage {
        name: "scenarios",
        needed: false,
        work: |_| run(&format!("{SQUALL} run")),
    },
    Stage {
        name: "gateway in scenarios",
        needed: false,
        work: |_| run(&format!("{SQUALL} run --subject gateway")),
    },
    Stage {
        name: "selftest",
        needed: false,
        work: |_| run(&format!("{SQUALL} selftest")),
    },
    Stage {
        // The first seeds of what `cargo xtask soak` runs a thousand of.
        name: "random weather",
        needed: false,
        work: |_| run(&format!("{SQUALL} run {MONTH} --seed 1..12 --twice")),
    },
    Stage {
        name: "same trace twice",
        needed: false,
        work: |_| same_trace_twice(),
    },
    Stage {
        name: "debug as release",
        needed: false,
        work: |_| debug_as_release(),
    },
    Stage {
        name: "instructions",
        needed: false,
        work: |summaries| lacks(summaries, instructions::stage()?),
    },
    Stage {
        name: "fuzz smoke",
        needed: false,
        work: |_| smoke(),
    },
    Stage {
        name: "API fuzz",
        needed: false,
        work: |summaries| lacks(summaries, api::stage()?),
    },
    Stage {
        name: "real clients",
        needed: false,
        work: real_clients,
    },
    Stage {
        name: "conversations",
        needed: false,
        work: |_| interop::conversations(),
    },
];

/// Passes every stage, and says what each took. A stage that fails does not keep the later ones from being told, unless
/// they cannot do without it.
pub(crate) fn test() -> anyhow::Result<()> {
    let mut summaries = Summaries::default();
    let mut done: Vec<(&str, Duration, anyhow::Result<()>)> = Vec::new();
    for stage in STAGES {
        println!("\n── {}", stage.name);
        #[expect(
            clippy::disallowed_methods,
            reason = "how long a stage took is told to people, nothing else"
        )]
        let begun = Instant::now();
        let result = (stage.work)(&mut summaries);
        if let Err(error) = &result {
            println!("{error:#}");
        }
        let stop = stage.needed && result.is_err();
        done.push((stage.name, begun.elapsed(), result));
        if stop {
            break;
        }
    }

    println!("\n── tests");
    println!("{summaries}");
    println!("\n── stages");
    for (name, took, result) in &done {
        let said = if result.is_ok() { "passed" } else { "FAILED" };
        println!("{said}  {name:<18} {:>7.1} s", took.as_secs_f64());
    }
    let not_run = &STAGES[done.len()..];
    for stage in not_run {
        println!("NOT RUN {}", stage.name);
    }
    for lacking in &summaries.lacking {
        println!("NOT RUN {lacking}");
    }
    let total: Duration = done.iter().map(|(_, took, _)| *took).sum();
    println!("        {:<18} {:>7.1} s", "total", total.as_secs_f64());

    let failed = done.iter().filter(|(_, _, result)| result.is_err()).count();
    println!(
        "\n{} passed, {} failed",
        done.len() - failed,
        failed + not_run.len()
    );
    if failed > 0 {
        bail!("{failed} of {} stages failed", STAGES.len());
    }
    Ok(())
}

/// What the test runner said of each program of tests, and what that makes together.
#[derive(Debug, Default, PartialEq, Eq)]
struct Summaries {
    said: Vec<String>,
    passed: u64,
    failed: u64,
    not_run: u64,
    /// What needs a toolchain that is not here.
    lacking: Vec<String>,
}

impl Summaries {
    /// Takes in a line of the runner: `test result: ok. 52 passed; 0 failed; 1 ignored; 0 measured; …`.
    fn hear(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else {
            return;
        };
        let counts = rest.split_once(". ").map_or(rest, |(_, counts)| counts);
        for part in counts.split("; ") {
            let mut words = part.split_whitespace();
            let count = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
            match words.next() {
                Some("passed") => self.passed += count,
                Some("failed") => self.failed += count,
                Some("ignored" | "filtered") => self.not_run += count,
                _ => {}
            }
        }
        self.said.push(line.to_owned());
    }
}

impl fmt::Display for Summaries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.said {
            writeln!(f, "{line}")?;
        }
        let Self {
            passed,
            failed,
            not_run,
            ..
        } = self;
        write!(
            f,
            "together: {passed} passed, {failed} failed, {not_run} NOT RUN"
        )
    }
}

/// `cargo test`, whose every line is passed on and whose summaries are kept for the end. What people look at is looked at in
/// a real browser, where there is one or it can be had.
fn tests(summaries: &mut Summaries) -> anyhow::Result<()> {
    let (without, lacking) = match has_browser() {
        Ok(()) => ("", Vec::new()),
        Err(error) => {
            println!("{error:#}");
            let how = "browser: install the Debian packages chromium and chromium-driver";
            ("--exclude squall-browser", vec![how.to_owned()])
        }
    };
    // Told at the end, whatever comes of the tests that can be run.
    let whole = lacks(summaries, lacking);
    lines(
        &format!("cargo test --workspace {without} --locked --no-fail-fast"),
        |line| {
            println!("{line}");
            summaries.hear(line);
        },
    )?;
    whole?;
    if summaries.passed == 0 {
        bail!("no test was run");
    }
    if summaries.not_run > 0 && is_ci() {
        bail!(
            "{} tests were not run, and CI runs all of them",
            summaries.not_run
        );
    }
    Ok(())
}

/// The gateway's lock in every order in which threads could come to it, as loom tries them. That takes a build of its own,
/// of as little as can be: without the API and the file store, and nothing optimized.
fn loom(summaries: &mut Summaries) -> anyhow::Result<()> {
    // The other tests were not filtered out of everything: `tests` runs them.
    let mut own = Summaries::default();
    lines(
        "env RUSTFLAGS=--cfg=loom cargo test --locked --quiet --package squall-session --lib --no-default-features \
         --features gateway --target-dir target/loom --config profile.dev.debug=false \
         --config profile.dev.opt-level=0 gateway::orders",
        |line| {
            println!("{line}");
            own.hear(line);
        },
    )?;
    if own.passed == 0 {
        bail!("no test was run");
    }
    summaries.passed += own.passed;
    summaries.said.extend(own.said);
    Ok(())
}

/// Sees to it that Chromium and its driver are there.
fn has_browser() -> anyhow::Result<()> {
    let why = "the report and the dashboard are looked at in Chromium";
    have("chromium", "chromium", why)?;
    have("chromedriver", "chromium-driver", why)
}

/// Clients that nobody here wrote, as far as their toolchains are here.
fn real_clients(summaries: &mut Summaries) -> anyhow::Result<()> {
    lacks(summaries, interop::stage()?)
}

/// What a stage could not run is told at the end.
fn lacks(summaries: &mut Summaries, lacking: Vec<String>) -> anyhow::Result<()> {
    let all = lacking.is_empty();
    summaries.lacking.extend(lacking);
    if !all && is_ci() {
        bail!("something that it needs is missing, and CI runs everything");
    }
    Ok(())
}

fn is_ci() -> bool {
    env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// The trace hash of every scenario, by its name, as one program computed it.
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
        .chain(right.keys())
        .filter(|name| left.get(*name) != right.get(*name))
        .collect();
    if !differ.is_empty() {
        bail!("`{one}` and `{other}` give different traces for {differ:?}");
    }
    println!(
        "{} scenarios: equal traces from `{one}` and `{other}`",
        left.len()
    );
    Ok(())
}

/// The same seed gives the same trace: twice in one program, in another one, however many run at once. (That another
/// seed gives another trace is in `tests/determinism.rs`: a trace's hash covers its header, and so the seed itself.)
fn same_trace_twice() -> anyhow::Result<()> {
    equal(
        &format!("{SQUALL} run --format json --twice --jobs 2"),
        &format!("{SQUALL} run --format json --jobs 1"),
    )
}

/// The optimizer changes nothing: debug and release agree over the first thirty days.
fn debug_as_release() -> anyhow::Result<()> {
    equal(
        &format!("{DEBUG} run --format json --until 30d"),
        &format!("{SQUALL} run --format json --until 30d"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runners_summaries_are_added_up() {
        let mut summaries = Summaries::default();
        for line in [
            "running 3 tests",
            "test result: ok. 52 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 5 passed; 2 failed; 0 ignored; 0 measured; 3 filtered out; finished in 1.28s",
        ] {
            summaries.hear(line);
        }
        assert_eq!(
            (
                summaries.passed,
                summaries.failed,
                summaries.not_run,
                summaries.said.len()
            ),
            (57, 2, 4, 2)
        );
    }
}

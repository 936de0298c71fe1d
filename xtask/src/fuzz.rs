//! `cargo xtask fuzz`: libFuzzer, on the pinned toolchain. Its coverage needs a compiler pass that stable has too; what
//! stable lacks is a sanitizer, and no code of ours is unsafe.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::Value;

use crate::run::{have, output, program, root};

/// A program of `fuzz/fuzz_targets`.
struct Target {
    name: &'static str,
    /// What it begins with, beside `fuzz/corpus/NAME`.
    also: &'static [&'static str],
    /// The longest input that it makes, in bytes.
    longest: u32,
}

const TARGETS: &[Target] = &[
    Target {
        name: "frames",
        also: &[],
        longest: 2_048,
    },
    Target {
        name: "nodes",
        also: &[],
        longest: 2_048,
    },
    Target {
        name: "handshake",
        also: &[],
        longest: 2_048,
    },
    Target {
        name: "scenario",
        also: &["scenarios", "soak", "tests/bad_scenarios"],
        longest: 8_192,
    },
    Target {
        name: "trace",
        also: &[],
        longest: 16_384,
    },
];

/// Where everything lies that a run makes.
const BUILT: &str = "fuzz/target";

/// The words of the scenario language, made from its schema.
const WORDS: &str = "fuzz/target/scenario.dict";

/// What makes libFuzzer see which code an input reaches, and what it is compared with there: the flags that cargo-fuzz
/// gives too.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg=fuzzing",
];

/// An input that takes longer is a finding, in seconds.
const SLOWEST: u32 = 20;

/// An input that needs more memory is a finding, in MiB.
const LARGEST: u32 = 2_048;

#[derive(Args)]
pub(crate) struct Fuzz {
    /// What to fuzz; several run one after the other [default: all]
    #[arg(value_name = "TARGET", value_parser = PossibleValuesParser::new(TARGETS.iter().map(|target| target.name)))]
    targets: Vec<String>,
    /// How long each runs
    #[arg(long, value_name = "N", default_value_t = 3_600)]
    seconds: u32,
}

impl Fuzz {
    /// Runs the targets, and prints the rows for the table of docs/fuzzing.md.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let host = build()?;
        let chosen = |target: &&Target| {
            self.targets.is_empty() || self.targets.iter().any(|name| name == target.name)
        };
        let mut rows = Vec::new();
        for target in TARGETS.iter().filter(chosen) {
            let executions = target.run(&host, "found", self.seconds, true)?;
            rows.push(format!(
                "| `{}` | {} s | {executions} | none |",
                target.name, self.seconds
            ));
        }
        println!("\n| target | time | executions | findings |\n|---|---|---|---|");
        rows.iter().for_each(|row| println!("{row}"));
        Ok(())
    }
}

/// Every target for a few seconds, from the committed corpus alone.
pub(crate) fn smoke() -> anyhow::Result<()> {
    const SECONDS: u32 = 4;
    let host = build()?;
    let _ = fs::remove_dir_all(root().join(BUILT).join("smoke"));
    for target in TARGETS {
        let executions = target.run(&host, "smoke", SECONDS, false)?;
        println!("{:<10} {executions:>8} executions", target.name);
        if executions < 100 {
            bail!("that is not enough to find anything");
        }
    }
    Ok(())
}

/// Builds the targets, and names the machine that they were built for.
fn build() -> anyhow::Result<String> {
    have("c++", "g++", "libFuzzer is C++")?;
    let rustc = output("rustc --version --verbose", &[0])?;
    let host = rustc
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .context("rustc told no host")?;
    // With a target, the flags are not for build scripts and macros, which could not be linked with them.
    let line = format!(
        "cargo build --release --locked --quiet --bins --manifest-path fuzz/Cargo.toml --target-dir {BUILT} --target {host}"
    );
    let status = program(&line)
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    let schema = fs::read_to_string(root().join("docs/scenario.schema.json"))?;
    let words: BTreeSet<String> = words(&serde_json::from_str(&schema)?);
    let lines = words.iter().map(|word| format!("\"{word}\"\n"));
    fs::write(root().join(WORDS), lines.collect::<String>())?;
    Ok(host.to_owned())
}

impl Target {
    /// Fuzzes for so long. What reaches something new is kept below `BUILT`/`kept`; what fails is a finding, and the
    /// error. Returns the number of executions.
    fn run(&self, host: &str, kept: &str, seconds: u32, aloud: bool) -> anyhow::Result<u64> {
        let name = self.name;
        let kept = format!("{BUILT}/{kept}/{name}");
        let artifacts = format!("fuzz/artifacts/{name}/");
        for directory in [&kept, &artifacts] {
            fs::create_dir_all(root().join(directory))?;
        }
        let mut line = format!(
            "{BUILT}/{host}/release/{name} {kept} fuzz/corpus/{name} {} -max_total_time={seconds} -max_len={} \
             -timeout={SLOWEST} -rss_limit_mb={LARGEST} -artifact_prefix={artifacts} -print_final_stats=1",
            self.also.join(" "),
            self.longest,
        );
        if name == "scenario" {
            line.push_str(&format!(" -dict={WORDS}"));
        }
        let mut child = program(&line)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{line}`"))?;
        let (mut executions, mut said) = (0, String::new());
        for heard in child.stderr.take().into_iter().flat_map(lossy_lines) {
            if aloud {
                println!("{heard}");
            } else {
                said.push_str(&heard);
                said.push('\n');
            }
            if let Some(count) = heard.strip_prefix("stat::number_of_executed_units:") {
                executions = count.trim().parse().unwrap_or(0);
            }
        }
        let status = child.wait()?;
        if !status.success() {
            bail!(
                "{said}\nthe target {name} failed: {status}. The input is in {artifacts}; put it into fuzz/corpus/{name} \
                 under a name that says what it does: `cargo test --test corpus` fails until it is fixed, and holds it after."
            );
        }
        Ok(executions)
    }
}

/// The lines of what libFuzzer says, which may hold any bytes.
fn lossy_lines(from: impl std::io::Read) -> impl Iterator<Item = String> {
    BufReader::new(from)
        .split(b'\n')
        .map_while(Result::ok)
        .map(|line| String::from_utf8_lossy(&line).into_owned())
}

/// Every key of a schema's objects, and every word of its closed lists.
fn words(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        let Value::Object(map) = value else {
            open.extend(value.as_array().into_iter().flatten());
            continue;
        };
        if let Some(Value::Object(keys)) = map.get("properties") {
            found.extend(keys.keys().cloned());
        }
        let listed = map.get("enum").and_then(Value::as_array);
        let listed = listed.into_iter().flatten().chain(map.get("const"));
        found.extend(listed.filter_map(Value::as_str).map(str::to_owned));
        open.extend(map.values());
    }
    found.retain(|word| {
        word.chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_schema_are_its_keys_and_its_lists() {
        let schema = serde_json::json!({
            "properties": { "at": { "type": "string" }, "store": { "$ref": "#/$defs/Store" } },
            "$defs": { "Store": { "oneOf": [{ "enum": ["kept", "lost"] }, { "const": "torn" }, { "const": "no \"word" }] } },
        });
        let found: Vec<String> = words(&schema).into_iter().collect();
        assert_eq!(found, ["at", "kept", "lost", "store", "torn"]);
    }
}

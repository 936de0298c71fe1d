//! `cargo xtask instructions`: how many instructions the parts take, compared with what they took when the baseline was
//! written. A count is no time: however busy a machine is, the same program counts the same.

mod baseline;

use std::env;
use std::fs;
use std::process::Stdio;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use crate::run::{have, output, program, root, run};
use baseline::{Baseline, Counts};

/// What they took.
const BASELINE: &str = "benches/instructions.json";

/// Writes that anew.
const WRITE: &str = "cargo xtask instructions --write";

/// Where the runner of the benches is installed.
const TOOLS: &str = "target/tools";

/// Counts, and prints an object of JSON for each part. Valgrind places everything itself, so the kernel's random places
/// need not be switched off, which a container may refuse.
const COUNT: &str = "cargo bench --locked --quiet --package squall-benches --bench instructions -- \
                     --output-format=json --allow-aslr=yes --parallel=auto";

#[derive(Args)]
pub(crate) struct Instructions {
    /// Write benches/instructions.json anew [default: compare with it]
    #[arg(long)]
    write: bool,
}

impl Instructions {
    /// Counts, and compares or writes.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        if self.write {
            let counted = counted(host()?)?;
            fs::write(root().join(BASELINE), counted.text()?)?;
            println!("{BASELINE}: {} parts", counted.instructions.len());
            return Ok(());
        }
        match stage()?.as_slice() {
            [] => Ok(()),
            lacking => bail!("NOT RUN {}", lacking.join(", ")),
        }
    }
}

/// The stage of `cargo xtask test`: a part that takes more than it may is a failure. What could not be run, where this
/// machine is not of the baseline's kind.
pub(crate) fn stage() -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(root().join(BASELINE));
    let text = text.with_context(|| format!("{BASELINE}: `{WRITE}` makes it"))?;
    let baseline: Baseline = serde_json::from_str(&text).with_context(|| BASELINE.to_owned())?;
    let host = host()?;
    if baseline.target != host.target {
        return Ok(vec![format!(
            "instructions: {BASELINE} is of {}, and this is {}",
            baseline.target, host.target
        )]);
    }
    let compared = baseline.compare(&counted(host)?);
    println!("{:<28} {:>13} {:>13}", "part", "baseline", "now");
    compared.lines.iter().for_each(|line| println!("{line}"));
    if !compared.fell.is_empty() {
        println!("\n{}", compared.fell.join("\n"));
        println!("a later rise would hide behind that: write the baseline anew, by `{WRITE}`");
    }
    if !compared.broken.is_empty() {
        bail!(
            "{}\nwhere that is meant, write the baseline anew, by `{WRITE}`, and say why in the commit",
            compared.broken.join("\n")
        );
    }
    Ok(Vec::new())
}

/// The compiler, and the kind of machine, without counts.
fn host() -> anyhow::Result<Baseline> {
    let said = output("rustc --version --verbose", &[0])?;
    let field = |name: &str| {
        let value = said.lines().find_map(|line| line.strip_prefix(name));
        let value = value.with_context(|| format!("rustc told no {name}"))?;
        anyhow::Ok(value.to_owned())
    };
    Ok(Baseline {
        rustc: field("release: ")?,
        target: field("host: ")?,
        instructions: Counts::new(),
    })
}

/// What the parts take here.
fn counted(host: Baseline) -> anyhow::Result<Baseline> {
    have("valgrind", "valgrind", "valgrind counts the instructions")?;
    install()?;
    let mut paths = vec![root().join(TOOLS).join("bin")];
    paths.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    let counting = program(COUNT)
        .env("PATH", env::join_paths(paths)?)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{COUNT}`"))?;
    if !counting.status.success() {
        bail!("`{COUNT}` failed: {}", counting.status);
    }
    let said = String::from_utf8(counting.stdout)?;
    let instructions: Counts = said.lines().map(part).collect::<anyhow::Result<_>>()?;
    if instructions.is_empty() {
        bail!("`{COUNT}` counted nothing");
    }
    Ok(Baseline {
        instructions,
        ..host
    })
}

/// Sees to it that the runner is there, of the version that the benches are built with: they do not understand another.
fn install() -> anyhow::Result<()> {
    let id = output("cargo pkgid --package gungraun", &[0])?;
    let version = id.trim().rsplit(['@', '#']).next().unwrap_or_default();
    let is_there = output(&format!("{TOOLS}/bin/gungraun-runner --version"), &[0]);
    if is_there.is_ok_and(|said| said.trim().ends_with(version)) {
        return Ok(());
    }
    // It mostly waits for valgrind, and is built sooner where it is not optimized.
    run(&format!(
        "cargo install gungraun-runner --version ={version} --locked --debug --quiet --root {TOOLS}"
    ))
}

/// A part's name, and its count.
fn part(line: &str) -> anyhow::Result<(String, u64)> {
    let told: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
    let count = &told["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"];
    let (Some(function), Some(id), Some(count)) = (
        told["function_name"].as_str(),
        told["id"].as_str(),
        count.as_u64(),
    ) else {
        bail!("the runner told no part and its count: {line}");
    };
    Ok((format!("{function} {id}"), count))
}

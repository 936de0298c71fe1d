//! Running a program, and saying which one failed.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// The program as it is shipped, from the root.
pub(crate) const SQUALL: &str = "target/release/squall";

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map_or_else(PathBuf::new, Path::to_path_buf)
}

/// A program that will run in the root of the workspace.
pub(crate) fn program(line: &str) -> Command {
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir(root()).stdin(Stdio::null());
    // Cargo tells this program about its own package, and a build script that looks there (ring's does) would run again in
    // each cargo that is started from here, and all that follows from it.
    for (name, _) in env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a program to its end; anything but success is an error that names it.
pub(crate) fn run(line: &str) -> anyhow::Result<()> {
    run_in("", line)
}

/// The same, in this directory below the root.
pub(crate) fn run_in(directory: &str, line: &str) -> anyhow::Result<()> {
    let status = program(line)
        .current_dir(root().join(directory))
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Runs a program and returns what it printed; the exit code must be one of `codes`.
pub(crate) fn output(line: &str, codes: &[i32]) -> anyhow::Result<String> {
    let output = program(line)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !output
        .status
        .code()
        .is_some_and(|code| codes.contains(&code))
    {
        bail!(
            "`{line}` failed: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program to its end and gives each line that it prints to `hear`; anything but success is an error that names it.
pub(crate) fn lines(line: &str, mut hear: impl FnMut(&str)) -> anyhow::Result<()> {
    let mut child = program(line)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    if let Some(stdout) = child.stdout.take() {
        for said in BufReader::new(stdout).lines() {
            hear(&said.with_context(|| format!("`{line}` printed no text"))?);
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{line}` failed: {status}");
    }
    Ok(())
}

/// Sees to it that a program is there: by Debian's package, where this user may install it.
pub(crate) fn have(name: &str, package: &str, why: &str) -> anyhow::Result<()> {
    if output(&format!("{name} --version"), &[0]).is_ok() {
        return Ok(());
    }
    println!("{why}; installing the package {package}");
    let install = format!("apt-get install --yes --quiet {package}");
    run(&install)
        .or_else(|_| run("apt-get update --quiet").and_then(|()| run(&install)))
        .with_context(|| {
            format!("{why}, `{name}` is not there and could not be installed; install the Debian package `{package}` as root")
        })
}

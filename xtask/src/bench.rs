//! `cargo xtask bench`: what a steady year costs. Ratios and counts are what to quote; times are this machine's.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::run::{output, program, run};

/// The scenario that is measured: one session, 25 s keep-alive, 2 min WebSocket ping, 40 ms latency.
const YEAR: &str = "target/release/squall run scenarios/a-steady-year.yaml --jobs 1 --format json";

/// Prints the table.
pub(crate) fn bench() -> anyhow::Result<()> {
    run("cargo build --release --quiet")?;
    let year = measure(YEAR)?;
    let day = measure(&format!("{YEAR} --until 1d"))?;
    println!("a steady year of one session, all oracles on, no trace written");
    println!(
        "  time                         {:>10.2} s",
        year.took.as_secs_f64()
    );
    println!("  peak memory, year            {:>10} KiB", year.peak_kib);
    println!("  peak memory, day             {:>10} KiB", day.peak_kib);
    println!(
        "  difference                   {:>10} KiB",
        year.peak_kib.abs_diff(day.peak_kib)
    );
    let [setup, one, ten] =
        ["1ms", "1d", "10d"].map(|until| instructions(&format!("{YEAR} --until {until}")));
    let (setup, one, ten) = (setup?, one?, ten?);
    println!("  instructions, set-up         {setup:>10}");
    println!("  instructions, 1 day          {:>10}", one - setup);
    println!("  instructions, 10 days        {:>10}", ten - setup);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio of counts far below 2^52"
    )]
    let ratio = (ten - setup) as f64 / (one - setup) as f64;
    println!("  10 days / 1 day              {ratio:>10.3}");
    Ok(())
}

struct Measured {
    took: Duration,
    peak_kib: u64,
}

/// Runs a program and watches its peak memory, which the kernel counts.
fn measure(line: &str) -> anyhow::Result<Measured> {
    #[expect(clippy::disallowed_methods, reason = "this measures")]
    let begun = Instant::now();
    let mut child = program(line)
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    loop {
        if let Ok(status) = fs::read_to_string(&status_file)
            && let Some(kib) = high_water(&status)
        {
            peak_kib = peak_kib.max(kib);
        }
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("`{line}` failed: {status}");
            }
            return Ok(Measured {
                took: begun.elapsed(),
                peak_kib,
            });
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// `VmHWM` of a `/proc/…/status`, in KiB.
fn high_water(status: &str) -> Option<u64> {
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?
        .split_whitespace()
        .next()?
        .parse()
        .ok()
}

/// Instructions of one run, as callgrind counts them: the same for the same binary, whatever else the machine does.
fn instructions(line: &str) -> anyhow::Result<u64> {
    let counted =
        format!("valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-fd=1 {line}");
    let text = output(&counted, &[0])
        .context("valgrind counts the instructions; install it (Debian: valgrind)")?;
    text.lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok())
        .context("valgrind printed no count")
}

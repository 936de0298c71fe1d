//! `cargo xtask bench`: what a steady year costs. Memory and the ratio of counts are held to their bounds; the time is
//! this machine's, and is told beside what it should be: processor time, so that other programs do not count.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::run::{have, output, program, run};

/// The scenario that is measured: one session, 25 s keep-alive, 2 min WebSocket ping, 40 ms latency.
const YEAR: &str = "target/release/squall run scenarios/a-steady-year.yaml --jobs 1";

/// By then the session is connected; what is before is set-up.
const SET_UP: &str = "1m";

/// The most that a year may take on one core, in seconds.
const MAX_SECONDS: f64 = 10.0;

/// The most that a year's peak memory may differ from a day's, in KiB.
const MAX_GROWTH_KIB: u64 = 1024;

/// Ten days may cost ten times one day, give or take this.
const MAX_OFF: f64 = 0.1;

/// Measures, and prints the table.
pub(crate) fn bench() -> anyhow::Result<()> {
    have("valgrind", "valgrind", "valgrind counts the instructions")?;
    run("cargo build --release --locked --quiet")?;
    let year = measure(YEAR)?;
    let day = measure(&until("1d"))?;
    let growth = year.peak_kib.abs_diff(day.peak_kib);
    let set_up = instructions(&until(SET_UP))?;
    let one = counted(&until("1d"), set_up)?;
    let ten = counted(&until("10d"), set_up)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio of counts far below 2^52"
    )]
    let ratio = ten as f64 / one as f64;

    let seconds = year.took.as_secs_f64();
    let rows = [
        (
            "processor time, year",
            format!("{seconds:.2} s"),
            format!("at most {MAX_SECONDS:.0} s"),
            seconds <= MAX_SECONDS,
        ),
        (
            "peak memory, year",
            format!("{} KiB", year.peak_kib),
            String::new(),
            true,
        ),
        (
            "peak memory, day",
            format!("{} KiB", day.peak_kib),
            String::new(),
            true,
        ),
        (
            "  difference",
            format!("{growth} KiB"),
            format!("at most {MAX_GROWTH_KIB} KiB"),
            growth <= MAX_GROWTH_KIB,
        ),
        (
            "instructions, set-up",
            millions(set_up),
            String::new(),
            true,
        ),
        ("instructions, 1 day", millions(one), String::new(), true),
        ("instructions, 10 days", millions(ten), String::new(), true),
        (
            "  10 days / 1 day",
            format!("{ratio:.3}"),
            format!("10 ± {MAX_OFF}"),
            (ratio - 10.0).abs() <= MAX_OFF,
        ),
    ];
    println!("A steady year of one session on one core, all oracles on, no trace written:\n");
    for (what, measured, bound, held) in &rows {
        let broken = if *held { "" } else { "  BROKEN" };
        println!("  {what:<24} {measured:>14}   {bound}{broken}");
    }
    // A slow machine is no reason to fail; memory and counts are the same on every one.
    if rows[1..].iter().any(|(.., held)| !held) {
        bail!("a bound is broken");
    }
    Ok(())
}

fn until(time: &str) -> String {
    format!("{YEAR} --until {time}")
}

fn millions(count: u64) -> String {
    format!("{}.{} M", count / 1_000_000, count % 1_000_000 / 100_000)
}

struct Measured {
    /// User and system time, to a hundredth of a second.
    took: Duration,
    peak_kib: u64,
}

/// Runs a program and watches its processor time and its peak memory, which the kernel counts.
fn measure(line: &str) -> anyhow::Result<Measured> {
    let mut child = program(line)
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let status_file = format!("/proc/{}/status", child.id());
    let stat_file = format!("/proc/{}/stat", child.id());
    let (mut took, mut peak_kib) = (Duration::ZERO, 0);
    loop {
        if let Ok(status) = fs::read_to_string(&status_file)
            && let Some(kib) = high_water(&status)
        {
            peak_kib = peak_kib.max(kib);
        }
        if let Ok(stat) = fs::read_to_string(&stat_file)
            && let Some(spent) = processor_time(&stat)
        {
            took = took.max(spent);
        }
        if let Some(status) = child.try_wait()? {
            if !status.success() {
                bail!("`{line}` failed: {status}");
            }
            if peak_kib == 0 {
                bail!("{status_file} told no peak memory: this command needs Linux");
            }
            return Ok(Measured { took, peak_kib });
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

/// User and system time of a `/proc/…/stat`, which Linux tells in hundredths of a second: fields 14 and 15 by proc(5),
/// counted here from behind the program's name, which may hold anything.
fn processor_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut next = || times.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (next()? + next()?)))
}

/// Instructions of one run without its set-up.
fn counted(line: &str, set_up: u64) -> anyhow::Result<u64> {
    instructions(line)?
        .checked_sub(set_up)
        .with_context(|| format!("`{line}` counted less than its set-up"))
}

/// Instructions of one run, as callgrind counts them: the same for the same binary, whatever else the machine does.
fn instructions(line: &str) -> anyhow::Result<u64> {
    let text = output(
        &format!("valgrind --tool=callgrind --callgrind-out-file=/dev/null --log-fd=1 {line}"),
        &[0],
    )?;
    text.lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok())
        .context("valgrind printed no count")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_kernels_text() {
        assert_eq!(
            high_water("VmPeak:\t  9000 kB\nVmHWM:\t    5120 kB\n"),
            Some(5120)
        );
        assert_eq!(high_water("State:\tZ (zombie)\n"), None);
    }

    #[test]
    fn the_time_is_read_behind_a_name_with_anything_in_it() {
        let stat = "77 (a ) b) S 1 77 77 0 -1 4194560 120 0 0 0 731 12 0 0 20 0 2 0 100 0 0";
        assert_eq!(processor_time(stat), Some(Duration::from_millis(7_430)));
    }
}

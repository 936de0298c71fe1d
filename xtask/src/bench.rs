//! `cargo xtask bench`: what a steady year costs, and a day of a thousand sessions. Memory and the ratio of counts are held to their bounds; the time is
//! this machine's, and is told beside what it should be: processor time, so that other programs do not count.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::run::{have, output, program, run};
use crate::soak::THOUSAND;

/// The scenario that is measured: one session, 25 s keep-alive, 2 min WebSocket ping, 40 ms latency.
const YEAR: &str = "target/release/squall run scenarios/a-steady-year.yaml --jobs 1";

/// By then the session is connected; what is before is set-up.
const SET_UP: &str = "1m";

/// The most that a year may take on one core, in seconds.
const MAX_SECONDS: f64 = 10.0;

/// The most that a day of a thousand sessions may take on one core, in seconds.
const MAX_SECONDS_THOUSAND: f64 = 90.0;

/// How many sessions the second scenario has more than the first.
const MORE_SESSIONS: u64 = 999;

/// The most that a year's peak memory may differ from a day's, in KiB.
const MAX_GROWTH_KIB: u64 = 1024;

/// Ten days may cost ten times one day, give or take this.
const MAX_OFF: f64 = 0.1;

/// A line of the table.
struct Row {
    what: &'static str,
    measured: String,
    bound: String,
    held: Held,
}

/// Whether a bound was kept.
#[derive(PartialEq)]
enum Held {
    /// There is none.
    Unbound,
    /// It was; or was not, and the machine may be to blame: told, and no failure.
    Here(bool),
    /// It was, or was not, on every machine.
    Everywhere(bool),
}

impl Row {
    fn new(what: &'static str, measured: String) -> Self {
        Self {
            what,
            measured,
            bound: String::new(),
            held: Held::Unbound,
        }
    }

    /// Processor time, which is this machine's.
    fn time(what: &'static str, took: Duration, most: f64) -> Self {
        let seconds = took.as_secs_f64();
        Self {
            bound: format!("at most {most:.0} s"),
            held: Held::Here(seconds <= most),
            ..Self::new(what, format!("{seconds:.2} s"))
        }
    }

    fn bound(self, bound: String, held: bool) -> Self {
        Self {
            bound,
            held: Held::Everywhere(held),
            ..self
        }
    }

    fn print(&self) {
        let broken = match self.held {
            Held::Here(false) | Held::Everywhere(false) => "  BROKEN",
            _ => "",
        };
        println!(
            "  {:<28} {:>14}   {}{broken}",
            self.what, self.measured, self.bound
        );
    }
}

/// Measures, and prints the table.
pub(crate) fn bench() -> anyhow::Result<()> {
    have("valgrind", "valgrind", "valgrind counts the instructions")?;
    run("cargo build --release --locked --quiet")?;
    let day = measure(&until("1d"))?;
    println!("A steady year of one session on one core, all oracles on, no trace written:\n");
    let year = year(&day)?;
    year.iter().for_each(Row::print);
    println!("\nA day of a thousand sessions, the same way:\n");
    let thousand = thousand(&day)?;
    thousand.iter().for_each(Row::print);
    // A slow machine is no reason to fail; memory and counts are the same on every one.
    if year
        .iter()
        .chain(&thousand)
        .any(|row| row.held == Held::Everywhere(false))
    {
        bail!("a bound is broken");
    }
    Ok(())
}

fn year(day: &Measured) -> anyhow::Result<Vec<Row>> {
    let year = measure(YEAR)?;
    let growth = year.peak_kib.abs_diff(day.peak_kib);
    let set_up = instructions(&until(SET_UP))?;
    let one = counted(&until("1d"), set_up)?;
    let ten = counted(&until("10d"), set_up)?;
    #[expect(
        clippy::cast_precision_loss,
        reason = "a ratio of counts far below 2^52"
    )]
    let ratio = ten as f64 / one as f64;
    Ok(vec![
        Row::time("processor time, year", year.took, MAX_SECONDS),
        Row::new("peak memory, year", kib(year.peak_kib)),
        Row::new("peak memory, day", kib(day.peak_kib)),
        Row::new("  difference", kib(growth)).bound(
            format!("at most {}", kib(MAX_GROWTH_KIB)),
            growth <= MAX_GROWTH_KIB,
        ),
        Row::new("instructions, set-up", millions(set_up)),
        Row::new("instructions, 1 day", millions(one)),
        Row::new("instructions, 10 days", millions(ten)),
        Row::new("  10 days / 1 day", format!("{ratio:.3}"))
            .bound(format!("10 ± {MAX_OFF}"), (ratio - 10.0).abs() <= MAX_OFF),
    ])
}

fn thousand(day: &Measured) -> anyhow::Result<Vec<Row>> {
    let thousand = measure(&format!("target/release/squall run {THOUSAND} --jobs 1"))?;
    let each = thousand.peak_kib.saturating_sub(day.peak_kib) / MORE_SESSIONS;
    Ok(vec![
        Row::time("processor time", thousand.took, MAX_SECONDS_THOUSAND),
        Row::new("peak memory", kib(thousand.peak_kib)),
        Row::new("  each session, both ends", kib(each)),
    ])
}

fn kib(count: u64) -> String {
    format!("{count} KiB")
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

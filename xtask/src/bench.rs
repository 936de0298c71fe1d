//! `cargo xtask bench`: what a steady year costs, and a day of a thousand sessions. Memory and the ratio of counts are held to their bounds; the time is
//! this machine's, and is told beside what it should be: processor time, so that other programs do not count.

use std::time::Duration;

use anyhow::{Context, bail};

use crate::measure::{Measured, measure};
use crate::run::{SQUALL, have, output, run};
use crate::soak::THOUSAND;

/// The scenario that is measured: one session, 25 s keep-alive, 2 min WebSocket ping, 40 ms latency.
const YEAR: &str = "run scenarios/a-steady-year.yaml --jobs 1";

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
    let year = measure(&format!("{SQUALL} {YEAR}"))?;
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
    let thousand = measure(&format!("{SQUALL} run {THOUSAND} --jobs 1"))?;
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
    format!("{SQUALL} {YEAR} --until {time}")
}

fn millions(count: u64) -> String {
    format!("{}.{} M", count / 1_000_000, count % 1_000_000 / 100_000)
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

//! Watching what a program takes while it runs: processor time and memory, as the Linux kernel counts them.

use std::process::Stdio;
use std::time::Duration;
use std::{fs, io, thread};

use anyhow::{Context, anyhow, bail};

use crate::run::program;

/// What a run took.
pub(crate) struct Measured {
    /// User and system time, to a hundredth of a second.
    pub(crate) took: Duration,
    pub(crate) peak_kib: u64,
    /// What it printed.
    pub(crate) said: String,
}

/// Runs a program and watches its processor time and its peak memory, which the kernel counts.
pub(crate) fn measure(line: &str) -> anyhow::Result<Measured> {
    let mut child = program(line)
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{line}`"))?;
    let stdout = child.stdout.take().context("no output")?;
    let said = thread::spawn(|| io::read_to_string(stdout));
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
            let said = said
                .join()
                .map_err(|_| anyhow!("its output could not be read"))??;
            return Ok(Measured {
                took,
                peak_kib,
                said,
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

/// User and system time of a `/proc/…/stat`, which Linux tells in hundredths of a second: fields 14 and 15 by proc(5),
/// counted here from behind the program's name, which may hold anything.
fn processor_time(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let mut next = || times.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (next()? + next()?)))
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

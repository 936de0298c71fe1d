//! How a line begins, and how instants are written.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use squall_protocol::{Instant, Millis};

use crate::trace::Header;

/// Begins each line with the time since the start and with whom it is about, in columns; writes instants of the wall
/// clock in the scenario's own offset.
#[derive(Debug)]
pub(in crate::trace) struct Stamp {
    starts: Timestamp,
    zone: TimeZone,
    time_width: usize,
    who_width: usize,
}

impl Stamp {
    pub(in crate::trace) fn new(header: &Header) -> Self {
        let names = header.organizations.keys().map(|org| org.chars().count());
        let longest = names.max().unwrap_or(0) + "org ".len();
        let offset = Offset::from_seconds(header.utc_offset).unwrap_or(Offset::UTC);
        Self {
            starts: header.starts,
            zone: TimeZone::fixed(offset),
            time_width: widest(header.runs_for) + 2,
            who_width: longest.max("process".len()),
        }
    }

    /// The wall clock of the client's machine was set.
    pub(in crate::trace) fn step(&mut self, by: i64) {
        let by = jiff::SignedDuration::from_millis(by);
        self.starts = self.starts.saturating_add(by).unwrap_or(self.starts);
    }

    /// `  6h 0m 0.062s   org 2   …`.
    pub(super) fn line(&self, at: Instant, who: &str, said: &str) -> String {
        format!(
            "{:>time$}   {who:<whom$}   {said}",
            since_start(at),
            time = self.time_width,
            whom = self.who_width,
        )
    }

    /// The client's wall clock so long after `at`.
    pub(super) fn wall(&self, at: Instant, later: Millis) -> String {
        let since = (at + later).since_start().get();
        self.epoch(self.starts.as_millisecond().saturating_add_unsigned(since))
    }

    /// An instant given in milliseconds of the Unix epoch: `2026-01-20T15:00:00.062-05:00`.
    pub(super) fn epoch(&self, milliseconds: i64) -> String {
        match Timestamp::from_millisecond(milliseconds) {
            Ok(instant) => instant
                .to_zoned_datetime(self.zone.clone())
                .strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
                .to_string(),
            Err(_) => "the end of time".to_owned(),
        }
    }
}

/// How wide the time of a line is at most, in a run so long.
fn widest(runs_for: Millis) -> usize {
    const DAY: u64 = 86_400_000;
    const HOUR: u64 = 3_600_000;
    let digits = |count: u64| count.to_string().len();
    match runs_for.get() {
        ms if ms >= DAY => digits(ms / DAY) + "d 23h 59m 59.999s".len(),
        ms if ms >= HOUR => digits(ms / HOUR) + "h 59m 59.999s".len(),
        _ => "59m 59.999s".len(),
    }
}

/// `6h 0m 0.062s`: from the largest unit that is not zero, every one.
pub(super) fn since_start(at: Instant) -> String {
    let ms = at.since_start().get();
    let (days, hours, minutes) = (ms / 86_400_000, ms / 3_600_000 % 24, ms / 60_000 % 60);
    let mut text = String::new();
    if days > 0 {
        text += &format!("{days}d ");
    }
    if days > 0 || hours > 0 {
        text += &format!("{hours}h ");
    }
    if days > 0 || hours > 0 || minutes > 0 {
        text += &format!("{minutes}m ");
    }
    text + &format!("{}.{:03}s", ms / 1_000 % 60, ms % 1_000)
}

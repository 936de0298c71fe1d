//! The log of what the server told: the last events, and those who wait for more.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::server::ServerEvent;

/// One event, as it is told.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    /// Its number, from 1.
    pub(super) seq: u64,
    /// When it happened.
    pub(super) at: Timestamp,
    /// What happened.
    pub(super) event: ServerEvent,
}

/// What a reader gets.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// An event.
    Entry(Entry),
    /// So many events went by that are kept no more: the reader is too slow, or asked for what is long past.
    Gap(u64),
}

/// The last events. It holds [`KEPT`] of them, however many readers there are and however slow.
#[derive(Debug, Default)]
pub(in crate::app) struct EventLog {
    ring: Mutex<Ring>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    written: u64,
    last: VecDeque<Entry>,
}

impl EventLog {
    /// Writes an event down and wakes whoever waits for it.
    pub(in crate::app) fn write(&self, at: Timestamp, event: ServerEvent) {
        let mut ring = self.lock();
        ring.written += 1;
        let seq = ring.written;
        if ring.last.len() == KEPT {
            ring.last.pop_front();
        }
        ring.last.push_back(Entry { seq, at, event });
        drop(ring);
        self.more.notify_waiters();
    }

    /// The number of the last event.
    pub(super) fn written(&self) -> u64 {
        self.lock().written
    }

    /// Ready once something is written from now on.
    pub(super) fn more(&self) -> Notified<'_> {
        self.more.notified()
    }

    /// What comes after the event of this number, at most `most` of it; `seen` moves on behind what is told. Whoever has
    /// seen what is not written yet was told by another server, and is told what happens here from now on.
    pub(super) fn after(&self, seen: &mut u64, most: usize) -> Vec<Told> {
        let ring = self.lock();
        *seen = (*seen).min(ring.written);
        let mut told = Vec::new();
        let first = ring.written - ring.last.len() as u64 + 1;
        let missed = first.saturating_sub(*seen + 1);
        if missed > 0 {
            told.push(Told::Gap(missed));
            *seen = first - 1;
        }
        let skip = usize::try_from(*seen + 1 - first).unwrap_or(usize::MAX);
        for entry in ring.last.iter().skip(skip).take(most) {
            *seen = entry.seq;
            told.push(Told::Entry(entry.clone()));
        }
        told
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// So many events are kept: a login is about four, so a reader may be hundreds of logins late.
const KEPT: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ConnectionId;

    fn log(events: u64) -> EventLog {
        let log = EventLog::default();
        for number in 0..events {
            let connection = ConnectionId(number);
            log.write(Timestamp::UNIX_EPOCH, ServerEvent::Upgraded { connection });
        }
        log
    }

    fn shown(told: &[Told]) -> Vec<String> {
        let show = |told: &Told| match told {
            Told::Entry(entry) => entry.seq.to_string(),
            Told::Gap(missed) => format!("missed {missed}"),
        };
        told.iter().map(show).collect()
    }

    #[test]
    fn a_reader_gets_each_event_once_and_in_order() {
        let log = log(5);
        let mut seen = 1;
        assert_eq!(shown(&log.after(&mut seen, 2)), ["2", "3"]);
        assert_eq!(shown(&log.after(&mut seen, 9)), ["4", "5"]);
        assert!(log.after(&mut seen, 9).is_empty());
    }

    #[test]
    fn a_slow_reader_is_told_what_it_missed_and_memory_is_bounded() {
        let kept = KEPT as u64;
        let log = log(kept + 10);
        let mut seen = 3;
        assert_eq!(shown(&log.after(&mut seen, 2)), ["missed 7", "11", "12"]);
        assert_eq!(log.lock().last.len(), KEPT);
        let rest = log.after(&mut seen, usize::MAX);
        assert_eq!(rest.len() as u64, kept - 2);
    }

    #[test]
    fn a_reader_from_the_future_waits_for_what_comes_next() {
        let log = log(2);
        for from in [3, 9, u64::MAX - 1, u64::MAX] {
            let mut seen = from;
            assert!(log.after(&mut seen, 9).is_empty());
            assert_eq!(seen, 2);
        }
        let mut seen = u64::MAX;
        assert!(log.after(&mut seen, 9).is_empty());
        let connection = ConnectionId(9);
        log.write(Timestamp::UNIX_EPOCH, ServerEvent::Upgraded { connection });
        assert_eq!(shown(&log.after(&mut seen, 9)), ["3"]);
    }
}

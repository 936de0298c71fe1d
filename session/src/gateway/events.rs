//! The last things that happened, and those who wait for more.
//!
//! It holds [`KEPT`] of them, however many readers there are and however slow: a reader holds a number and nothing else.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use utoipa::ToSchema;

use super::Notice;
use crate::id::OrgId;

/// One event, as it is told.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub(super) struct Entry {
    /// Its number, from 1.
    pub(super) seq: u64,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whose it is.
    #[schema(value_type = String)]
    organization_id: OrgId,
    /// What happened.
    #[serde(flatten)]
    notice: Notice,
}

/// What a reader gets.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// An event.
    Entry(Entry),
    /// So many events went by that are kept no more: the reader is too slow, or asked for what is long past.
    Gap(u64),
}

/// See the module's text.
#[derive(Debug, Default)]
pub struct Events {
    ring: Mutex<Ring>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    written: u64,
    last: VecDeque<Entry>,
    over: bool,
}

impl Events {
    /// Writes an event down and wakes whoever waits for it.
    pub(super) fn write(&self, at: Timestamp, org: &OrgId, notice: Notice) {
        let mut ring = self.lock();
        ring.written += 1;
        let entry = Entry {
            seq: ring.written,
            at,
            organization_id: org.clone(),
            notice,
        };
        if ring.last.len() == KEPT {
            ring.last.pop_front();
        }
        ring.last.push_back(entry);
        drop(ring);
        self.more.notify_waiters();
    }

    /// Nobody waits for more from now on: every reader comes to its end.
    pub fn end(&self) {
        self.lock().over = true;
        self.more.notify_waiters();
    }

    pub(super) fn is_over(&self) -> bool {
        self.lock().over
    }

    /// The number of the last event.
    pub(super) fn written(&self) -> u64 {
        self.lock().written
    }

    /// Ready once something is written from now on.
    pub(super) fn more(&self) -> Notified<'_> {
        self.more.notified()
    }

    /// What comes after the event of this number, at most `most` of it; `seen` moves on behind what is told.
    pub(super) fn after(&self, seen: &mut u64, most: usize) -> Vec<Told> {
        let ring = self.lock();
        let mut told = Vec::new();
        let first = ring.written - ring.last.len() as u64 + 1;
        // A number from before a restart of the gateway may be ahead of what this process has written.
        if *seen > ring.written {
            *seen = first - 1;
        }
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

/// So many events are kept: a start and its login are about ten. With the longest texts that a server can write they take
/// some 8 MiB, as a rule less than one.
const KEPT: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    fn events(count: usize) -> Events {
        let events = Events::default();
        for _ in 0..count {
            events.write(Timestamp::UNIX_EPOCH, &OrgId::new("2"), Notice::Qr);
        }
        events
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
        let events = events(5);
        let mut seen = 1;
        assert_eq!(shown(&events.after(&mut seen, 2)), ["2", "3"]);
        assert_eq!(shown(&events.after(&mut seen, 9)), ["4", "5"]);
        assert!(events.after(&mut seen, 9).is_empty());
    }

    #[test]
    fn a_slow_reader_is_told_what_it_missed_and_memory_is_bounded() {
        let events = events(KEPT + 10);
        let mut seen = 3;
        assert_eq!(shown(&events.after(&mut seen, 2)), ["missed 7", "11", "12"]);
        assert_eq!(events.lock().last.len(), KEPT);
        assert_eq!(events.after(&mut seen, usize::MAX).len(), KEPT - 2);
    }

    #[test]
    fn a_reader_from_before_a_restart_gets_what_there_is() {
        let events = events(2);
        let mut seen = 900;
        assert_eq!(shown(&events.after(&mut seen, 9)), ["1", "2"]);
    }

    #[test]
    fn an_event_is_one_flat_object_with_the_stanza_as_it_came() {
        let events = events(1);
        let told = events.after(&mut 0, 1);
        let [Told::Entry(entry)] = told.as_slice() else {
            panic!("one event, not {told:?}");
        };
        assert_eq!(
            serde_json::to_string(entry).expect("texts and numbers"),
            r#"{"seq":1,"at":"1970-01-01T00:00:00Z","organization_id":"2","event":"qr"}"#
        );
    }
}

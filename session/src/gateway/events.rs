//! The last things that happened, and those who wait for more.
//!
//! It holds [`KEPT`] of them, however many readers there are and however slow: a reader holds a number and nothing else.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::Notice;
use crate::id::OrgId;

/// One event, as it is told.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema), schema(as = Event))]
pub struct Entry {
    /// Its number, from 1.
    pub seq: u64,
    /// When it happened.
    #[cfg_attr(feature = "http", schema(value_type = String, format = DateTime))]
    pub at: Timestamp,
    /// Whose it is.
    #[cfg_attr(feature = "http", schema(value_type = String))]
    pub organization_id: OrgId,
    /// What happened.
    #[serde(flatten)]
    pub notice: Notice,
}

/// How far a reader has come: the last event that it saw, and in which life of the process. The numbers of each life begin
/// at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// When that life began, in milliseconds of the Unix epoch; none is the present one.
    pub life: Option<i64>,
    /// The event's number.
    pub seq: u64,
}

/// What a reader gets, and how far it has come with it.
#[derive(Clone, Debug)]
pub struct Told {
    /// How far.
    pub place: Place,
    /// What.
    pub what: What,
}

/// See [`Told`].
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every one is an event, and none is kept"
)]
pub enum What {
    /// An event.
    Entry(Entry),
    /// Something is not told.
    Gap(Gap),
}

/// What is not told: the reader is too slow, asks for what is long past, or is from before the process began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema))]
pub struct Gap {
    /// So many events of this process went by that are kept no more.
    missed: u64,
    /// Whether what the reader saw last was of another process, whose later events are gone.
    restarted: bool,
}

/// See the module's text.
#[derive(Debug)]
pub struct Events {
    life: i64,
    ring: Mutex<Ring>,
    more: Notify,
}

#[derive(Debug, Default)]
struct Ring {
    written: u64,
    last: VecDeque<Entry>,
    over: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.life {
            Some(life) => write!(f, "{life}-{}", self.seq),
            None => write!(f, "{}", self.seq),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            Some(match text.split_once('-') {
                Some((life, seq)) => Self {
                    life: Some(life.parse().ok()?),
                    seq: seq.parse().ok()?,
                },
                None => Self {
                    life: None,
                    seq: text.parse().ok()?,
                },
            })
        };
        parse().ok_or_else(|| format!("{text:?} is no number, nor the id of an event"))
    }
}

impl Events {
    /// Those of a process that begins now.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            life: now.as_millisecond(),
            ring: Mutex::default(),
            more: Notify::new(),
        }
    }

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

    /// Whether [`Events::end`] was said.
    pub fn is_over(&self) -> bool {
        self.lock().over
    }

    /// Behind the last event.
    pub fn last(&self) -> Place {
        self.place(self.lock().written)
    }

    fn place(&self, seq: u64) -> Place {
        Place {
            life: Some(self.life),
            seq,
        }
    }

    /// Ready once something is written from now on.
    pub fn more(&self) -> Notified<'_> {
        self.more.notified()
    }

    /// What comes after this place, at most so many events of it; `seen` moves on behind what is told.
    pub fn after(&self, seen: &mut Place, most: usize) -> Vec<Told> {
        let ring = self.lock();
        let mut told = Vec::new();
        let first = ring.written - ring.last.len() as u64 + 1;
        let is_ours = seen.life.is_none_or(|life| life == self.life);
        let restarted = !is_ours || seen.seq > ring.written;
        if restarted || seen.seq + 1 < first {
            let from = if restarted { 1 } else { seen.seq + 1 };
            *seen = self.place(first - 1);
            told.push(Told {
                place: *seen,
                what: What::Gap(Gap {
                    missed: first - from,
                    restarted,
                }),
            });
        }
        let skip = usize::try_from(seen.seq + 1 - first).unwrap_or(usize::MAX);
        for entry in ring.last.iter().skip(skip).take(most) {
            *seen = self.place(entry.seq);
            told.push(Told {
                place: *seen,
                what: What::Entry(entry.clone()),
            });
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
        let events = Events::new(Timestamp::UNIX_EPOCH);
        for _ in 0..count {
            events.write(Timestamp::UNIX_EPOCH, &OrgId::new("2"), Notice::Qr);
        }
        events
    }

    fn place(text: &str) -> Place {
        text.parse().expect("a place")
    }

    fn shown(told: &[Told]) -> Vec<String> {
        let show = |told: &Told| match &told.what {
            What::Entry(_) => told.place.to_string(),
            What::Gap(Gap { missed, restarted }) => match restarted {
                true => format!("restarted, missed {missed}"),
                false => format!("missed {missed}"),
            },
        };
        told.iter().map(show).collect()
    }

    #[test]
    fn a_reader_gets_each_event_once_and_in_order() {
        let events = events(5);
        let mut seen = place("1");
        assert_eq!(shown(&events.after(&mut seen, 2)), ["0-2", "0-3"]);
        assert_eq!(seen, place("0-3"));
        assert_eq!(shown(&events.after(&mut seen, 9)), ["0-4", "0-5"]);
        assert!(events.after(&mut seen, 9).is_empty());
        assert_eq!(events.last(), seen);
    }

    #[test]
    fn a_slow_reader_is_told_what_it_missed_and_memory_is_bounded() {
        let events = events(KEPT + 10);
        let mut seen = place("0-3");
        let told = events.after(&mut seen, 2);
        assert_eq!(shown(&told), ["missed 7", "0-11", "0-12"]);
        assert_eq!(told[0].place, place("0-10"));
        assert_eq!(events.lock().last.len(), KEPT);
        assert_eq!(events.after(&mut seen, usize::MAX).len(), KEPT - 2);
    }

    #[test]
    fn a_reader_from_before_a_restart_is_told_so_and_loses_nothing_that_is_kept() {
        for ahead in ["900", "1764518400000-1", "1764518400000-12"] {
            let told = events(2).after(&mut place(ahead), 9);
            assert_eq!(shown(&told), ["restarted, missed 0", "0-1", "0-2"]);
        }
        let told = events(KEPT + 2).after(&mut place("5-4"), 1);
        assert_eq!(shown(&told), ["restarted, missed 2", "0-3"]);
        let told = events(0).after(&mut place("5-4"), 1);
        assert_eq!(shown(&told), ["restarted, missed 0"]);
    }

    #[test]
    fn an_event_is_one_flat_object_with_the_stanza_as_it_came() {
        let events = events(1);
        let told = events.after(&mut place("0"), 1).remove(0);
        let What::Entry(entry) = told.what else {
            panic!("an event, not {told:?}");
        };
        assert_eq!(
            serde_json::to_string(&entry).expect("texts and numbers"),
            r#"{"seq":1,"at":"1970-01-01T00:00:00Z","organization_id":"2","event":"qr"}"#
        );
    }
}

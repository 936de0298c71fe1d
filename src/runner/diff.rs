//! Compares two stored traces, entry by entry: neither is ever held in memory.

use std::collections::VecDeque;
use std::path::Path;

use squall_protocol::Instant;

use super::{Panics, Unjudgeable, on_fresh_thread, reread};
use crate::trace::{Difference, Each, Entry, Event, Facts, Header};

/// So many entries are told before the place where two traces part.
const BEFORE: usize = 6;
/// So many of each from there on.
const AFTER: usize = 6;

/// Why two traces cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum Incomparable {
    /// One of them cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unjudgeable),
    /// They tell of two scenarios.
    #[error(
        "{first} is of the scenario {one:?} and {second} of {other:?}: what differs between two scenarios says nothing; compare \
         traces of one, with another --subject or --seed"
    )]
    Scenarios {
        /// The first file.
        first: String,
        /// Its scenario.
        one: String,
        /// The second file.
        second: String,
        /// Its scenario.
        other: String,
    },
}

/// Two traces of one scenario, side by side.
#[derive(Debug)]
pub struct Compared {
    /// The scenario's name.
    pub scenario: String,
    /// In what they differ before anything has happened.
    pub differences: Vec<Difference>,
    /// So many entries they have in common from the beginning.
    pub equal: u64,
    /// Where they part, if they do.
    pub parting: Option<Parting>,
    /// Each as a whole.
    pub wholes: [Whole; 2],
}

/// One of the two.
#[derive(Debug)]
pub struct Whole {
    /// How many entries it has.
    pub entries: u64,
    /// What it comes to.
    pub facts: Facts,
}

/// The place where two traces part, entry by entry, in lines of prose.
#[derive(Debug, Default)]
pub struct Parting {
    /// The last entries that both have.
    pub before: Vec<String>,
    /// What follows in each; nothing where a trace has ended.
    pub after: [Vec<String>; 2],
    /// The first entry that differs as it is stored, where its line says the same in both.
    pub stored: Option<[String; 2]>,
}

impl Compared {
    /// Whether there is no difference at all.
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty() && self.parting.is_none()
    }
}

/// Compares two stored traces on a fresh thread.
///
/// # Errors
/// Why they cannot be compared.
pub fn diff(one: &Path, other: &Path, panics: &Panics) -> Result<Compared, Incomparable> {
    let shown = one.display().to_string();
    on_fresh_thread(&shown, panics, || diff_here(one, other)).unwrap_or_else(|said| {
        Err(Unjudgeable::Panicked {
            path: shown.clone(),
            said,
        }
        .into())
    })
}

fn diff_here(one: &Path, other: &Path) -> Result<Compared, Incomparable> {
    let ((header, entries), (other_header, other_entries)) = (reread(one)?, reread(other)?);
    if header.name != other_header.name {
        return Err(Incomparable::Scenarios {
            first: one.display().to_string(),
            one: header.name,
            second: other.display().to_string(),
            other: other_header.name,
        });
    }
    let mut sides = [
        Side::new(one, &header, entries),
        Side::new(other, &other_header, other_entries),
    ];
    let (mut equal, mut before) = (0, VecDeque::with_capacity(BEFORE));
    let parted = loop {
        let [left, right] = &mut sides;
        match (left.next()?, right.next()?) {
            (None, None) => break None,
            (Some((entry, line)), Some((other, _))) if entry == other => {
                equal += 1;
                if before.len() == BEFORE {
                    before.pop_front();
                }
                before.push_back(line);
            }
            parted => break Some(parted),
        }
    };
    let parting = match parted {
        None => None,
        Some((left, right)) => {
            let stored = match (&left, &right) {
                (Some((entry, line)), Some((other, also))) if line == also => {
                    Some([stored(entry), stored(other)])
                }
                _ => None,
            };
            let mut after =
                [left, right].map(|first| first.map(|(_, line)| line).into_iter().collect());
            for (side, lines) in sides.iter_mut().zip(&mut after) {
                side.rest(lines)?;
            }
            Some(Parting {
                before: before.into(),
                after,
                stored,
            })
        }
    };
    Ok(Compared {
        differences: header.differences(&other_header),
        scenario: header.name,
        equal,
        parting,
        wholes: sides.map(Side::whole),
    })
}

/// An entry as its line of the trace has it.
fn stored(entry: &Entry) -> String {
    serde_json::to_string(entry).expect("entries are plain values, which JSON can always hold")
}

/// A trace on its way by.
struct Side<'a, I> {
    path: &'a Path,
    entries: I,
    each: Each,
    count: u64,
    facts: Facts,
    end: Option<Instant>,
}

impl<'a, I: Iterator<Item = Result<Entry, Unjudgeable>>> Side<'a, I> {
    fn new(path: &'a Path, header: &Header, entries: I) -> Self {
        Self {
            path,
            entries,
            each: Each::new(header),
            count: 0,
            facts: Facts::default(),
            end: None,
        }
    }

    /// The next entry and its line; that a trace ends before its run did is an error.
    fn next(&mut self) -> Result<Option<(Entry, String)>, Unjudgeable> {
        let Some(entry) = self.entries.next().transpose()? else {
            return match self.end {
                Some(_) => Ok(None),
                None => Err(Unjudgeable::NoEnd {
                    path: self.path.display().to_string(),
                }),
            };
        };
        self.count += 1;
        self.facts.hear(entry.at, &entry.event);
        if entry.event == Event::End {
            self.end = Some(entry.at);
        }
        let line = self.each.line(&entry);
        Ok(Some((entry, line)))
    }

    /// Goes on to the end, and keeps the first lines.
    fn rest(&mut self, lines: &mut Vec<String>) -> Result<(), Unjudgeable> {
        while let Some((_, line)) = self.next()? {
            if lines.len() < AFTER {
                lines.push(line);
            }
        }
        Ok(())
    }

    fn whole(self) -> Whole {
        let ends = self.end.unwrap_or(Instant::START);
        Whole {
            entries: self.count,
            facts: self.facts.finish(ends),
        }
    }
}

//! The trace around what was found, as prose.
//!
//! The findings of a run are known at its end, when its trace is gone. So it runs again: the same scenario with the same
//! seed does the same, and now it is known where to look. A stored trace is simply read again,
//! and so is a run in real time, which never happens twice and is short enough to be kept.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_protocol::Instant;

use super::written::Told;
use super::{Panics, Settings, listened};
use crate::engine::Listener;
use crate::run::{Verdict, WritersFn};
use crate::scenario::Scenario;
use crate::trace::{Entry, Event, Excerpt, Header, Window};
use crate::words::OracleName;

/// Lines of prose before a finding: about what happened on the way to it from the last start.
const BEFORE: usize = 14;
/// Lines after it.
const AFTER: usize = 4;

/// Runs a scenario once more, and tells what happened around the first finding of each oracle.
pub(super) fn by_running_again(
    scenario: &Scenario,
    settings: &Settings,
    panics: &Panics,
    verdict: &Verdict,
) -> Vec<Excerpt> {
    let Some(places) = places(verdict) else {
        return Vec::new();
    };
    let told = Told::<Vec<Excerpt>>::default();
    let writers: WritersFn = {
        let told = Arc::clone(&told);
        Box::new(move |header: &Header| {
            vec![Box::new(Watching {
                looking: Some(Looking::new(header, places)),
                told,
            })]
        })
    };
    // What happens once more is known; the excerpt is wanted.
    let _ = listened(scenario, settings, panics, writers, false);
    told.get().cloned().unwrap_or_default()
}

/// Tells what happened around the first finding of each oracle in a stored trace.
pub(super) fn from_entries(
    header: &Header,
    verdict: &Verdict,
    entries: impl Iterator<Item = Entry>,
) -> Vec<Excerpt> {
    let Some(places) = places(verdict) else {
        return Vec::new();
    };
    let mut looking = Looking::new(header, places);
    entries.for_each(|entry| looking.hear(&entry));
    looking.finish()
}

/// A trace that is kept whole.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Option<Whole>>>);

/// A header and what follows it.
type Whole = (Header, Vec<Entry>);

impl Kept {
    /// Who keeps it.
    pub(super) fn listener(&self, header: &Header) -> Box<dyn Listener> {
        *self.lock() = Some((header.clone(), Vec::new()));
        Box::new(self.clone())
    }

    /// Tells what happened around the first finding of each oracle.
    pub(super) fn around(&self, verdict: &Verdict) -> Vec<Excerpt> {
        match self.lock().take() {
            Some((header, entries)) => from_entries(&header, verdict, entries.into_iter()),
            None => Vec::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Whole>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener for Kept {
    fn hear(&mut self, entry: &Entry) {
        if let Some((_, entries)) = &mut *self.lock() {
            entries.push(entry.clone());
        }
    }
}

/// When each oracle first found something, in order; none where nothing was found.
fn places(verdict: &Verdict) -> Option<VecDeque<Instant>> {
    let mut first: BTreeMap<OracleName, Instant> = BTreeMap::new();
    for finding in &verdict.findings {
        let at = first.entry(finding.oracle).or_insert(finding.at);
        *at = finding.at.min(*at);
    }
    let mut places: Vec<Instant> = first.into_values().collect();
    places.sort_unstable();
    places.dedup();
    (!places.is_empty()).then(|| places.into())
}

/// Marks each place as soon as its millisecond is over.
struct Looking {
    window: Window,
    places: VecDeque<Instant>,
}

impl Looking {
    fn new(header: &Header, places: VecDeque<Instant>) -> Self {
        Self {
            window: Window::new(header, BEFORE, AFTER),
            places,
        }
    }

    fn hear(&mut self, entry: &Entry) {
        while self
            .places
            .pop_front_if(|place| *place < entry.at)
            .is_some()
        {
            self.window.mark();
        }
        self.window.observe(entry);
    }

    fn finish(mut self) -> Vec<Excerpt> {
        if !self.places.is_empty() {
            self.window.mark();
        }
        self.window.finish()
    }
}

struct Watching {
    looking: Option<Looking>,
    told: Told<Vec<Excerpt>>,
}

impl Listener for Watching {
    fn hear(&mut self, entry: &Entry) {
        if let Some(looking) = &mut self.looking {
            looking.hear(entry);
        }
        if entry.event == Event::End
            && let Some(looking) = self.looking.take()
        {
            let _ = self.told.set(looking.finish());
        }
    }
}

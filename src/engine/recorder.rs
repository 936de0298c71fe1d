//! Where everything that happens is written down, once, with the conductor's time.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::conductor::Conductor;
use crate::engine::ears::Ears;
use crate::engine::secrets::Secrets;
use crate::trace::{Entry, Event};

/// The recorder of a run. What comes after its end is not part of the trace.
pub(crate) struct Recorder {
    conductor: Arc<Conductor>,
    ears: Mutex<Option<Ears>>,
    secrets: Secrets,
}

impl Recorder {
    /// A recorder that tells `ears`.
    pub(crate) fn new(conductor: &Arc<Conductor>, ears: Ears) -> Arc<Self> {
        Arc::new(Self {
            conductor: Arc::clone(conductor),
            ears: Mutex::new(Some(ears)),
            secrets: Secrets::default(),
        })
    }

    /// What must be written nowhere.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Writes down what happens now, and right behind it what that gives away.
    pub(crate) fn record(&self, event: Event) {
        let entry = Entry {
            at: self.conductor.now(),
            event,
        };
        let given_away = self.secrets.given_away(&entry.event);
        let mut ears = self.ears.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(ears) = ears.as_mut() else { return };
        ears.hear(&entry);
        for event in given_away {
            let at = entry.at;
            ears.hear(&Entry { at, event });
        }
    }

    /// Searches a page that the subject shows, and writes down what it gives away.
    pub(crate) fn search(&self, place: &str, page: &[u8]) {
        let given_away = self.secrets.in_page(place, page);
        given_away.into_iter().for_each(|event| self.record(event));
    }

    /// Ends the trace, and gives back what has heard it.
    pub(crate) fn end(&self) -> Option<Ears> {
        self.record(Event::End);
        self.ears
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

//! Where everything that happens is written down, once, with the conductor's time.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::wire::conductor::Conductor;
use crate::engine::wire::ears::Ears;
use crate::trace::{Entry, Event};

/// The recorder of a run. What comes after its end is not part of the trace.
pub(crate) struct Recorder {
    conductor: Arc<Conductor>,
    ears: Mutex<Option<Ears>>,
}

impl Recorder {
    /// A recorder that tells `ears`.
    pub(crate) fn new(conductor: &Arc<Conductor>, ears: Ears) -> Arc<Self> {
        Arc::new(Self {
            conductor: Arc::clone(conductor),
            ears: Mutex::new(Some(ears)),
        })
    }

    /// Writes down what happens now.
    pub(crate) fn record(&self, event: Event) {
        let entry = Entry {
            at: self.conductor.now(),
            event,
        };
        if let Some(ears) = self
            .ears
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_mut()
        {
            ears.hear(&entry);
        }
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

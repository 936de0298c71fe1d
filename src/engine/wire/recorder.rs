//! Where everything that happens is written down, once, with the conductor's time, and read by all who listen.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::wire::conductor::Conductor;
use crate::trace::{Entry, Event};

/// Hears every entry of a trace, in order.
pub(crate) trait Listener: Send {
    /// The next entry.
    fn hear(&mut self, entry: &Entry);
}

/// The recorder of a run. What comes after its end is not part of the trace.
pub(crate) struct Recorder {
    conductor: Arc<Conductor>,
    listener: Mutex<Option<Box<dyn Listener>>>,
}

impl Recorder {
    /// A recorder that tells `listener`.
    pub(crate) fn new(conductor: &Arc<Conductor>, listener: Box<dyn Listener>) -> Arc<Self> {
        Arc::new(Self { conductor: Arc::clone(conductor), listener: Mutex::new(Some(listener)) })
    }

    /// Writes down what happens now.
    pub(crate) fn record(&self, event: Event) {
        let entry = Entry { at: self.conductor.now(), event };
        if let Some(listener) = self.listener.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            listener.hear(&entry);
        }
    }

    /// Ends the trace.
    pub(crate) fn end(&self) {
        self.record(Event::End);
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

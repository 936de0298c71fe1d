//! A timeline that is drawn while the run goes on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::Listener;
use crate::trace::{Drawing, Entry, Event, Header, Timeline};

/// Where the timeline is, once the run is over.
#[derive(Clone, Default)]
pub(super) struct Drawn(Arc<Mutex<Option<Box<Timeline>>>>);

impl Drawn {
    /// Who draws it.
    pub(super) fn listener(self, header: &Header) -> Box<dyn Listener> {
        Box::new(Draws {
            drawing: Some(Drawing::new(header)),
            drawn: self,
        })
    }

    /// The timeline; none of a run that broke off.
    pub(super) fn take(&self) -> Option<Box<Timeline>> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<Timeline>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Draws {
    drawing: Option<Drawing>,
    drawn: Drawn,
}

impl Listener for Draws {
    fn hear(&mut self, entry: &Entry) {
        if let Some(drawing) = &mut self.drawing {
            drawing.observe(entry);
        }
        if entry.event == Event::End
            && let Some(drawing) = self.drawing.take()
        {
            *self.drawn.lock() = Some(Box::new(drawing.finish(entry.at)));
        }
    }
}

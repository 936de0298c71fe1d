//! The judge: all oracles of one trace, fed together.

use squall_protocol::Instant;

use super::{Findings, Oracle, all};
use crate::trace::{Entry, Header};

/// Feeds every entry of a trace to every oracle that judges it, and keeps what they find.
pub struct Judge {
    oracles: Vec<Box<dyn Oracle>>,
    findings: Findings,
}

impl Judge {
    /// A judge of the trace that begins with `header`, with every oracle of the register that its subject claims to pass.
    pub fn new(header: &Header) -> Self {
        Self {
            oracles: all(header),
            findings: Findings::default(),
        }
    }

    /// The same judge with one oracle more, such as what the scenario expects.
    #[must_use]
    pub fn with(mut self, oracle: Box<dyn Oracle>) -> Self {
        self.oracles.push(oracle);
        self
    }

    /// Looks at the next entry.
    pub fn observe(&mut self, entry: &Entry) {
        for oracle in &mut self.oracles {
            oracle.observe(entry, &mut self.findings);
        }
    }

    /// What was found so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// The run is over at `end`: everything that was found.
    pub fn finish(mut self, end: Instant) -> Findings {
        for oracle in &mut self.oracles {
            oracle.finish(end, &mut self.findings);
        }
        self.findings
    }
}

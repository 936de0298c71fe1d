//! Oracles: each judges a trace by one rule, one entry at a time, and knows nothing but the trace.
//!
//! They never call the code that they judge, remember no more than organizations and live connections need, and say
//! what is wrong as a [`Finding`].

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use squall_protocol::Instant;

use crate::trace::{ConnectionId, Entry};
use crate::words::OracleName;

/// Judges a trace by one rule.
pub trait Oracle: Send {
    /// Its name in reports and scenarios.
    fn name(&self) -> OracleName;
    /// Looks at the next entry.
    fn observe(&mut self, entry: &Entry, findings: &mut Findings);
    /// The run is over at `end`: what should have happened by then and did not.
    fn finish(&mut self, end: Instant, findings: &mut Findings) {
        let _ = (end, findings);
    }
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Who says so.
    pub oracle: OracleName,
    /// When.
    pub at: Instant,
    /// Whose session, where there is one.
    pub org: Option<CompactString>,
    /// On which connection, where there is one.
    pub conn: Option<ConnectionId>,
    /// What, in one sentence for people.
    pub message: String,
}

/// What was found, and which preconditions were not met.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong, in the order of finding.
    pub found: Vec<Finding>,
    /// Preconditions that were not met: the run proves nothing about them.
    pub inconclusive: Vec<String>,
}

impl Findings {
    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        self.found.push(finding);
    }

    /// Adds a precondition that was not met.
    pub fn inconclusive(&mut self, what: impl Into<String>) {
        self.inconclusive.push(what.into());
    }
}

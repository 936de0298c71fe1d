//! Oracles: each judges a trace by one rule, one entry at a time, and knows nothing but the trace.
//!
//! They never call the code that they judge, remember no more than organizations and live connections need, and say
//! what is wrong as a [`Finding`].

mod classification;
mod clock;
mod detection;
mod dial_attribution;
mod durability;
mod ending;
mod fault_was_seen;
mod holds;
mod judge;
mod keep_alive_cadence;
mod limiter_shadow;
mod limiter_time;
mod link;
mod live;
mod no_secret;
mod pong_promptness;
mod pulse;
mod quiescence;
mod register;
mod stanza;
mod status_honesty;
#[cfg(test)]
pub(crate) mod testing;
mod tolerance;
mod unpunished;

use std::collections::BTreeMap;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
use squall_protocol::Instant;

use crate::trace::{ConnectionId, Entry};
use crate::words::OracleName;

pub use classification::Classification;
pub use detection::Detection;
pub use dial_attribution::DialAttribution;
pub use durability::Durability;
pub use fault_was_seen::FaultWasSeen;
pub use holds::Holds;
pub use judge::Judge;
pub use keep_alive_cadence::KeepAliveCadence;
pub use limiter_shadow::LimiterShadow;
pub use no_secret::NoSecret;
pub use pong_promptness::PongPromptness;
pub use quiescence::Quiescence;
pub use register::{REGISTER, Registered, all, says};
pub use status_honesty::StatusHonesty;
pub use unpunished::Unpunished;

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

/// Of each oracle so many findings are kept whole, the first ones; the others are counted. A gateway that dials every
/// five seconds for a year has millions, and the first few say what is wrong.
pub const KEPT_FINDINGS: u64 = 20;

/// What was found, and which preconditions were not met.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong, in the order of finding: the first [`KEPT_FINDINGS`] of each oracle.
    pub found: Vec<Finding>,
    /// Preconditions that were not met: the run proves nothing about them.
    pub inconclusive: Vec<String>,
    counts: BTreeMap<OracleName, u64>,
    /// By the oracle's place in the list of words.
    judged: [u64; OracleName::ALL.len()],
}

impl Findings {
    /// This oracle has looked at something that could have been wrong, and says next whether it is.
    pub fn judged(&mut self, oracle: OracleName) {
        self.judged[oracle as usize] += 1;
    }

    /// How often each oracle had something to judge. One that is not here held nobody to anything: what it did not find
    /// proves nothing.
    pub fn judgements(&self) -> BTreeMap<OracleName, u64> {
        let all = OracleName::ALL.iter().copied().zip(self.judged);
        all.filter(|(_, judged)| *judged > 0).collect()
    }

    /// Adds a finding.
    pub fn add(&mut self, finding: Finding) {
        let Finding {
            oracle,
            at,
            org,
            conn,
            message,
        } = finding;
        self.say(oracle, at, org.as_ref(), conn, || message);
    }

    /// Adds a finding whose sentence is only made where it is kept.
    pub fn say(
        &mut self,
        oracle: OracleName,
        at: Instant,
        org: Option<&CompactString>,
        conn: Option<ConnectionId>,
        message: impl FnOnce() -> String,
    ) {
        let count = self.counts.entry(oracle).or_default();
        *count += 1;
        if *count <= KEPT_FINDINGS {
            self.found.push(Finding {
                oracle,
                at,
                org: org.cloned(),
                conn,
                message: message(),
            });
        }
    }

    /// Adds a precondition that was not met.
    pub fn inconclusive(&mut self, what: impl Into<String>) {
        self.inconclusive.push(what.into());
    }

    /// How many findings there are, those that were not kept included.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many findings this oracle has, those that were not kept included.
    pub fn count(&self, oracle: OracleName) -> u64 {
        self.counts.get(&oracle).copied().unwrap_or(0)
    }

    /// The oracles that have findings, and how many each.
    pub fn counts(&self) -> &BTreeMap<OracleName, u64> {
        &self.counts
    }
}

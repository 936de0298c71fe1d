//! No key of the run is in anything that it writes.

use super::{Findings, Oracle};
use crate::trace::{Entry, Event, Header};
use crate::words::OracleName;

/// The engine knows the keys and searches each entry for them as it is written; the judge knows none, and makes a finding
/// of what was found.
#[derive(Debug)]
pub struct NoSecret;

impl NoSecret {
    /// For the trace that begins with this header.
    pub fn new(_: &Header) -> Self {
        Self
    }
}

impl Oracle for NoSecret {
    fn name(&self) -> OracleName {
        OracleName::NoSecret
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        match &entry.event {
            // What a peer, a library or a subject has put into words.
            Event::Sent { .. }
            | Event::Disconnected { .. }
            | Event::RefusedToStart { .. }
            | Event::StartedTwice { .. } => {
                findings.judged(self.name());
            }
            Event::SecretFound { key, place } => {
                findings.judged(self.name());
                findings.say(self.name(), entry.at, None, None, || {
                    format!("{key} is in {place}")
                });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tape;
    use super::*;

    #[test]
    fn a_key_that_was_written_is_a_finding() {
        let mut tape = Tape::new();
        tape.start().event(Event::SecretFound {
            key: "the ADV secret of org 2's device".to_owned(),
            place: "the detail of an end".to_owned(),
        });
        tape.assert_says(
            NoSecret::new,
            &["the ADV secret of org 2's device is in the detail of an end"],
        );
    }

    #[test]
    fn a_life_without_one_is_fine() {
        let mut tape = Tape::new();
        tape.start().pass(1_000).close().ended();
        tape.assert_clean(NoSecret::new);
    }
}

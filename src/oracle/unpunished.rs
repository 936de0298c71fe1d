//! The guard never had to act: the mock server's imitation of abuse detection punished nobody.

use super::{Findings, Oracle};
use crate::trace::{Entry, Event, Header};
use crate::words::OracleName;

/// Every penalty is a finding, unless the scenario says that the guard will punish.
#[derive(Debug)]
pub struct Unpunished {
    expected: bool,
}

impl Unpunished {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            expected: header.guard_expected,
        }
    }
}

impl Oracle for Unpunished {
    fn name(&self) -> OracleName {
        OracleName::Unpunished
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        match &entry.event {
            _ if self.expected => {}
            // The guard counts logins, and may act after each.
            Event::Login { .. } => findings.judged(self.name()),
            Event::Penalty { conn, org } => {
                findings.judged(self.name());
                findings.say(self.name(), entry.at, Some(org), *conn, || {
                    format!("the guard punished the account of org {org} for its dials")
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
    fn a_penalty_is_a_finding() {
        let mut tape = Tape::new();
        tape.at(6_000).penalty();
        assert_eq!(tape.judged(Unpunished::new).len(), 1);
    }

    #[test]
    fn a_penalty_that_the_scenario_expects_is_none() {
        let mut tape = Tape::new();
        tape.header.guard_expected = true;
        tape.at(6_000).penalty();
        tape.assert_clean(Unpunished::new);
    }
}

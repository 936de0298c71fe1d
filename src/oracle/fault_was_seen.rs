//! Each planned fault touched a connection: a fault that touched none proves nothing.

use std::collections::BTreeMap;

use compact_str::CompactString;
use squall_protocol::Instant;

use super::{Findings, Oracle};
use crate::trace::{Entry, Event, FaultRef, Header};
use crate::words::OracleName;

/// A fault that touched no connection makes the run inconclusive; it is no finding. One that came at random may have met
/// nobody.
#[derive(Debug, Default)]
pub struct FaultWasSeen {
    /// The faults that stand and touched nothing yet.
    standing: BTreeMap<FaultRef, Instant>,
    steps: BTreeMap<u32, Step>,
}

/// The faults of one step.
#[derive(Debug)]
struct Step {
    kind: CompactString,
    set: u64,
    unseen: u64,
    first_unseen: Instant,
}

impl FaultWasSeen {
    /// For the trace that begins with this header.
    pub fn new(_: &Header) -> Self {
        Self::default()
    }

    fn unseen(&mut self, fault: FaultRef, set_at: Instant) {
        if let Some(step) = self.steps.get_mut(&fault.step) {
            if step.unseen == 0 {
                step.first_unseen = set_at;
            }
            step.unseen += 1;
        }
    }
}

impl Oracle for FaultWasSeen {
    fn name(&self) -> OracleName {
        OracleName::FaultWasSeen
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        match &entry.event {
            Event::FaultOn {
                at_random: true, ..
            } => {}
            Event::FaultOn { fault, kind, .. } => {
                findings.judged(self.name());
                let step = self.steps.entry(fault.step).or_insert_with(|| Step {
                    kind: kind.clone(),
                    set: 0,
                    unseen: 0,
                    first_unseen: Instant::START,
                });
                step.set += 1;
                self.standing.insert(*fault, entry.at);
            }
            Event::FaultActed { fault, .. } => {
                self.standing.remove(fault);
            }
            Event::FaultOff { fault, .. } => {
                if let Some(set_at) = self.standing.remove(fault) {
                    self.unseen(*fault, set_at);
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, _: Instant, findings: &mut Findings) {
        for (fault, set_at) in std::mem::take(&mut self.standing) {
            self.unseen(fault, set_at);
        }
        for (number, step) in &self.steps {
            let Step {
                kind,
                set,
                unseen,
                first_unseen,
            } = step;
            if *unseen == 0 {
                continue;
            }
            findings.inconclusive(if *set == 1 {
                format!(
                    "step {number}: the fault `{kind}`, set at {first_unseen}, touched no connection"
                )
            } else {
                format!(
                    "step {number}: the fault `{kind}` was set {set} times and {unseen} times touched no connection, \
                     first at {first_unseen}"
                )
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tape;
    use super::*;

    fn inconclusive(tape: &Tape) -> Vec<String> {
        tape.findings(FaultWasSeen::new).inconclusive
    }

    #[test]
    fn a_fault_that_touched_a_connection_is_fine() {
        let mut tape = Tape::new();
        tape.start().at(40_000).fault_on(1, 1).fault_acted(1, 1);
        assert!(inconclusive(&tape).is_empty());
    }

    #[test]
    fn a_fault_that_touched_none_is_inconclusive_and_no_finding() {
        let mut tape = Tape::new();
        tape.at(40_000).fault_on(1, 1);
        assert_eq!(
            inconclusive(&tape),
            ["step 1: the fault `close`, set at 40s, touched no connection"]
        );
        assert_eq!(tape.findings(FaultWasSeen::new).total(), 0);
    }

    #[test]
    fn a_fault_that_came_at_random_and_touched_none_is_fine() {
        let mut tape = Tape::new();
        tape.at(40_000).fault_at_random(1, 1).fault_off(1, 1);
        tape.at(50_000).fault_at_random(1, 2);
        assert!(inconclusive(&tape).is_empty());
    }

    #[test]
    fn the_faults_of_one_step_are_told_together() {
        let mut tape = Tape::new();
        tape.start().at(40_000).fault_on(1, 1).fault_acted(1, 1);
        tape.at(50_000).fault_on(1, 2).fault_off(1, 2);
        tape.at(60_000).fault_on(1, 3);
        assert_eq!(
            inconclusive(&tape),
            [
                "step 1: the fault `close` was set 3 times and 2 times touched no connection, first at 50s"
            ]
        );
    }
}

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

#[cfg(test)]
mod tests {
    use super::super::testing::Tape;
    use super::*;
    use crate::trace::Side;
    use crate::words::{Cause, OracleName, State};

    fn judged(tape: &Tape) -> Findings {
        let mut judge = Judge::new(&tape.header);
        tape.entries.iter().for_each(|entry| judge.observe(entry));
        let end = tape.entries.last().map_or(Instant::START, |last| last.at);
        judge.finish(end)
    }

    #[test]
    fn a_lawful_life_has_no_findings() {
        let mut tape = Tape::new();
        tape.start().keep_alive(30_000, 30_000, 7_200_010);
        tape.fault_on(1, 1).fault_acted(1, 1).stream_error("515");
        tape.disconnected(Cause::RateLimited, None)
            .state(State::Blocked);
        tape.released(Side::Client).at(40 * 3_600_000).start();
        let findings = judged(&tape);
        assert!(findings.found.is_empty(), "{:#?}", findings.found);
        assert!(findings.inconclusive.is_empty());
        let idle: Vec<_> = OracleName::ALL
            .iter()
            .filter(|oracle| !findings.judgements().contains_key(oracle))
            .collect();
        // Nobody pinged the client, the process lived on, and nobody expected anything.
        assert_eq!(
            idle,
            [
                &OracleName::PongPromptness,
                &OracleName::Durability,
                &OracleName::Expectations
            ]
        );
    }

    #[test]
    fn a_gateway_that_dials_again_is_found_out_by_several() {
        let mut tape = Tape::new();
        tape.header.claims.waits = false;
        tape.start();
        for dial in 2..=200 {
            tape.pass(100).close();
            tape.ended().released(Side::Client);
            tape.pass(5_000).dial(dial, 1, false).accepted(dial);
            tape.upgrade(101, None).secured();
            tape.server_says(squall_protocol::Node::new("success"))
                .iq_ping()
                .iq_pong();
        }
        tape.penalty();
        let findings = judged(&tape);
        let counts: Vec<_> = findings
            .counts()
            .iter()
            .map(|(name, n)| (*name, *n))
            .collect();
        assert_eq!(
            counts,
            [
                (OracleName::DialAttribution, 199),
                (OracleName::LimiterShadow, 199),
                (OracleName::Unpunished, 1),
            ]
        );
        assert_eq!(findings.total(), 399);
        assert_eq!(findings.found.len(), 20 + 20 + 1);
    }

    #[test]
    fn memory_grows_with_no_time() {
        fn size<O: Oracle + std::fmt::Debug>(tape: &Tape, build: impl Fn(&Header) -> O) -> usize {
            let mut oracle = build(&tape.header);
            let mut findings = Findings::default();
            for entry in &tape.entries {
                oracle.observe(entry, &mut findings);
            }
            format!("{oracle:?}").len()
        }
        let lived = |days: u64| {
            let mut tape = Tape::new();
            for day in 1..=days {
                tape.at(day * 90_000_000).start();
                let since = day * 90_000_000 + 30_000;
                tape.keep_alive(since, since, since + 36_000_000);
                tape.close().ended().released(Side::Client);
            }
            let held = [
                size(&tape, super::super::DialAttribution::new),
                size(&tape, super::super::LimiterShadow::new),
                size(&tape, super::super::Holds::new),
                size(&tape, super::super::Detection::new),
                size(&tape, super::super::KeepAliveCadence::new),
                size(&tape, super::super::PongPromptness::new),
                size(&tape, super::super::Classification::new),
                size(&tape, super::super::StatusHonesty::new),
                size(&tape, super::super::Durability::new),
                size(&tape, super::super::Quiescence::new),
            ];
            held.iter().sum::<usize>()
        };
        // The numbers get longer, and nothing else.
        assert!(lived(9) < lived(2) + 64);
    }
}

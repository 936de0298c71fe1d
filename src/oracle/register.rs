//! The register: every oracle that reads a trace, one line each.

use super::{
    Classification, Detection, DialAttribution, Durability, FaultWasSeen, Holds, KeepAliveCadence,
    LimiterShadow, NoSecret, Oracle, PongPromptness, Quiescence, StatusHonesty, Unpunished,
};
use crate::trace::Header;
use crate::words::OracleName;

/// An oracle that can be built for a trace.
#[derive(Clone, Copy, Debug)]
pub struct Registered {
    /// Its name in reports and scenarios.
    pub name: OracleName,
    /// What it says, in one line for people.
    pub says: &'static str,
    /// Makes it for the trace that begins with this header.
    pub build: fn(&Header) -> Box<dyn Oracle>,
}

/// Declares the register: name, type, what it says.
macro_rules! register {
    ($($name:ident: $says:literal,)+) => {
        &[$(Registered {
            name: OracleName::$name,
            says: $says,
            build: |header| Box::new($name::new(header)),
        },)+]
    };
}

/// Every oracle, in the order of the report. What a scenario expects is judged beside them.
pub const REGISTER: &[Registered] = register! {
    DialAttribution: "every connection is one dial of one admitted start, or the handoff that pairing demands",
    LimiterShadow: "the limiter admits what its rules allow, refuses what they forbid, and tells the right time to come back",
    Holds: "a connection ends only for a reason that was delivered to it, or by a rule that was met",
    Detection: "a dead connection is noticed in time, and a live one is never declared dead",
    KeepAliveCadence: "the IQ pings and the WebSocket Pings keep their beat to the millisecond",
    PongPromptness: "the server's ping is answered in the same millisecond",
    Classification: "the cause reported is the one that the first delivery which ends the connection implies",
    Unpunished: "the mock server's guard never had to act",
    StatusHonesty: "connected is said only of a connection that is, and a time told to come back is kept",
    Durability: "after a crash the limiter remembers every admitted attempt, failure and block",
    Quiescence: "5 s after an end no timer and no link of that session is left",
    FaultWasSeen: "each planned fault touched a connection; else the run is inconclusive",
    NoSecret: "no key of the run is in anything that it writes",
};

/// What an oracle holds everybody to, in one line for people; that of the scenario's own word included.
pub fn says(name: OracleName) -> &'static str {
    let registered = REGISTER.iter().find(|registered| registered.name == name);
    registered.map_or("what the scenario expects has come about", |registered| {
        registered.says
    })
}

/// The oracles that judge the trace that begins with `header`: all but those that its subject never claimed to pass.
pub fn all(header: &Header) -> Vec<Box<dyn Oracle>> {
    REGISTER
        .iter()
        .filter(|registered| !header.claims.not_judged.contains(&registered.name))
        .map(|registered| (registered.build)(header))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::header;
    use super::*;

    #[test]
    fn every_oracle_is_registered_once_in_the_order_of_the_report() {
        let names: Vec<_> = REGISTER.iter().map(|registered| registered.name).collect();
        let all: Vec<_> = OracleName::ALL
            .iter()
            .copied()
            .filter(|name| *name != OracleName::Expectations)
            .collect();
        assert_eq!(names, all);
        for registered in REGISTER {
            assert_eq!((registered.build)(&header()).name(), registered.name);
        }
    }

    #[test]
    fn what_a_subject_never_claimed_is_not_judged() {
        let mut header = header();
        header.claims.not_judged.insert(OracleName::Detection);
        let judges = all(&header);
        assert_eq!(judges.len(), REGISTER.len() - 1);
        assert!(
            judges
                .iter()
                .all(|oracle| oracle.name() != OracleName::Detection)
        );
    }
}

//! The register: every oracle that reads a trace, one line each.

use super::Oracle;
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

/// Every oracle, in the order of the report.
pub const REGISTER: &[Registered] = &[];

/// The oracles that judge the trace that begins with `header`: all but those that its subject never claimed to pass.
pub fn all(header: &Header) -> Vec<Box<dyn Oracle>> {
    REGISTER
        .iter()
        .filter(|registered| !header.claims.not_judged.contains(&registered.name))
        .map(|registered| (registered.build)(header))
        .collect()
}

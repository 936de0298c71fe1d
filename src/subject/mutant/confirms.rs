//! Mutants that do not ask the limiter again when the time of a dial has come, or not for everything.

use jiff::Timestamp;
use squall_protocol::Now;
use squall_session::limiter::{GRACE, Go, Permit};
use squall_session::machine::Revocation;

use super::skew::Skew;
use super::{Mutant, UNCHANGED};
use crate::subject::{RealSession, Subject};
use crate::words::OracleName;

/// A dial is never too late.
pub(super) const LATE: Mutant = Mutant {
    name: "late-permit-dials",
    about: "dials when its machine wakes, however long after the time it was admitted for",
    incident: "qwibitai/nanoclaw#534",
    oracle: OracleName::LimiterShadow,
    scenario: "a long sleep in the wait makes the permit late",
    skew: || Box::new(NeverLate),
    ..UNCHANGED
};

/// A block that began in the wait is not seen.
pub(super) const BLIND: Mutant = Mutant {
    name: "block-in-the-wait-not-seen",
    about: "dials though a block began in the wait",
    incident: "WhiskeySockets/Baileys#2008",
    oracle: OracleName::LimiterShadow,
    scenario: "a block takes back a permit in the wait",
    skew: || Box::new(SeesNoBlock),
    ..UNCHANGED
};

struct NeverLate;

impl Skew for NeverLate {
    fn confirm(
        &mut self,
        real: &mut RealSession,
        now: Now,
        permit: Permit,
    ) -> Result<Go, Revocation> {
        // Clocks by which no permit is late.
        let in_time = Now {
            mono: now.mono.min(permit.dial_at() + GRACE),
            wall: Timestamp::UNIX_EPOCH,
        };
        real.confirm(in_time, permit)
    }
}

struct SeesNoBlock;

impl Skew for SeesNoBlock {
    fn confirm(
        &mut self,
        real: &mut RealSession,
        now: Now,
        permit: Permit,
    ) -> Result<Go, Revocation> {
        let (blocks, of_all) = real.rewrite(|ledger| {
            let of_all = ledger.block_of_all.take();
            (std::mem::take(&mut ledger.blocks), of_all)
        });
        let answer = real.confirm(now, permit);
        real.rewrite(|ledger| (ledger.blocks, ledger.block_of_all) = (blocks, of_all));
        answer
    }
}

//! Mutants that are a setting: a bound that was set too tight, or never.

use squall_protocol::Millis;

use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// No bound on unanswered IQ pings.
pub(super) const NO_ZOMBIE: Mutant = Mutant {
    name: "zombie-never-found",
    about: "asks for no answer to its IQ pings, as long as anything arrives",
    incident: "adiwajshing/Baileys#1640",
    oracle: OracleName::Detection,
    scenario: "a zombie in mid-session",
    settings: |policy| policy.zombie_after = Millis::MAX,
    ..UNCHANGED
};

/// The bound that a browser's client has, and which a link that is only slow does not keep.
pub(super) const LATE_IS_DEAD: Mutant = Mutant {
    name: "late-is-dead",
    about: "declares a link dead that was silent for 20 s after a ping",
    incident: "tulir/whatsmeow#40",
    oracle: OracleName::Holds,
    scenario: "answers slow down and recover",
    settings: |policy| policy.dead_after = Millis::from_secs(20),
    ..UNCHANGED
};

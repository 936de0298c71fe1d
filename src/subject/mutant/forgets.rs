//! Mutants of the limiter that forget what should keep a start out, or never take it in.

use squall_protocol::Now;
use squall_session::limiter::Permit;
use squall_session::{AttemptId, Cause, Event, OrgId};

use super::skew::Skew;
use super::{Mutant, UNCHANGED};
use crate::subject::{Admission, RealSession, Subject};
use crate::words::{Denial, OracleName};

/// 405 starts no cooldown.
pub(super) const OUTDATED: Mutant = Mutant {
    name: "outdated-is-no-failure",
    about: "starts no cooldown when a login is refused with 405",
    incident: "WhiskeySockets/Baileys#1937",
    oracle: OracleName::LimiterShadow,
    scenario: "a client too old is refused with 405, always",
    skew: || Box::new(OutdatedIsFine),
    ..UNCHANGED
};

/// A block refuses once.
pub(super) const ONE_REFUSAL: Mutant = Mutant {
    name: "block-forgotten-by-a-refusal",
    about: "lets a block refuse one start, and forgets it",
    incident: "rmyndharis/OpenWA#1599",
    oracle: OracleName::LimiterShadow,
    scenario: "515 after six quiet hours",
    skew: || Box::new(RefusesOnce),
    ..UNCHANGED
};

/// A stop gives the attempt back, dialed or not.
pub(super) const STOP_GIVES_BACK: Mutant = Mutant {
    name: "cancel-after-the-dial-gives-back",
    about: "gives an attempt back when the operator stops its connection",
    incident: "oxidezap/whatsapp-rust#1179",
    oracle: OracleName::LimiterShadow,
    scenario: "three organizations share three starts an hour",
    skew: || Box::new(GivesBack),
    ..UNCHANGED
};

/// A crash gives back what it cut short.
pub(super) const CRASH_GIVES_BACK: Mutant = Mutant {
    name: "budget-given-back-by-a-crash",
    about: "takes an attempt that a crash cut short for one that never was",
    incident: "nanocoai/nanoclaw#748",
    oracle: OracleName::Durability,
    scenario: "the client crashes and its store is kept",
    skew: || Box::new(CutShortIsNone),
    ..UNCHANGED
};

struct OutdatedIsFine;

impl Skew for OutdatedIsFine {
    fn hear(&mut self, real: &mut RealSession, now: Now, org: &OrgId, event: &Event) {
        let mut event = event.clone();
        if let Event::Disconnected(ended) = &mut event
            && ended.cause == Cause::ClientOutdated
        {
            ended.then.failure = false;
        }
        real.hear(now, org, &event);
    }
}

struct RefusesOnce;

impl Skew for RefusesOnce {
    fn admit(&mut self, real: &mut RealSession, now: Now, org: &OrgId) -> Admission<Permit> {
        let answer = real.admit(now, org);
        if let Admission::Denied {
            cause: Denial::Block,
            ..
        } = &answer
        {
            real.rewrite(|ledger| {
                ledger.blocks.remove(org);
                ledger.block_of_all = None;
            });
        }
        answer
    }
}

struct GivesBack;

impl Skew for GivesBack {
    fn hear(&mut self, real: &mut RealSession, now: Now, org: &OrgId, event: &Event) {
        real.hear(now, org, event);
        if let Event::Disconnected(ended) = event
            && ended.cause == Cause::Stopped
        {
            real.rewrite(|ledger| ledger.attempts.remove(&ended.attempt));
        }
    }
}

struct CutShortIsNone;

impl Skew for CutShortIsNone {
    fn on_boot(&mut self, real: &mut RealSession, cut_short: &[(OrgId, AttemptId)]) {
        real.rewrite(|ledger| {
            ledger
                .attempts
                .retain(|attempt, _| cut_short.iter().all(|(_, cut)| cut != attempt));
        });
    }
}

//! A boot that dials: under a supervisor which restarts whatever dies, that is a client which reconnects for ever.

use squall_session::machine::Dial;
use squall_session::{AttemptId, LinkId};

use super::twist::{OwnLinks, Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "boot-dials",
    about: "dials at boot for each session that the death of the process cut short",
    incident: "nanocoai/nanoclaw#748",
    oracle: OracleName::DialAttribution,
    scenario: "the client crashes and its store is kept",
    twist: || Box::new(Resumes(OwnLinks::new())),
    ..UNCHANGED
};

struct Resumes(OwnLinks);

impl Twist for Resumes {
    fn on_boot(&mut self, cut_short: Option<AttemptId>, stage: &mut Stage) {
        let Some(attempt) = cut_short else { return };
        let device = stage.inner.device().clone();
        stage.put(self.0.over(Dial {
            link: LinkId::NONE,
            attempt,
            handoff: false,
            device,
        }));
    }
}

//! Off and on again: a stop takes the session out of its block, and the next start is as good as any.

use squall_protocol::Now;
use squall_session::limiter::{Go, Permit};
use squall_session::{Event, Input, OrgId, Output, State};

use super::skew::Skew;
use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::subject::{RealSession, Subject};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "stop-lifts-the-block",
    about: "forgets a block when the operator stops the session that stands in it",
    incident: "hertz-ai/HARTOS#108",
    oracle: OracleName::LimiterShadow,
    scenario: "off and on again in a block",
    twist: || Box::new(StopsFromAnywhere),
    skew: || Box::new(Forgives),
    ..UNCHANGED
};

/// Says `idle` at a stop in the block, where the session inside has nothing to stop.
struct StopsFromAnywhere;

impl Twist for StopsFromAnywhere {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        let lifts = matches!(input, Input::Stop) && stage.inner.status().state == State::Blocked;
        stage.feed(now, input);
        if lifts {
            stage.put(Output::Event(Event::State(State::Idle)));
        }
    }
}

struct Forgives;

impl Skew for Forgives {
    fn hear(&mut self, real: &mut RealSession, now: Now, org: &OrgId, event: &Event) {
        let was_blocked = real.stands(org) == State::Blocked;
        real.hear(now, org, event);
        if was_blocked && matches!(event, Event::State(State::Idle)) {
            real.rewrite(|ledger| ledger.blocks.remove(org));
        }
    }
}

//! A block that has ended counts as wait enough: the next start dials at once.

use std::collections::VecDeque;

use squall_protocol::Now;
use squall_session::limiter::{Go, Permit};
use squall_session::machine::Revocation;
use squall_session::{Event, Input, Output, State};

use super::skew::Skew;
use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::subject::{RealSession, Subject};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "no-wait-after-a-block",
    about: "dials at once where the start comes after a block",
    incident: "nanocoai/nanoclaw#462",
    oracle: OracleName::LimiterShadow,
    scenario: "each accepted start meets 515 again",
    twist: || Box::<Hurries>::default(),
    skew: || Box::new(ClockAhead),
    ..UNCHANGED
};

#[derive(Default)]
struct Hurries {
    was_blocked: bool,
}

impl Twist for Hurries {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        match input {
            Input::Start(permit) if std::mem::take(&mut self.was_blocked) => {
                let over = Now {
                    mono: permit.dial_at(),
                    ..now
                };
                stage.feed(now, Input::Start(permit));
                stage.feed(over, Input::Timeout);
            }
            other => stage.feed(now, other),
        }
    }

    fn on_output(&mut self, _: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        if let Output::Event(Event::State(State::Blocked)) = &output {
            self.was_blocked = true;
        }
        out.push_back(output);
    }
}

/// The limiter refuses to be asked before a permit's time.
struct ClockAhead;

impl Skew for ClockAhead {
    fn confirm(
        &mut self,
        real: &mut RealSession,
        now: Now,
        permit: Permit,
    ) -> Result<Go, Revocation> {
        let ahead = Now {
            mono: now.mono.max(permit.dial_at()),
            ..now
        };
        real.confirm(ahead, permit)
    }
}

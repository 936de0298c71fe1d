//! Mutants that are not done when they say so: something of the session is left behind its end.

use std::collections::VecDeque;

use squall_protocol::{Instant, Millis, Now};
use squall_session::limiter::Permit;
use squall_session::{Cause, Event, Output};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// A stop leaves the ping's timer running.
pub(super) const TIMER: Mutant = Mutant {
    name: "timer-left-after-a-stop",
    about: "leaves its keep-alive timer running when the operator stops the session",
    incident: "wppconnect-team/wppconnect#2498",
    oracle: OracleName::Quiescence,
    scenario: "a start cancelled in the wait gives its place back",
    twist: || Box::new(TimerLeft(None)),
    ..UNCHANGED
};

/// A dead connection's socket is never let go of.
pub(super) const LINK: Mutant = Mutant {
    name: "link-left-after-an-end",
    about: "never lets go of a link that the server does not close",
    incident: "WhiskeySockets/Baileys#2810",
    oracle: OracleName::Quiescence,
    scenario: "a stream error, and the server never closes",
    twist: || Box::new(LinkLeft),
    ..UNCHANGED
};

/// Since when the timer of a stopped session goes on firing, and when it does next.
struct TimerLeft(Option<Instant>);

/// As often as the IQ ping that it was there for.
const INTERVAL: Millis = Millis::from_secs(25);

impl Twist for TimerLeft {
    fn on_output(&mut self, now: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        match &output {
            Output::Event(Event::Disconnected(ended)) if ended.cause == Cause::Stopped => {
                self.0 = Some(now.mono + INTERVAL);
            }
            Output::Dial(_) => self.0 = None,
            _ => {}
        }
        out.push_back(output);
    }

    fn timeout(&self) -> Option<Instant> {
        self.0
    }

    fn on_timeout(&mut self, now: Now, _: &mut Stage) {
        self.0 = Some(now.mono + INTERVAL);
    }
}

struct LinkLeft;

impl Twist for LinkLeft {
    fn on_output(&mut self, _: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        if !matches!(output, Output::Drop(_)) {
            out.push_back(output);
        }
    }
}

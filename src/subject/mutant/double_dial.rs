//! A second start in the wait is not seen, since nothing is connected yet: both dial.

use std::collections::VecDeque;

use squall_protocol::{Instant, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::machine::Dial;
use squall_session::{Input, LinkId, OrgId, Output, State};

use super::skew::Skew;
use super::twist::{OwnLinks, Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::subject::{Admission, RealSession, Subject};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "second-start-in-the-wait",
    about: "counts a session as active from its dial on, so that a second start in the wait dials too",
    incident: "enudler/nudlers#105",
    oracle: OracleName::LimiterShadow,
    scenario: "the edge of the wait before a dial, to the millisecond",
    twist: || Box::new(Second::new()),
    skew: || Box::new(ActiveFromTheDial),
    ..UNCHANGED
};

/// Admits a start though another one waits.
struct ActiveFromTheDial;

impl Skew for ActiveFromTheDial {
    fn admit(&mut self, real: &mut RealSession, now: Now, org: &OrgId) -> Admission<Permit> {
        if real.stands(org) == State::Waiting {
            real.forget_waiting(org);
        }
        real.admit(now, org)
    }
}

/// Dials for the second start what the session inside does not know of.
struct Second {
    links: OwnLinks,
    waiting: VecDeque<Permit>,
}

impl Second {
    const fn new() -> Self {
        Self {
            links: OwnLinks::new(),
            waiting: VecDeque::new(),
        }
    }
}

impl Twist for Second {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        match input {
            Input::Start(permit) if stage.inner.status().state == State::Waiting => {
                self.waiting.push_back(permit);
            }
            Input::Go(go) => {
                let attempt = go.attempt();
                stage.feed(now, Input::Go(go));
                let dialed = |output: &Output<Permit>| matches!(output, Output::Dial(_));
                if !stage.fresh.iter().any(dialed) {
                    let device = stage.inner.device().clone();
                    stage.put(self.links.over(Dial {
                        link: LinkId::NONE,
                        attempt,
                        handoff: false,
                        device,
                    }));
                }
            }
            other => stage.feed(now, other),
        }
    }

    fn timeout(&self) -> Option<Instant> {
        self.waiting.front().map(Permit::dial_at)
    }

    fn on_timeout(&mut self, _: Now, stage: &mut Stage) {
        if let Some(permit) = self.waiting.pop_front() {
            stage.put(Output::Confirm(permit.attempt(), permit));
        }
    }
}

//! Two mutants that dial again by themselves, as every client library does when it ships: after a close, and after a 515
//! that is not the one of pairing.

use std::collections::VecDeque;

use squall_protocol::{Instant, Millis, Now};
use squall_session::limiter::Permit;
use squall_session::machine::Dial;
use squall_session::{Cause, Event, LinkId, Output};

use super::{Mutant, Stage, Twist, hears_nothing};
use crate::words::OracleName;

/// Dials again five seconds after a close.
pub(super) const ON_CLOSE: Mutant = Mutant {
    name: "reconnects-on-close",
    about: "dials again 5 s after the connection was closed",
    incident: "ha-whatsapp#47",
    oracle: OracleName::DialAttribution,
    scenario: "closed every half hour",
    twist: || {
        Box::new(Reconnects::after(|cause| {
            matches!(cause, Cause::ConnectionClosed { .. })
        }))
    },
    hears: hears_nothing,
};

/// Dials again five seconds after any 515.
pub(super) const AFTER_515: Mutant = Mutant {
    name: "reconnects-after-515",
    about: "takes every 515 for the one that ends a pairing, and dials again",
    incident: "WhiskeySockets/Baileys#107",
    oracle: OracleName::DialAttribution,
    scenario: "515 after six quiet hours",
    twist: || Box::new(Reconnects::after(|cause| *cause == Cause::RateLimited)),
    hears: hears_nothing,
};

/// How long it waits, as the gateway of before did.
const DELAY: Millis = Millis::from_secs(5);
/// Its own links are numbered from here, far above those of the session inside.
const OWN_LINKS: LinkId = LinkId(1_000_000);

struct Reconnects {
    after: fn(&Cause) -> bool,
    last: Option<Dial>,
    own: LinkId,
    redial_at: Option<Instant>,
}

impl Reconnects {
    fn after(after: fn(&Cause) -> bool) -> Self {
        Self {
            after,
            last: None,
            own: OWN_LINKS,
            redial_at: None,
        }
    }
}

impl Twist for Reconnects {
    fn on_output(&mut self, now: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        match &output {
            Output::Dial(dial) => self.last = Some(dial.clone()),
            Output::Event(Event::Disconnected(ended)) if (self.after)(&ended.cause) => {
                self.redial_at = Some(now.mono + DELAY);
            }
            _ => {}
        }
        out.push_back(output);
    }

    fn timeout(&self) -> Option<Instant> {
        self.redial_at
    }

    fn on_timeout(&mut self, _: Now, stage: &mut Stage) {
        self.redial_at = None;
        if let Some(last) = &self.last {
            self.own = self.own.next();
            stage.put(Output::Dial(Dial {
                link: self.own,
                ..last.clone()
            }));
        }
    }
}

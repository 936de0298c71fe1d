//! Mutants that dial again by themselves, as every client library does when it ships.

use std::collections::VecDeque;

use squall_protocol::{Instant, Millis, Now};
use squall_session::limiter::Permit;
use squall_session::machine::{Dial, Disconnected};
use squall_session::{Cause, Event, Output};

use super::twist::{OwnLinks, Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// Dials again five seconds after a close.
pub(super) const ON_CLOSE: Mutant = Mutant {
    name: "reconnects-on-close",
    about: "dials again 5 s after the connection was closed",
    incident: "ha-whatsapp#47",
    oracle: OracleName::DialAttribution,
    scenario: "closed every half hour",
    twist: || {
        redial(DELAY, |_, ended| {
            matches!(ended.cause, Cause::ConnectionClosed { .. })
        })
    },
    ..UNCHANGED
};

/// Dials again five seconds after any 515.
pub(super) const AFTER_515: Mutant = Mutant {
    name: "reconnects-after-515",
    about: "dials again 5 s after a 515 in mid-session",
    incident: "WhiskeySockets/Baileys#107",
    oracle: OracleName::DialAttribution,
    scenario: "515 after six quiet hours",
    twist: || redial(DELAY, |_, ended| is_515(ended)),
    ..UNCHANGED
};

/// Starts anew when nobody has scanned: QR codes without end.
pub(super) const AFTER_THE_LAST_QR: Mutant = Mutant {
    name: "reconnects-after-the-last-qr",
    about: "dials for new QR codes when nobody has scanned the last one",
    incident: "adiwajshing/Baileys#1726",
    oracle: OracleName::DialAttribution,
    scenario: "nobody scans the QR code",
    twist: || redial(Millis::ZERO, |_, ended| ended.cause == Cause::QrExpired),
    ..UNCHANGED
};

/// Holds its right to a handoff from the dial on, paired or not.
pub(super) const UNPAIRED_HANDOFF: Mutant = Mutant {
    name: "handoff-without-pair-success",
    about: "takes the first 515 of a login for the one that ends a pairing, and hands off",
    incident: "WhiskeySockets/Baileys#2490",
    oracle: OracleName::DialAttribution,
    scenario: "each accepted start meets 515 again",
    twist: || hand_off(|last, ended| !last.handoff && is_515(ended)),
    ..UNCHANGED
};

/// Keeps its right to a handoff after it was spent.
pub(super) const SECOND_HANDOFF: Mutant = Mutant {
    name: "handoff-that-is-never-spent",
    about: "hands off again at a 515 on the connection that a handoff has dialed",
    incident: "WhiskeySockets/Baileys#2111",
    oracle: OracleName::DialAttribution,
    scenario: "a 515 right after the handoff",
    twist: || hand_off(|last, ended| last.handoff && is_515(ended)),
    ..UNCHANGED
};

/// How long it waits, as the gateway of before did.
const DELAY: Millis = Millis::from_secs(5);

/// After which end it dials again, given the dial that had opened the connection.
type After = fn(&Dial, &Disconnected) -> bool;

/// Whether a 515 that ends no pairing was the end.
fn is_515(ended: &Disconnected) -> bool {
    let code = ended.raw.as_ref().and_then(|raw| raw.get("code"));
    ended.cause == Cause::RateLimited && code == Some("515")
}

fn redial(delay: Millis, after: After) -> Box<dyn Twist> {
    Box::new(Reconnects::new(after, delay, false))
}

fn hand_off(after: After) -> Box<dyn Twist> {
    Box::new(Reconnects::new(after, Millis::ZERO, true))
}

struct Reconnects {
    after: After,
    delay: Millis,
    /// Whether it calls its dial a handoff.
    handoff: bool,
    last: Option<Dial>,
    links: OwnLinks,
    redial_at: Option<Instant>,
}

impl Reconnects {
    fn new(after: After, delay: Millis, handoff: bool) -> Self {
        Self {
            after,
            delay,
            handoff,
            last: None,
            links: OwnLinks::new(),
            redial_at: None,
        }
    }
}

impl Twist for Reconnects {
    fn on_output(&mut self, now: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        match &output {
            Output::Dial(dial) => self.last = Some(dial.clone()),
            Output::Event(Event::Disconnected(ended)) => {
                let last = self.last.as_ref();
                if last.is_some_and(|last| (self.after)(last, ended)) {
                    self.redial_at = Some(now.mono + self.delay);
                }
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
        if let Some(last) = self.last.clone() {
            let handoff = self.handoff;
            stage.put(self.links.over(Dial { handoff, ..last }));
        }
    }
}

//! The keys of a device that was logged out stay: the next start tries them again, and never pairs.

use std::collections::VecDeque;

use squall_protocol::Now;
use squall_protocol::pairing::Device;
use squall_session::limiter::Permit;
use squall_session::{Cause, Event, Output};

use super::twist::Twist;
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "dead-keys-tried-again",
    about: "keeps the keys of a device that was logged out, and logs in with them at the next start",
    incident: "tulir/whatsmeow#1083",
    oracle: OracleName::Expectations,
    scenario: "the phone removes the device after three hours",
    twist: || Box::<Keeps>::default(),
    ..UNCHANGED
};

#[derive(Default)]
struct Keeps {
    /// As which device it has dialed last.
    last: Option<Device>,
    /// The dead one that it goes on with.
    dead: Option<Device>,
}

impl Twist for Keeps {
    fn on_output(
        &mut self,
        _: Now,
        mut output: Output<Permit>,
        out: &mut VecDeque<Output<Permit>>,
    ) {
        match &mut output {
            Output::Dial(dial) => {
                if let Some(dead) = &self.dead {
                    dial.device = dead.clone();
                }
                self.last = Some(dial.device.clone());
            }
            Output::Event(Event::Disconnected(ended)) if ended.cause == Cause::LoggedOut => {
                ended.then.clear = false;
                self.dead = self.last.clone();
            }
            // The new keys of the session inside, which it tells right after that.
            Output::Event(Event::Device(_)) if self.dead.is_some() => return,
            _ => {}
        }
        out.push_back(output);
    }
}

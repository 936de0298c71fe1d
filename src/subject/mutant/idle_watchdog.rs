//! A watchdog that counts messages alone: a link that is healthy and quiet is torn down as dead.

use squall_protocol::{Instant, Millis, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::machine::Closed;
use squall_session::{Input, LinkId, LinkInput};

use super::twist::{Stage, Twist};
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "idle-watchdog",
    about: "declares a link dead that brought no message for 4 h, however well its pings are answered",
    incident: "openclaw#62258",
    oracle: OracleName::Holds,
    scenario: "quiet for twelve hours",
    twist: || Box::new(Watchdog::default()),
    ..UNCHANGED
};

/// The gateways in which it was seen had windows from half an hour up. A longer one is the same decision, and leaves the
/// stories of a morning alone.
const WINDOW: Millis = Millis::from_hours(4);

#[derive(Default)]
struct Watchdog {
    link: Option<LinkId>,
    bites_at: Option<Instant>,
}

impl Twist for Watchdog {
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        if let Input::Link(link, what) = &input {
            match what {
                LinkInput::Stanza(node) if matches!(node.tag.as_str(), "success" | "message") => {
                    self.link = Some(*link);
                    self.bites_at = Some(now.mono + WINDOW);
                }
                LinkInput::Closed(_) | LinkInput::Refused(_) => self.bites_at = None,
                _ => {}
            }
        }
        stage.feed(now, input);
    }

    fn timeout(&self) -> Option<Instant> {
        self.bites_at
    }

    fn on_timeout(&mut self, now: Now, stage: &mut Stage) {
        self.bites_at = None;
        if let Some(link) = self.link {
            stage.feed(now, Input::Link(link, LinkInput::Closed(Closed::Eof)));
        }
    }
}

//! What happened that a step waits for: read from the trace, entry by entry.

use crate::scenario::{EventKind, EventMatcher};
use crate::trace::{ConnectionId, Event, Message, OrgName, Side, Verdict};

impl EventMatcher {
    /// The organization to which `event` happens, if it is what this waits for. `nth` is not looked at: [`Watch`]
    /// counts. `whose` knows to which organization a connection belongs, by its dial.
    ///
    /// A stanza counts when it was sent, that is when its last byte was handed to the link, and not again when it is
    /// delivered; the same for the 101 of an upgrade.
    pub fn matches(
        &self,
        event: &Event,
        whose: impl Fn(ConnectionId) -> Option<OrgName>,
    ) -> Option<OrgName> {
        let org = match (&self.kind, event) {
            (
                EventKind::Attempt,
                Event::Verdict {
                    org,
                    verdict: Verdict::Granted { .. },
                },
            )
            | (
                EventKind::Denied,
                Event::Verdict {
                    org,
                    verdict: Verdict::Denied { .. },
                },
            )
            | (EventKind::Dial, Event::Dial { org, .. })
            | (EventKind::Login, Event::Login { org, .. })
            | (EventKind::PairSuccess, Event::PairSuccess { org, .. })
            | (EventKind::Disconnected, Event::Disconnected { org, .. }) => org.clone(),
            (
                EventKind::Upgrade,
                Event::Sent {
                    conn,
                    from: Side::Server,
                    message:
                        Message::UpgradeResponse {
                            status: 101,
                            valid: true,
                            ..
                        },
                },
            ) => whose(*conn)?,
            (
                EventKind::Stanza { tag, from },
                Event::Sent {
                    conn,
                    from: sender,
                    message: Message::Stanza(node),
                },
            ) => {
                let meant = tag.as_ref().is_none_or(|tag| node.tag == *tag)
                    && from.is_none_or(|from| from == *sender);
                if !meant {
                    return None;
                }
                whose(*conn)?
            }
            _ => return None,
        };
        self.org
            .as_ref()
            .is_none_or(|wanted| *wanted == org)
            .then_some(org)
    }
}

/// One step's wait for its event: counts what matches, and says when the step is to act.
#[derive(Clone, Debug)]
pub struct Watch {
    event: EventMatcher,
    seen: u32,
}

impl Watch {
    /// Waits for this, from the beginning of the run.
    pub fn new(event: EventMatcher) -> Self {
        Self { event, seen: 0 }
    }

    /// The next thing that happened. The organization to which it happened, if the step is to act (its `after` later).
    pub fn observe(
        &mut self,
        event: &Event,
        whose: impl Fn(ConnectionId) -> Option<OrgName>,
    ) -> Option<OrgName> {
        let org = self.event.matches(event, whose)?;
        self.seen = self.seen.saturating_add(1);
        self.event
            .nth
            .is_none_or(|nth| nth == self.seen)
            .then_some(org)
    }

    /// How many matched so far, whether the step was to act or not.
    pub fn seen(&self) -> u32 {
        self.seen
    }
}

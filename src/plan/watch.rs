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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use squall_protocol::{Content, Node};

    use super::*;
    use crate::words::{Cause, Denial};

    fn org(name: &str) -> OrgName {
        OrgName::from(name)
    }

    /// Connection 1 is of org 1, connection 2 of org 2; nobody dialed any other.
    fn whose(conn: ConnectionId) -> Option<OrgName> {
        (conn.0 <= 2).then(|| OrgName::from(conn.0.to_string()))
    }

    fn verdict(granted: bool) -> Event {
        let verdict = if granted {
            Verdict::Granted { attempt: 1 }
        } else {
            let (cause, also, retry_at) = (Denial::Block, Vec::new(), None);
            Verdict::Denied {
                cause,
                also,
                retry_at,
            }
        };
        Event::Verdict {
            org: org("2"),
            verdict,
        }
    }

    fn sent(conn: u64, from: Side, message: Message) -> Event {
        let conn = ConnectionId(conn);
        Event::Sent {
            conn,
            from,
            message,
        }
    }

    fn upgrade(status: u16, valid: bool) -> Message {
        Message::UpgradeResponse {
            status,
            retry_after: None,
            valid,
        }
    }

    fn stanza(tag: &str) -> Message {
        let (tag, attrs, content) = (tag.into(), Vec::new(), Content::Empty);
        Message::Stanza(Arc::new(Node {
            tag,
            attrs,
            content,
        }))
    }

    fn disconnected() -> Event {
        Event::Disconnected {
            org: org("2"),
            attempt: 1,
            conn: Some(ConnectionId(2)),
            cause: Cause::ConnectionLost,
            stage: None,
            failure: true,
            block: None,
            clear: false,
            raw: None,
            detail: String::new(),
        }
    }

    /// One of each thing that a step may wait for, all of them of org 2.
    fn each() -> Vec<(EventKind, Event)> {
        let (conn, of) = (ConnectionId(2), org("2"));
        let dial = Event::Dial {
            conn,
            org: of.clone(),
            attempt: 1,
            handoff: false,
        };
        vec![
            (EventKind::Attempt, verdict(true)),
            (EventKind::Denied, verdict(false)),
            (EventKind::Dial, dial),
            (
                EventKind::Upgrade,
                sent(2, Side::Server, upgrade(101, true)),
            ),
            (
                EventKind::Login,
                Event::Login {
                    conn,
                    org: of.clone(),
                },
            ),
            (EventKind::PairSuccess, Event::PairSuccess { conn, org: of }),
            (EventKind::Disconnected, disconnected()),
            (
                EventKind::Stanza {
                    tag: None,
                    from: None,
                },
                sent(2, Side::Server, stanza("iq")),
            ),
        ]
    }

    #[test]
    fn each_kind_is_its_own_event_and_no_other() {
        for (kind, _) in each() {
            let matcher = EventMatcher {
                kind: kind.clone(),
                org: None,
                nth: None,
            };
            for (other, event) in each() {
                let expected = (kind == other).then(|| org("2"));
                assert_eq!(
                    matcher.matches(&event, whose),
                    expected,
                    "{kind:?} {event:?}"
                );
            }
        }
    }

    #[test]
    fn an_organization_narrows_it() {
        for (kind, event) in each() {
            let matcher = EventMatcher {
                kind,
                org: Some(org("1")),
                nth: None,
            };
            assert_eq!(matcher.matches(&event, whose), None, "{event:?}");
        }
    }

    #[test]
    fn an_upgrade_is_a_valid_101_of_the_server() {
        let matcher = EventMatcher {
            kind: EventKind::Upgrade,
            org: None,
            nth: None,
        };
        for event in [
            sent(2, Side::Server, upgrade(429, true)),
            sent(2, Side::Server, upgrade(101, false)),
            sent(2, Side::Client, Message::UpgradeRequest),
            sent(9, Side::Server, upgrade(101, true)),
        ] {
            assert_eq!(matcher.matches(&event, whose), None, "{event:?}");
        }
    }

    #[test]
    fn a_stanza_is_known_by_tag_and_sender_and_counts_when_it_is_sent() {
        let kind = EventKind::Stanza {
            tag: Some("iq".to_owned()),
            from: Some(Side::Client),
        };
        let matcher = EventMatcher {
            kind,
            org: None,
            nth: None,
        };
        let ping = sent(1, Side::Client, stanza("iq"));
        assert_eq!(matcher.matches(&ping, whose), Some(org("1")));
        let delivered = Event::Delivered {
            conn: ConnectionId(1),
            to: Side::Server,
            message: stanza("iq"),
        };
        for other in [
            sent(1, Side::Server, stanza("iq")),
            sent(1, Side::Client, stanza("ack")),
            delivered,
        ] {
            assert_eq!(matcher.matches(&other, whose), None, "{other:?}");
        }
    }

    #[test]
    fn the_nth_is_counted_over_the_matching_events_alone() {
        let mut watch = Watch::new(EventMatcher {
            kind: EventKind::Attempt,
            org: Some(org("2")),
            nth: Some(2),
        });
        let acts: Vec<bool> = [verdict(true), verdict(false), verdict(true), verdict(true)]
            .iter()
            .map(|event| watch.observe(event, whose).is_some())
            .collect();
        assert_eq!(acts, [false, false, true, false]);
        assert_eq!(watch.seen(), 3);
    }

    #[test]
    fn without_a_number_each_one_counts() {
        let mut watch = Watch::new(EventMatcher {
            kind: EventKind::Disconnected,
            org: None,
            nth: None,
        });
        assert!((0..3).all(|_| watch.observe(&disconnected(), whose) == Some(org("2"))));
    }
}

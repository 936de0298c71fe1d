//! `cause`: why the nth disconnect came.

use squall_protocol::Instant;

use super::{Check, Ruling, World, never_reached};
use crate::trace::{ConnectionId, Entry, Event, OrgName};
use crate::words::Cause;

/// The cause that the session gave for its nth disconnect of the run.
pub(super) struct NthCause {
    org: OrgName,
    nth: u32,
    is: Cause,
    seen: u32,
    got: Option<(Instant, Option<ConnectionId>, Cause)>,
}

impl NthCause {
    pub(super) fn new(org: OrgName, nth: u32, is: Cause) -> Self {
        Self {
            org,
            nth,
            is,
            seen: 0,
            got: None,
        }
    }
}

impl Check for NthCause {
    fn observe(&mut self, entry: &Entry, _: &World) {
        let Event::Disconnected {
            org, conn, cause, ..
        } = &entry.event
        else {
            return;
        };
        if *org == self.org {
            self.seen = self.seen.saturating_add(1);
            if self.seen == self.nth {
                self.got = Some((entry.at, *conn, *cause));
            }
        }
    }

    fn rule(&self, end: Instant, world: &World) -> Ruling {
        let (org, nth, is, seen) = (&self.org, self.nth, self.is, self.seen);
        let what = format!("disconnect {nth} of org {org}");
        match self.got {
            Some((_, _, got)) if got == is => Ruling::Met,
            Some((at, conn, got)) => Ruling::Wrong {
                at,
                org: Some(org.clone()),
                conn,
                what: format!("{what}: expected {is}, got {got}"),
            },
            None if end < world.ends => Ruling::Open {
                by: world.ends,
                why: format!("{what}: the run ended before, at {end}"),
            },
            None if !world.was_reached(Some(org)) => Ruling::Open {
                by: world.ends,
                why: format!("{what}: {}", never_reached(Some(org))),
            },
            None => Ruling::wrong(
                world.ends,
                Some(org),
                format!("{what}: expected {is}, got none (it had {seen} in all)"),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::expect::test_support::{Story, disconnected, start};
    use crate::words::Cause;

    const SECOND: &str = "cause: { org: \"2\", nth: 2, is: rate_limited }";

    #[test]
    fn the_nth_disconnect_of_that_organization_counts() {
        let mut story = Story::expecting(SECOND);
        story
            .at("0s", start("2"))
            .at("1h", disconnected("2", Cause::ConnectionLost))
            .at("2h", disconnected("1", Cause::Replaced))
            .at("3h", disconnected("2", Cause::RateLimited))
            .at("4h", disconnected("2", Cause::BadMac));
        story.is_met();
        story.cut_at("5h").is_met();
    }

    #[test]
    fn another_cause_or_none_is_a_finding() {
        let mut story = Story::expecting(SECOND);
        story
            .at("0s", start("2"))
            .at("1h", disconnected("2", Cause::RateLimited));
        story.is_wrong(
            "1d",
            "disconnect 2 of org 2: expected rate_limited, got none (it had 1 in all)",
        );
        story.at("2h", disconnected("2", Cause::StreamError));
        story.is_wrong(
            "2h",
            "disconnect 2 of org 2: expected rate_limited, got stream_error",
        );
    }

    #[test]
    fn a_disconnect_is_open_if_nobody_asked_or_the_run_was_short() {
        let mut story = Story::expecting(SECOND);
        story.is_open("org 2 never asked for a session");
        story.at("0s", start("2"));
        story.ends_at("5h").is_open("the run ended before, at 5h");
        story.cut_at("5h").is_met();
    }
}

//! `status`: where a session says that it stands at an instant.

use squall_protocol::Instant;

use super::{Check, Ruling, World, never_reached};
use crate::trace::{Entry, Event, OrgName};
use crate::words::State;

/// The state at an instant, once all that happens in that millisecond has happened. Before anything is said it is idle.
pub(super) struct StatusAt {
    org: OrgName,
    is: State,
    at: Instant,
    got: State,
    since: Instant,
}

impl StatusAt {
    pub(super) fn new(org: OrgName, is: State, at: Instant) -> Self {
        Self {
            org,
            is,
            at,
            got: State::Idle,
            since: Instant::START,
        }
    }
}

impl Check for StatusAt {
    fn observe(&mut self, entry: &Entry, _: &World) {
        if let Event::State { org, state } = &entry.event
            && *org == self.org
            && entry.at <= self.at
        {
            (self.got, self.since) = (*state, entry.at);
        }
    }

    fn rule(&self, end: Instant, world: &World) -> Ruling {
        let what = format!("status of org {} at {}", self.org, self.at);
        if end < self.at {
            let why = format!("{what}: the run ended before, at {end}");
            return Ruling::Open { by: self.at, why };
        }
        if !world.was_reached(Some(&self.org)) {
            let why = format!("{what}: {}", never_reached(Some(&self.org)));
            return Ruling::Open { by: self.at, why };
        }
        if self.got == self.is {
            return Ruling::Met;
        }
        let (is, got, since) = (self.is, self.got, self.since);
        Ruling::wrong(
            self.at,
            Some(&self.org),
            format!("{what}: expected {is}, got {got} (since {since})"),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::expect::test_support::{Story, start, state};
    use crate::words::State;

    const BLOCKED: &str = "status: { org: \"2\", is: blocked, at: 6h }";

    #[test]
    fn the_state_after_all_of_that_millisecond_counts() {
        let mut story = Story::expecting(BLOCKED);
        story
            .at("0s", start("2"))
            .at("1m", state("2", State::Connected))
            .at("6h", state("2", State::DisconnectedManualReconnectRequired))
            .at("6h", state("2", State::Blocked))
            .at("6h 1ms", state("2", State::Idle));
        story.is_met();
    }

    #[test]
    fn another_state_is_a_finding_and_says_since_when() {
        let mut story = Story::expecting(BLOCKED);
        story
            .at("0s", start("2"))
            .at("1m", state("2", State::Connected))
            .at("1m", state("1", State::Blocked))
            .at("6h 1ms", state("2", State::Blocked));
        story.is_wrong(
            "6h",
            "status of org 2 at 6h: expected blocked, got connected (since 1m)",
        );
    }

    #[test]
    fn a_status_is_open_if_nobody_asked_or_the_instant_did_not_come() {
        let mut story = Story::expecting(BLOCKED);
        story.is_open("org 2 never asked for a session");
        story.at("0s", start("2"));
        story.ends_at("5h").is_open("the run ended before, at 5h");
        story.cut_at("5h").is_met();
    }
}

//! `connected_for`: connected for so long without a break.

use squall_protocol::{Instant, Millis};

use super::{Check, Ruling, World, never_reached};
use crate::scenario::Window;
use crate::trace::{Entry, Event, OrgName};

/// The longest unbroken stretch in the window during which the session says `connected` or `degraded`. A sum would call
/// a session that flaps all day a connected one. The death of its process breaks a stretch; a sleep does not.
pub(super) struct ConnectedFor {
    org: OrgName,
    at_least: Millis,
    within: Window,
    since: Option<Instant>,
    longest: Option<(Instant, Instant)>,
}

impl ConnectedFor {
    pub(super) fn new(org: OrgName, at_least: Millis, within: Window) -> Self {
        Self {
            org,
            at_least,
            within,
            since: None,
            longest: None,
        }
    }

    /// The longer of the longest stretch so far and the one that is under way, up to `now`; within the window.
    fn longest_by(&self, now: Instant) -> Option<(Instant, Instant)> {
        let current = self
            .since
            .map(|since| (since.max(self.within.from), now.min(self.within.to)))
            .filter(|(from, to)| from < to);
        match (self.longest, current) {
            (Some(longest), Some(current)) if length(current) > length(longest) => Some(current),
            (None, current) => current,
            (longest, _) => longest,
        }
    }

    fn break_at(&mut self, now: Instant) {
        self.longest = self.longest_by(now);
        self.since = None;
    }
}

fn length((from, to): (Instant, Instant)) -> Millis {
    to - from
}

impl Check for ConnectedFor {
    fn observe(&mut self, entry: &Entry, _: &World) {
        match &entry.event {
            Event::State { org, state } if *org == self.org => {
                if !state.is_connected() {
                    self.break_at(entry.at);
                } else if self.since.is_none() {
                    self.since = Some(entry.at);
                }
            }
            Event::Crashed { .. } | Event::Exited => self.break_at(entry.at),
            _ => {}
        }
    }

    fn rule(&self, end: Instant, world: &World) -> Ruling {
        let (org, at_least, to) = (&self.org, self.at_least, self.within.to);
        let what = format!("org {org} connected without a break within {}", self.within);
        let longest = self.longest_by(end);
        if longest.is_some_and(|stretch| length(stretch) >= at_least) {
            return Ruling::Met;
        }
        if end < to {
            let why = format!("{what}: the run ended before, at {end}");
            return Ruling::Open { by: to, why };
        }
        if !world.was_reached(Some(org)) {
            let why = format!("{what}: {}", never_reached(Some(org)));
            return Ruling::Open { by: to, why };
        }
        let got = longest.map_or_else(
            || "never".to_owned(),
            |(from, to)| format!("{} (from {from} to {to})", to - from),
        );
        Ruling::wrong(
            to,
            Some(org),
            format!("{what}: expected at least {at_least}, got {got}"),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::expect::test_support::{Story, crashed, start, state};
    use crate::words::State;

    const TWO_HOURS: &str = "connected_for: { org: \"2\", at_least: 2h, within: 1h..4h }";

    #[test]
    fn degraded_is_connected_and_only_the_window_counts() {
        let mut story = Story::expecting(TWO_HOURS);
        story
            .at("0s", start("2"))
            .at("1m", state("2", State::Connected))
            .at("90m", state("2", State::Degraded))
            .at("100m", state("2", State::Connected))
            .at("3h", state("2", State::Blocked));
        story.is_met();
    }

    #[test]
    fn two_stretches_do_not_add_up() {
        let mut story = Story::expecting(TWO_HOURS);
        story
            .at("0s", start("2"))
            .at("1m", state("2", State::Connected))
            .at("2h", state("2", State::DisconnectedManualReconnectRequired))
            .at("2h 30m", state("2", State::Connected));
        story.is_wrong(
            "4h",
            "org 2 connected without a break within 1h..4h: expected at least 2h, got 1h 30m (from 2h 30m to 4h)",
        );
    }

    #[test]
    fn a_crash_breaks_the_stretch_though_nobody_says_so() {
        let mut story = Story::expecting(TWO_HOURS);
        story
            .at("0s", start("2"))
            .at("1m", state("2", State::Connected))
            .at("2h", crashed());
        story.is_wrong(
            "4h",
            "org 2 connected without a break within 1h..4h: expected at least 2h, got 1h (from 1h to 2h)",
        );
    }

    #[test]
    fn never_connected_is_a_finding() {
        let mut story = Story::expecting(TWO_HOURS);
        story.at("0s", start("2"));
        story.is_wrong(
            "4h",
            "org 2 connected without a break within 1h..4h: expected at least 2h, got never",
        );
    }

    #[test]
    fn it_is_open_if_nobody_asked_or_the_window_did_not_come() {
        let mut story = Story::expecting(TWO_HOURS);
        story.is_open("org 2 never asked for a session");
        story
            .at("0s", start("2"))
            .at("1m", state("2", State::Connected));
        story
            .ends_at("2h 59m")
            .is_open("the run ended before, at 2h 59m");
        story.cut_at("2h 59m").is_met();
        story.ends_at("3h").is_met();
    }
}

//! `dials`, `attempts`, `denied`, `states` and `alert`: how many, of whom, and when.

use squall_protocol::Instant;

use super::{Check, Ruling, World, never_reached, of};
use crate::scenario::{Count, Window};
use crate::trace::{Entry, Event, OrgName, Verdict};
use crate::words::{Alert, Denial, State};

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Dials,
    Attempts,
    Denied(Option<Denial>),
    States(State),
    Alerts(Alert),
}

impl What {
    /// To whom it happens, if `event` is one of them; to nobody where it is about the whole process.
    fn whose(self, event: &Event) -> Option<Option<&OrgName>> {
        match (self, event) {
            (Self::Dials, Event::Dial { org, .. }) => Some(Some(org)),
            (
                Self::Attempts,
                Event::Verdict {
                    org,
                    verdict: Verdict::Granted { .. },
                },
            ) => Some(Some(org)),
            (
                Self::Denied(wanted),
                Event::Verdict {
                    org,
                    verdict: Verdict::Denied { cause, .. },
                },
            ) => wanted
                .is_none_or(|wanted| wanted == *cause)
                .then_some(Some(org)),
            (Self::States(wanted), Event::State { org, state }) => {
                (wanted == *state).then_some(Some(org))
            }
            (Self::Alerts(wanted), Event::Alert { org, kind, .. }) => {
                (wanted == *kind).then_some(org.as_ref())
            }
            _ => None,
        }
    }

    fn name(self) -> String {
        match self {
            Self::Dials => "dials".to_owned(),
            Self::Attempts => "attempts".to_owned(),
            Self::Denied(None) => "denied starts".to_owned(),
            Self::Denied(Some(cause)) => format!("starts denied by {cause}"),
            Self::States(state) => format!("entries into {state}"),
            Self::Alerts(kind) => format!("alerts {kind}"),
        }
    }
}

/// So many of these in a window.
pub(super) struct Counted {
    what: What,
    org: Option<OrgName>,
    count: Count,
    within: Window,
    got: u64,
    last: Option<Instant>,
}

impl Counted {
    pub(super) fn new(what: What, org: Option<OrgName>, count: Count, within: Window) -> Self {
        Self {
            what,
            org,
            count,
            within,
            got: 0,
            last: None,
        }
    }
}

impl Check for Counted {
    fn observe(&mut self, entry: &Entry, _: &World) {
        if !self.within.contains(entry.at) {
            return;
        }
        let Some(org) = self.what.whose(&entry.event) else {
            return;
        };
        if self.org.as_ref().is_none_or(|wanted| org == Some(wanted)) {
            self.got += 1;
            self.last = Some(entry.at);
        }
    }

    fn rule(&self, end: Instant, world: &World) -> Ruling {
        let (org, Window { to, .. }) = (self.org.as_ref(), self.within);
        let what = format!("{} of {} within {}", self.what.name(), of(org), self.within);
        let too_many = self.count.max.is_some_and(|max| self.got > max);
        if too_many || (end >= to && self.got < self.count.min && world.was_reached(org)) {
            let at = if too_many {
                self.last.unwrap_or(to)
            } else {
                to
            };
            return Ruling::wrong(
                at,
                org,
                format!("{what}: expected {}, got {}", self.count, self.got),
            );
        }
        if end < to {
            let why = format!("{what}: the run ended before, at {end}");
            return Ruling::Open { by: to, why };
        }
        if self.got < self.count.min {
            let why = format!("{what}: {}", never_reached(org));
            return Ruling::Open { by: to, why };
        }
        Ruling::Met
    }
}

#[cfg(test)]
mod tests {
    use crate::expect::test_support::{Story, alert, denied, dial, granted, start, state};
    use crate::words::{Alert, Denial, State};

    const DIALS: &str = "dials: { org: \"2\", count: 1..2, within: 1h..2h }";

    #[test]
    fn dials_in_the_window_are_counted_both_ends_included() {
        let mut story = Story::expecting(DIALS);
        story
            .at("59m 59s", start("2"))
            .at("59m 59s 999ms", dial(1, "2"))
            .at("1h", dial(2, "2"))
            .at("2h", dial(3, "2"))
            .at("2h 1ms", dial(4, "2"));
        story.is_met();
    }

    #[test]
    fn too_many_dials_are_a_finding() {
        let mut story = Story::expecting(DIALS);
        story.at("59m", start("2"));
        for (conn, at) in (1..).zip(["1h", "1h 10m", "1h 20m"]) {
            story.at(at, dial(conn, "2"));
        }
        story.is_wrong(
            "1h 20m",
            "dials of org 2 within 1h..2h: expected 1 to 2, got 3",
        );
    }

    #[test]
    fn too_few_dials_are_a_finding_once_the_window_is_over() {
        let mut story = Story::expecting(DIALS);
        story.at("59m", start("2"));
        story.is_wrong("2h", "dials of org 2 within 1h..2h: expected 1 to 2, got 0");
    }

    #[test]
    fn an_organization_that_never_asked_leaves_dials_open() {
        let mut story = Story::expecting(DIALS);
        story.at("59m", start("1"));
        story.is_open("org 2 never asked for a session");
    }

    #[test]
    fn a_window_that_was_not_run_through_leaves_dials_open() {
        let mut story = Story::expecting(DIALS);
        story.at("59m", start("2")).at("1h", dial(1, "2"));
        story
            .ends_at("1h 30m")
            .is_open("the run ended before, at 1h 30m");
    }

    #[test]
    fn a_count_of_zero_is_met_by_absence() {
        Story::expecting("dials: { org: \"2\", count: 0 }").is_met();
    }

    #[test]
    fn a_cut_run_is_not_judged_by_what_comes_later() {
        let mut story = Story::expecting(DIALS);
        story.at("59m", start("2"));
        story.cut_at("1h 30m").is_met();
    }

    #[test]
    fn what_is_wrong_before_the_cut_stays_wrong() {
        let mut story = Story::expecting("dials: { count: 0 }");
        story.at("1m", dial(1, "2"));
        story.cut_at("1h").is_wrong(
            "1m",
            "dials of all organizations within 0s..1d: expected none, got 1",
        );
    }

    #[test]
    fn attempts_are_the_starts_that_were_granted() {
        let mut story = Story::expecting("attempts: { org: \"2\", count: 1 }");
        story
            .at("1s", start("2"))
            .at("1s", granted("2"))
            .at("2s", denied("2", Denial::AlreadyActive));
        story.is_met();
        story.at("3s", granted("2"));
        story.is_wrong(
            "3s",
            "attempts of org 2 within 0s..1d: expected exactly 1, got 2",
        );
    }

    #[test]
    fn attempts_of_nobody_are_open() {
        Story::expecting("attempts: { count: 1.. }").is_open("nobody asked for a session");
    }

    #[test]
    fn denials_are_counted_by_the_rule_that_frees_last() {
        let mut story = Story::expecting("denied: { org: \"2\", cause: block, count: 2.. }");
        story
            .at("1s", start("2"))
            .at("1s", denied("2", Denial::Block))
            .at("2s", denied("2", Denial::Cooldown))
            .at("3s", denied("1", Denial::Block));
        story.is_wrong(
            "1d",
            "starts denied by block of org 2 within 0s..1d: expected at least 2, got 1",
        );
        story.at("4s", denied("2", Denial::Block));
        story.is_met();
    }

    #[test]
    fn denials_of_any_cause_are_all_of_them() {
        let mut story = Story::expecting("denied: { count: 2 }");
        story
            .at("1s", start("2"))
            .at("1s", denied("2", Denial::Block))
            .at("2s", denied("1", Denial::Cooldown));
        story.is_met();
    }

    #[test]
    fn denials_in_a_window_that_did_not_come_are_open() {
        let mut story = Story::expecting("denied: { org: \"2\", count: 1, within: 20h.. }");
        story.at("1s", start("2"));
        story
            .ends_at("19h")
            .is_open("denied starts of org 2 within 20h..1d");
    }

    #[test]
    fn a_state_that_is_left_in_its_own_millisecond_was_entered() {
        let mut story = Story::expecting("states: { org: \"2\", is: degraded, count: 0 }");
        story
            .at("1s", start("2"))
            .at("2s", state("2", State::Connected))
            .at("3s", state("1", State::Degraded));
        story.is_met();
        story
            .at("4s", state("2", State::Degraded))
            .at("4s", state("2", State::Connected));
        story.is_wrong(
            "4s",
            "entries into degraded of org 2 within 0s..1d: expected none, got 1",
        );
    }

    #[test]
    fn alerts_are_counted_by_kind() {
        let mut story = Story::expecting("alert: { org: \"2\", kind: rate_limited, count: 1 }");
        story
            .at("1s", start("2"))
            .at("2s", alert("2", Alert::NotReady));
        story.is_wrong(
            "1d",
            "alerts rate_limited of org 2 within 0s..1d: expected exactly 1, got 0",
        );
        story.at("3s", alert("2", Alert::RateLimited));
        story.is_met();
        story.ends_at("1h").is_open("the run ended before");
    }
}

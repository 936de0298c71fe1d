//! `outcome`: how the client's process stands at the end of the run.

use squall_protocol::Instant;

use super::{Check, Ruling, World};
use crate::scenario::Outcome;
use crate::trace::{Entry, Event};

/// How the client's process stands at the end. Before its first boot it is stopped; one that sleeps is running.
pub(super) struct ProcessOutcome {
    is: Outcome,
    got: Outcome,
    since: Instant,
}

impl ProcessOutcome {
    pub(super) fn new(is: Outcome) -> Self {
        Self {
            is,
            got: Outcome::Stopped,
            since: Instant::START,
        }
    }
}

impl Check for ProcessOutcome {
    fn observe(&mut self, entry: &Entry, _: &World) {
        self.got = match entry.event {
            Event::Booted => Outcome::Running,
            Event::RefusedToStart { .. } => Outcome::RefusedToStart,
            Event::Crashed { .. } | Event::Exited => Outcome::Stopped,
            _ => return,
        };
        self.since = entry.at;
    }

    fn rule(&self, end: Instant, world: &World) -> Ruling {
        let (is, got, since) = (self.is, self.got, self.since);
        if end < world.ends {
            return Ruling::Open {
                by: world.ends,
                why: format!("the client's process at the end: the run ended before, at {end}"),
            };
        }
        if got == is {
            return Ruling::Met;
        }
        Ruling::wrong(
            world.ends,
            None,
            format!("the client's process at the end: expected {is}, got {got} (since {since})"),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::expect::test_support::{Story, booted, crashed, refused_to_start};

    #[test]
    fn the_last_word_of_the_process_counts() {
        let mut story = Story::expecting("outcome: { is: refused_to_start }");
        story.at("0s", booted()).at("1h", crashed());
        story.is_wrong(
            "1d",
            "the client's process at the end: expected refused_to_start, got stopped (since 1h)",
        );
        story.at("1h 5s", refused_to_start());
        story.is_met();
    }

    #[test]
    fn a_process_that_never_booted_is_stopped() {
        Story::expecting("outcome: { is: stopped }").is_met();
        let mut story = Story::expecting("outcome: { is: running }");
        story.is_wrong(
            "1d",
            "the client's process at the end: expected running, got stopped (since 0s)",
        );
        story.at("0s", booted());
        story.is_met();
    }

    #[test]
    fn the_end_of_a_run_that_was_short_is_open() {
        let mut story = Story::expecting("outcome: { is: running }");
        story.at("0s", booted());
        story.ends_at("1h").is_open("the run ended before, at 1h");
        story.cut_at("1h").is_met();
    }
}

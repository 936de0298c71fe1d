//! The guard: an imitation of WhatsApp's abuse detection, which blocks numbers that connect too often.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::{Instant, Millis};

/// When the guard punishes, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// So many counted dials within `per` are fine; one more is punished.
    pub max: u32,
    /// The window: dials less than this ago count.
    pub per: Millis,
    /// How long a penalty lasts; each dial within begins it anew.
    pub penalty: Millis,
    /// What a punished dial gets.
    pub answer: GuardAnswer,
    /// Whether the dials of all accounts count together, as from one address; a dial within the penalty is then refused
    /// with 429 at the upgrade.
    pub in_all: bool,
}

/// What a punished dial gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuardAnswer {
    /// `<success>`, and a stream error 515 at once.
    #[default]
    StreamError,
    /// `<failure reason="403">`.
    Forbidden,
    /// Nothing: the transport is up, and the server never says a word.
    Silence,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            max: 3,
            // A client that keeps to 3 an hour can look a little faster from here: delays differ from dial to dial.
            per: Millis::from_mins(58),
            penalty: Millis::from_hours(24),
            answer: GuardAnswer::default(),
            in_all: false,
        }
    }
}

/// What the guard knows of an account, or of all together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    dials: VecDeque<Instant>,
    penalty_until: Option<Instant>,
    paired_at: Option<Instant>,
}

impl Record {
    /// A dial that counts. The end of the penalty, if it is punished.
    pub(crate) fn dial(&mut self, now: Instant, guard: &Guard) -> Option<Instant> {
        while self
            .dials
            .front()
            .is_some_and(|dial| now.since(*dial) >= guard.per)
        {
            self.dials.pop_front();
        }
        self.dials.push_back(now);
        let too_many = self.dials.len() > guard.max as usize;
        if !too_many && !self.is_penalized(now) {
            return None;
        }
        let until = now + guard.penalty;
        self.penalty_until = Some(until);
        Some(until)
    }

    /// Whether this login is the one that a pairing demands. It does not count, and there is one for each pairing.
    pub(crate) fn is_handoff(&mut self, now: Instant) -> bool {
        self.paired_at
            .take()
            .is_some_and(|paired| now.since(paired) <= HANDOFF_GRACE)
    }

    /// A pairing: the next login is expected.
    pub(crate) fn paired(&mut self, now: Instant) {
        self.paired_at = Some(now);
    }

    /// When the penalty ends, while one stands.
    pub(crate) fn penalty(&self, now: Instant) -> Option<Instant> {
        self.penalty_until.filter(|until| now < *until)
    }

    /// Whether a penalty stands.
    pub(crate) fn is_penalized(&self, now: Instant) -> bool {
        self.penalty_until.is_some_and(|until| now < until)
    }
}

/// The first login within so long of a pair-success is the one that the pairing protocol demands.
const HANDOFF_GRACE: Millis = Millis::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(at: u64) -> Instant {
        Instant::START + Millis::from_mins(at)
    }

    #[test]
    fn three_dials_in_the_window_are_fine_and_the_fourth_is_not() {
        let guard = Guard::default();
        let mut record = Record::default();
        for at in [0, 20, 40] {
            assert_eq!(record.dial(minutes(at), &guard), None);
        }
        let until = minutes(57) + guard.penalty;
        assert_eq!(record.dial(minutes(57), &guard), Some(until));
    }

    #[test]
    fn a_dial_58_minutes_old_counts_no_more() {
        let guard = Guard::default();
        let mut record = Record::default();
        for at in [0, 20, 40, 58] {
            assert_eq!(record.dial(minutes(at), &guard), None, "{at}");
        }
    }

    #[test]
    fn each_dial_inside_the_penalty_begins_it_anew() {
        let guard = Guard::default();
        let mut record = Record::default();
        let punished: Vec<_> = [0, 1, 2, 3, 600, 1_800]
            .map(|at| record.dial(minutes(at), &guard))
            .into_iter()
            .flatten()
            .collect();
        let ends = [3, 600, 1_800].map(|at| minutes(at) + guard.penalty);
        assert_eq!(punished, ends);
        assert_eq!(record.dial(ends[2], &guard), None, "the penalty has ended");
    }

    #[test]
    fn one_login_soon_after_a_pairing_does_not_count() {
        let mut record = Record::default();
        record.paired(minutes(0));
        assert!(record.is_handoff(minutes(1)));
        assert!(!record.is_handoff(minutes(1)), "one for each pairing");
    }

    #[test]
    fn a_login_a_minute_and_more_after_a_pairing_counts() {
        let mut record = Record::default();
        record.paired(minutes(0));
        let late = minutes(1) + Millis::new(1);
        assert!(!record.is_handoff(late));
    }
}

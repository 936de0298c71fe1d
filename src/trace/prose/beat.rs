//! Questions and their answers: pings of one kind, or queries.

use std::collections::VecDeque;

use squall_protocol::Instant;

/// Pings of one kind, or queries.
#[derive(Debug)]
pub(super) struct Beat<I> {
    pub(super) answered: u64,
    pub(super) waiting: VecDeque<(Instant, I)>,
    given_up: u64,
}

impl<I> Default for Beat<I> {
    fn default() -> Self {
        Self {
            answered: 0,
            waiting: VecDeque::new(),
            given_up: 0,
        }
    }
}

/// So many unanswered pings are told apart; older ones are only counted.
const TOLD_APART: usize = 64;

impl<I> Beat<I> {
    pub(super) fn ask(&mut self, at: Instant, id: I) {
        if self.waiting.len() == TOLD_APART {
            self.waiting.pop_front();
            self.given_up += 1;
        }
        self.waiting.push_back((at, id));
    }

    /// An answer settles what it names, and with `earlier` everything asked before that. One that names nothing known
    /// settles one of those that are only counted.
    pub(super) fn answer(&mut self, is: impl Fn(&I) -> bool, earlier: bool) -> bool {
        let Some(place) = self.waiting.iter().position(|(_, id)| is(id)) else {
            let counted = self.given_up > 0;
            self.given_up -= u64::from(counted);
            self.answered += u64::from(counted);
            return counted;
        };
        if earlier {
            self.waiting.drain(..=place);
            self.answered += u64::try_from(place + 1).unwrap_or(u64::MAX);
            self.answered += std::mem::take(&mut self.given_up);
        } else {
            self.waiting.remove(place);
            self.answered += 1;
        }
        true
    }
}

impl<I> Beat<I> {
    pub(super) fn left(&self) -> u64 {
        self.given_up + u64::try_from(self.waiting.len()).unwrap_or(u64::MAX)
    }
}

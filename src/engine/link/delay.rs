//! How long messages take: what each draws from the link's own latency, and how long a narrow line is busy with it.

use std::num::NonZeroU64;

use rand::Rng;
use rand::rngs::ChaCha8Rng;
use squall_protocol::{Instant, Millis};

/// How long messages of one direction take: each draws from a range, by its number, from a stream of its own.
pub(crate) struct Delay {
    range: (Millis, Millis),
    rng: ChaCha8Rng,
    /// The message whose draw the generator stands at.
    next: u64,
}

/// A draw is one 64-bit word; the generator counts words of 32 bits.
const WORDS_A_DRAW: u128 = 2;

impl Delay {
    /// From the shortest to the longest, drawn from the direction's own stream.
    pub(crate) fn new(range: (Millis, Millis), rng: ChaCha8Rng) -> Self {
        Self {
            range,
            rng,
            next: 0,
        }
    }

    /// The latency of the message of this number: the same for each of its pieces, and in every engine.
    pub(crate) fn of(&mut self, number: u64) -> Millis {
        let (shortest, longest) = (self.range.0.get(), self.range.1.get());
        if shortest == longest {
            return Millis::new(shortest);
        }
        if self.next != number {
            self.rng.set_word_pos(u128::from(number) * WORDS_A_DRAW);
        }
        self.next = number + 1;
        // Scaled without rejection, so that the nth message always draws the nth word.
        let scaled = (u128::from(self.rng.next_u64()) * u128::from(longest - shortest + 1)) >> 64;
        Millis::new(shortest + u64::try_from(scaled).unwrap_or(0))
    }
}

/// A line that takes one message after another.
#[derive(Default)]
pub(crate) struct Line {
    /// Until when it is busy, in microseconds: a fast line takes many messages in a millisecond.
    busy: u64,
}

impl Line {
    /// When so many bytes, handed over at `now`, are through, at so many a second. Rounded up to the millisecond.
    pub(crate) fn through(
        &mut self,
        now: Instant,
        bytes: usize,
        rate: Option<NonZeroU64>,
    ) -> Instant {
        let Some(rate) = rate else { return now };
        let begins = self.busy.max(now.since_start().get().saturating_mul(1_000));
        let takes = (bytes as u64)
            .saturating_mul(1_000_000)
            .div_ceil(rate.get());
        self.busy = begins.saturating_add(takes);
        Instant::at(self.busy.div_ceil(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_message_takes_as_long_whatever_is_asked_before() {
        let delay = || {
            Delay::new(
                (Millis::new(1), Millis::new(1_000_000)),
                ChaCha8Rng::seed_from_u64(7),
            )
        };
        let mut in_order = delay();
        let drawn: Vec<Millis> = (0..50).map(|number| in_order.of(number)).collect();
        let mut backwards = delay();
        for (number, expected) in drawn.iter().enumerate().rev() {
            assert_eq!(backwards.of(number as u64), *expected);
            assert_eq!(
                backwards.of(number as u64),
                *expected,
                "another piece of it"
            );
        }
        assert!(drawn.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_narrow_line_takes_one_message_after_another() {
        let mut line = Line::default();
        let rate = NonZeroU64::new(1_000);
        let mut through = |now, bytes| {
            line.through(Instant::at(now), bytes, rate)
                .since_start()
                .get()
        };
        assert_eq!(through(0, 100), 100);
        assert_eq!(through(10, 50), 150, "behind the first");
        assert_eq!(through(400, 1), 401, "the line was free");
    }

    #[test]
    fn a_fast_line_takes_many_in_a_millisecond_and_a_line_without_a_rate_all_at_once() {
        let mut line = Line::default();
        let rate = NonZeroU64::new(1_000_000);
        let last = (0..100)
            .map(|_| line.through(Instant::at(5), 100, rate))
            .last();
        assert_eq!(last, Some(Instant::at(15)));
        assert_eq!(
            line.through(Instant::at(6), 1_000_000, None),
            Instant::at(6)
        );
    }
}

//! From one time of a step to the next.

use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use squall_protocol::Millis;

use crate::scenario::Between;
use crate::seed::Seed;

/// From one time of a step to the next.
pub(super) enum Interval {
    /// Always the same.
    Fixed(Millis),
    /// Drawn anew each time, both ends included.
    Random(Between, Box<ChaCha8Rng>),
}

impl Interval {
    /// The intervals of a step that acts at random, from their first.
    pub(super) fn random(gap: Between, seed: Seed, step: u32) -> Self {
        let stream = seed.stream(&format!("plan/step {step}/at_random"));
        Self::Random(gap, Box::new(stream))
    }

    /// The next one.
    pub(super) fn draw(&mut self) -> Millis {
        match self {
            Self::Fixed(interval) => *interval,
            Self::Random(gap, rng) => within(*gap, rng),
        }
    }
}

/// A whole number of milliseconds in the range, both ends included; each as likely as any other.
pub(super) fn within(range: Between, rng: &mut ChaCha8Rng) -> Millis {
    Millis::new(rng.random_range(range.min.get()..=range.max.get()))
}

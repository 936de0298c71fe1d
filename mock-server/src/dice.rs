//! Chance that depends on no order of asking: every use has a stream of its own.

use std::fmt;

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// A seed, and behind it 2^64 streams of chance. Its debug form does not show the seed, from which keys are drawn.
#[derive(Clone)]
pub(crate) struct Dice([u8; 32]);

impl Dice {
    /// Draws 32 bytes from `rng`.
    pub(crate) fn draw(rng: &mut (impl Rng + ?Sized)) -> Self {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Self(seed)
    }

    /// The stream of this number, from its beginning.
    pub(crate) fn stream(&self, number: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.0);
        rng.set_stream(number);
        rng
    }
}

impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dice")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_its_number_alone() {
        let dice = Dice::draw(&mut ChaCha8Rng::seed_from_u64(1));
        let first = dice.stream(1).next_u64();
        assert_ne!(dice.stream(2).next_u64(), first);
        assert_eq!(dice.stream(1).next_u64(), first);
    }
}

//! The seed of a run, and the streams of chance drawn from it.
//!
//! Every consumer of chance has a stream of its own, by name: what one of them draws never moves what another draws.
//! A stream is ChaCha8, keyed with BLAKE3's key derivation (context `squall 2026 stream of chance`) over the seed's
//! eight bytes, little-endian, followed by the stream's name. Both are portable and fixed by their specifications, so
//! the same seed draws the same on every machine.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use serde::{Deserialize, Serialize};

/// What decides everything that a run leaves to chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

impl Seed {
    /// The generator of one consumer, by name: from its start at each call.
    pub fn stream(self, name: &str) -> ChaCha8Rng {
        let mut key = blake3::Hasher::new_derive_key(CONTEXT);
        key.update(&self.0.to_le_bytes());
        key.update(name.as_bytes());
        ChaCha8Rng::from_seed(*key.finalize().as_bytes())
    }
}

impl Default for Seed {
    /// What a scenario that names no seed runs with: 1. Never one from the system, which nobody could repeat.
    fn default() -> Self {
        Self(1)
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seed {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Self)
    }
}

/// One seed, or all from one to another, both included: `7`, `1..1000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    first: u64,
    last: u64,
}

impl Seeds {
    /// Every seed of them, in order.
    pub fn all(self) -> impl Iterator<Item = Seed> {
        (self.first..=self.last).map(Seed)
    }

    /// Whether it is more than one.
    pub fn is_sweep(self) -> bool {
        self.first < self.last
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_sweep() {
            write!(f, "{}..{}", self.first, self.last)
        } else {
            self.first.fmt(f)
        }
    }
}

/// Why a text is no seeds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSeeds {
    /// An end is no number.
    #[error("{0:?} is no seed; write a whole number such as 7, or a range such as 1..1000")]
    Number(String),
    /// It ends before it begins.
    #[error("the range ends before it begins")]
    Backwards,
}

impl FromStr for Seeds {
    type Err = InvalidSeeds;

    fn from_str(text: &str) -> Result<Self, InvalidSeeds> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let seed = |text: &str| {
            text.parse()
                .map_err(|_| InvalidSeeds::Number(text.to_owned()))
        };
        let (first, last) = (seed(first)?, seed(last)?);
        if last < first {
            return Err(InvalidSeeds::Backwards);
        }
        Ok(Self { first, last })
    }
}

/// Separates these keys from every other use of BLAKE3.
const CONTEXT: &str = "squall 2026 stream of chance";

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    fn first_draws(seed: u64, stream: &str) -> [u64; 3] {
        let mut rng = Seed(seed).stream(stream);
        [rng.next_u64(), rng.next_u64(), rng.next_u64()]
    }

    /// If this fails, every trace ever published with a seed has lost its replay line.
    #[test]
    fn the_first_draws_never_change() {
        assert_eq!(
            first_draws(1, "nemesis"),
            [
                12130067709391732892,
                2527242956668199309,
                9415214399147868470
            ]
        );
        assert_eq!(
            first_draws(7, "nemesis"),
            [
                1142917528966080514,
                14106711113748334120,
                10055529832523394153
            ]
        );
        assert_eq!(
            first_draws(7, "plan"),
            [
                12221133655317956498,
                14088850315857763166,
                17874092809961221476
            ]
        );
    }

    #[test]
    fn a_stream_begins_anew_at_each_call() {
        assert_eq!(first_draws(3, "link"), first_draws(3, "link"));
    }

    #[test]
    fn a_seed_reads_back_as_it_is_shown() {
        for seed in [0, 1, u64::MAX] {
            assert_eq!(Seed(seed).to_string().parse(), Ok(Seed(seed)));
        }
        assert!("-1".parse::<Seed>().is_err());
    }

    #[test]
    fn a_range_of_seeds_holds_both_its_ends() {
        let seeds = |text: &str| -> Vec<u64> {
            let seeds: Seeds = text.parse().unwrap();
            assert_eq!(seeds.to_string(), text);
            seeds.all().map(|seed| seed.0).collect()
        };
        assert_eq!(seeds("7"), [7]);
        assert_eq!(seeds("3..5"), [3, 4, 5]);
        let end = u64::MAX;
        assert_eq!(seeds(&format!("{}..{end}", end - 1)), [end - 1, end]);
        assert_eq!("5..3".parse::<Seeds>(), Err(InvalidSeeds::Backwards));
        for text in ["", "..", "1..", "..5", "-1", "1..x", "0x7"] {
            assert!(text.parse::<Seeds>().is_err(), "{text}");
        }
    }
}

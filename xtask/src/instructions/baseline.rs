//! What the parts took, as a file that people read too, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Instructions of each part, by its name.
pub(super) type Counts = BTreeMap<String, u64>;

/// A rise by more than this many in a hundred is a failure; a fall by as many is told.
const MOST: u64 = 5;

/// The counts, and what else they depend on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    /// The compiler that built the parts.
    pub(super) rustc: String,
    /// What it built them for.
    pub(super) target: String,
    pub(super) instructions: Counts,
}

/// Two baselines side by side.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// A line for each part, for people.
    pub(super) lines: Vec<String>,
    /// What must not be.
    pub(super) broken: Vec<String>,
    /// What fell so far that a rise might hide behind it.
    pub(super) fell: Vec<String>,
}

impl Baseline {
    /// As it stands in its file.
    pub(super) fn text(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// What became of it.
    pub(super) fn compare(&self, now: &Self) -> Compared {
        let mut compared = Compared::default();
        if self.rustc != now.rustc {
            compared.broken.push(format!(
                "the baseline was counted with rustc {}, and this is {}",
                self.rustc, now.rustc
            ));
        }
        let names: BTreeSet<&String> = self
            .instructions
            .keys()
            .chain(now.instructions.keys())
            .collect();
        for name in names {
            let sides = (self.instructions.get(name), now.instructions.get(name));
            compared.part(name, sides);
        }
        compared
    }
}

impl Compared {
    fn part(&mut self, name: &str, sides: (Option<&u64>, Option<&u64>)) {
        let (before, now) = match sides {
            (Some(before), Some(now)) => (*before, *now),
            (Some(_), None) => {
                let gone = format!("{name} is in the baseline and is not counted any more");
                return self.broken.push(gone);
            }
            (None, now) => {
                let count = now.copied().unwrap_or_default();
                let new = format!("{name} takes {count} and is not in the baseline");
                return self.broken.push(new);
            }
        };
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        let change = (now as f64 / before as f64 - 1.0) * 100.0;
        self.lines.push(format!(
            "{name:<28} {before:>13} {now:>13} {change:>+7.2} %"
        ));
        if u128::from(now) * 100 > u128::from(before) * u128::from(100 + MOST) {
            let rose = format!("{name} rose by {change:.2} %, from {before} to {now}");
            self.broken.push(rose);
        } else if u128::from(now) * 100 < u128::from(before) * u128::from(100 - MOST) {
            let fell = format!("{name} fell by {:.2} %, from {before} to {now}", -change);
            self.fell.push(fell);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(counts: &[(&str, u64)]) -> Baseline {
        Baseline {
            rustc: "1.95.0".to_owned(),
            target: "x86_64-unknown-linux-gnu".to_owned(),
            instructions: counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
        }
    }

    #[test]
    fn a_rise_of_more_than_five_in_a_hundred_is_broken_and_one_of_five_is_not() {
        let before = of(&[("encode", 1_000), ("decode", 1_000)]);
        let held = before.compare(&of(&[("encode", 1_050), ("decode", 950)]));
        assert!(held.broken.is_empty() && held.fell.is_empty(), "{held:?}");
        assert_eq!(held.lines.len(), 2);
        let rose = before.compare(&of(&[("encode", 1_051), ("decode", 1_000)]));
        assert_eq!(rose.broken, ["encode rose by 5.10 %, from 1000 to 1051"]);
    }

    #[test]
    fn a_fall_is_told_and_is_not_broken() {
        let before = of(&[("encode", 1_000)]);
        let fell = before.compare(&of(&[("encode", 949)]));
        assert_eq!(fell.fell, ["encode fell by 5.10 %, from 1000 to 949"]);
        assert!(fell.broken.is_empty());
    }

    #[test]
    fn a_part_that_came_or_went_and_another_compiler_are_broken() {
        let before = of(&[("encode", 1_000)]);
        let mut now = of(&[("decode", 1_000)]);
        now.rustc = "1.96.0".to_owned();
        assert_eq!(
            before.compare(&now).broken,
            [
                "the baseline was counted with rustc 1.95.0, and this is 1.96.0",
                "decode takes 1000 and is not in the baseline",
                "encode is in the baseline and is not counted any more",
            ]
        );
    }

    #[test]
    fn the_file_reads_as_it_was_written() {
        let baseline = of(&[("encode", 1_000)]);
        let text = baseline.text().unwrap();
        assert_eq!(serde_json::from_str::<Baseline>(&text).unwrap(), baseline);
    }
}

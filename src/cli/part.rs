//! A part of a set, for one of several machines.

use std::str::FromStr;

use squall::report::json;

/// The `nth` of `parts`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    nth: usize,
    parts: usize,
}

impl Part {
    /// What belongs to this part: every so-manieth, so that neighbours, which are alike, are shared out.
    pub(super) fn of<T>(self, set: Vec<T>) -> Vec<T> {
        let mine = set.into_iter().skip(self.nth - 1);
        mine.step_by(self.parts).collect()
    }
}

impl From<Part> for json::Part {
    fn from(part: Part) -> Self {
        Self {
            nth: part.nth,
            of: part.parts,
        }
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/');
        let numbers =
            numbers.and_then(|(nth, parts)| Some((nth.parse().ok()?, parts.parse().ok()?)));
        match numbers {
            Some((nth, parts)) if (1..=parts).contains(&nth) => Ok(Self { nth, parts }),
            _ => Err("a part is written 2/4: which one, from 1, and of how many".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_together_are_the_whole_and_share_nothing() {
        let whole: Vec<u32> = (0..10).collect();
        let parts = ["1/4", "2/4", "3/4", "4/4"].map(|part| part.parse::<Part>().unwrap());
        let mut together: Vec<u32> = parts
            .iter()
            .flat_map(|part| part.of(whole.clone()))
            .collect();
        together.sort_unstable();
        assert_eq!(together, whole);
    }

    #[test]
    fn a_part_that_there_cannot_be_is_refused() {
        for text in ["0/4", "5/4", "1/0", "1", "1/", "/4", "a/b", "-1/4"] {
            assert!(text.parse::<Part>().is_err(), "{text}");
        }
    }
}

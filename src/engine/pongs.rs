//! How soon pings were answered.

use std::collections::BTreeMap;

use squall_protocol::Millis;

/// The delays of all WebSocket Pongs of a run: how often each whole millisecond was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pongs(BTreeMap<Millis, u64>);

impl Pongs {
    pub(crate) fn hear(&mut self, after: Millis) {
        *self.0.entry(after).or_default() += 1;
    }

    /// So many pings were answered.
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// The least delay that so many of a thousand pongs do not exceed (nearest rank); nothing where there was no pong.
    pub fn per_mille(&self, of_a_thousand: u64) -> Option<Millis> {
        let rank = (self.count() * of_a_thousand).div_ceil(1_000);
        let mut seen = 0;
        self.0.iter().find_map(|(after, times)| {
            seen += times;
            (seen >= rank).then_some(*after)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_is_the_nearest_one() {
        let mut pongs = Pongs::default();
        assert_eq!((pongs.count(), pongs.per_mille(500)), (0, None));
        for after in (1..=100).rev() {
            pongs.hear(Millis::new(after));
        }
        pongs.hear(Millis::new(100));
        let at = |of| pongs.per_mille(of).unwrap().get();
        assert_eq!(pongs.count(), 101);
        assert_eq!([at(1), at(500), at(990), at(1_000)], [1, 51, 100, 100]);
    }
}

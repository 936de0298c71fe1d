//! How many pings went out since the process began, and how soon they were answered.

use squall_protocol::Millis;

/// The pings of a session, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pings {
    /// IQ pings, the keep-alive.
    pub iq: Answered,
    /// WebSocket Pings, the active ping.
    pub web_socket: Answered,
}

/// The pings of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answered {
    /// How many went out.
    pub sent: u64,
    /// How soon the answers came. An answer settles the earlier pings of its kind too, and counts once.
    pub delays: Delays,
}

/// Delays, counted by size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delays {
    /// By bound; what was longer than all of them last.
    counts: [u64; BOUNDS.len() + 1],
    sum: Millis,
}

impl Delays {
    pub(super) fn count(&mut self, delay: Millis) {
        let bucket = BOUNDS.partition_point(|bound| *bound < delay);
        self.counts[bucket] += 1;
        self.sum = self.sum + delay;
    }

    /// All of them together.
    pub fn sum(&self) -> Millis {
        self.sum
    }

    /// How many.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many were longer than the bound before and no longer than this one; the last bound is none.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Millis>, u64)> {
        let bounds = BOUNDS.iter().copied().map(Some);
        bounds.chain([None]).zip(self.counts)
    }
}

/// From a good line to `late_after` (10 s) and the minute after which silence is death, with the defaults.
const BOUNDS: [Millis; 10] = [
    Millis::new(25),
    Millis::new(50),
    Millis::new(100),
    Millis::new(250),
    Millis::new(500),
    Millis::new(1_000),
    Millis::new(2_500),
    Millis::new(10_000),
    Millis::new(30_000),
    Millis::new(60_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_on_a_bound_is_within_it() {
        let mut delays = Delays::default();
        for delay in [0, 25, 26, 60_000, 60_001] {
            delays.count(Millis::new(delay));
        }
        let filled: Vec<_> = delays.buckets().filter(|(_, count)| *count > 0).collect();
        assert_eq!(
            filled,
            [
                (Some(Millis::new(25)), 2),
                (Some(Millis::new(50)), 1),
                (Some(Millis::new(60_000)), 1),
                (None, 1),
            ]
        );
        assert_eq!((delays.total(), delays.sum()), (5, Millis::new(120_052)));
    }
}

//! So many of something, evenly over a time.

use std::ops::Range;

use squall_protocol::Millis;

use super::FaultCx;

/// So many, from now on and over a time, the first at once and the last at its end; over no time all at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Evenly {
    pub(super) count: std::num::NonZeroU32,
    pub(super) over: Millis,
}

impl Evenly {
    /// The indices, from 0, of those that are due now and were not yet; the wake for the next is asked for.
    pub(super) fn due(self, cx: &mut FaultCx<'_>) -> Range<u64> {
        let due = self.due_after(cx.now.mono.since(cx.since));
        let new = *cx.count..due;
        *cx.count = due;
        if due < u64::from(self.count.get()) {
            cx.wake_at(cx.since + self.comes_after(due));
        }
        new
    }

    /// How many are due so long after the first.
    fn due_after(self, elapsed: Millis) -> u64 {
        let all = u64::from(self.count.get());
        match self.over.get() {
            0 => all,
            over if elapsed.get() >= over => all,
            over => 1 + (all - 1) * elapsed.get() / over,
        }
    }

    /// How long after the first the one with this index comes.
    fn comes_after(self, index: u64) -> Millis {
        match u64::from(self.count.get()) - 1 {
            0 => Millis::ZERO,
            gaps => Millis::new((self.over.get() * index).div_ceil(gaps)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::with_cx;
    use super::*;

    /// When each comes.
    fn times(count: u32, over: u64) -> Vec<u64> {
        let evenly = Evenly {
            count: count.try_into().unwrap(),
            over: Millis::new(over),
        };
        let (mut at, mut known, mut times) = (0, 0, Vec::new());
        loop {
            let (due, wake) = with_cx(at, &mut known, |cx| evenly.due(cx));
            times.extend(due.map(|_| at));
            match wake {
                Some(next) => at = next.since_start().get(),
                None => return times,
            }
        }
    }

    #[test]
    fn they_come_evenly_and_then_no_more() {
        assert_eq!(times(5, 10), [0, 3, 5, 8, 10]);
        let times = times(8_000, 30_000);
        assert_eq!((times.len(), times[0], times[7_999]), (8_000, 0, 30_000));
    }

    #[test]
    fn over_no_time_all_come_at_once() {
        assert_eq!(times(3, 0), [0, 0, 0]);
        assert_eq!(times(1, 10), [0]);
    }
}

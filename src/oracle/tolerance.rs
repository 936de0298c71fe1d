//! How exactly a moment is known: to the millisecond in virtual time, and as a machine under load lets it be in real time.

use squall_protocol::{Instant, Millis};

use crate::trace::Header;

/// What is forgiven of a moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tolerance {
    /// How much later than its time a timer may fire.
    pub(super) late: Millis,
    /// How long what is done at once may take, and how far two notes of one moment may be apart.
    pub(super) near: Millis,
}

impl Tolerance {
    /// For the trace that begins with this header.
    pub(super) fn of(header: &Header) -> Self {
        match header.engine.as_str() {
            LIVE => REAL_TIME,
            _ => Self::default(),
        }
    }

    /// Whether these are notes of one moment.
    pub(super) fn same(self, one: Instant, other: Instant) -> bool {
        one <= other + self.near && other <= one + self.near
    }
}

/// As the engine calls itself.
const LIVE: &str = "live";
/// A thread of a busy machine waits for its turn by tens of milliseconds; what keeps it waiting for longer is no timer.
const REAL_TIME: Tolerance = Tolerance {
    late: Millis::from_secs(1),
    near: Millis::new(250),
};

#[cfg(test)]
mod tests {
    use super::super::testing::header;
    use super::*;

    #[test]
    fn virtual_time_is_exact_and_real_time_is_not() {
        let mut header = header();
        let exact = Tolerance::of(&header);
        let at = |ms| Instant::at(ms);
        assert!(exact.same(at(5), at(5)) && !exact.same(at(5), at(6)));
        header.engine = LIVE.to_owned();
        let real = Tolerance::of(&header);
        assert!(real.same(at(250), at(0)) && real.same(at(0), at(250)));
        assert!(!real.same(at(251), at(0)) && !real.same(at(0), at(251)));
    }

    #[test]
    fn the_live_engine_is_called_so() {
        assert_eq!(crate::engine::Engine::Live.name(), LIVE);
    }
}

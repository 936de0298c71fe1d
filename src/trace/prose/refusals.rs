//! Refusals with one cause, told together.

use squall_protocol::Instant;

use super::clock::{Stamp, since_start};
use super::counted::grouped;
use crate::words::Denial;

/// Refusals with one cause.
#[derive(Debug)]
pub(super) struct Refusals {
    cause: Denial,
    also: Vec<Denial>,
    count: u64,
    first: Instant,
    pub(super) last: Instant,
    retry_at: (Option<i64>, Option<i64>),
}

impl Refusals {
    pub(super) fn new(at: Instant, cause: Denial, also: &[Denial], retry_at: Option<i64>) -> Self {
        Self {
            cause,
            also: also.to_vec(),
            count: 1,
            first: at,
            last: at,
            retry_at: (retry_at, retry_at),
        }
    }

    /// One refusal more, if it has the same cause.
    pub(super) fn add(
        &mut self,
        at: Instant,
        cause: Denial,
        also: &[Denial],
        retry_at: Option<i64>,
    ) -> bool {
        let same = self.cause == cause && self.also == also;
        if same {
            self.count += 1;
            self.last = at;
            self.retry_at.1 = retry_at;
        }
        same
    }

    pub(super) fn told(&self, stamp: &Stamp) -> String {
        let mut told = String::from("start refused");
        if self.count > 1 {
            told += &format!(
                " {} times since {}",
                grouped(self.count),
                since_start(self.first)
            );
        }
        told += &format!(": {}", self.cause);
        if !self.also.is_empty() {
            let also: Vec<_> = self.also.iter().map(|rule| rule.name()).collect();
            told += &format!(", also {}", also.join(", "));
        }
        match self.retry_at {
            (Some(first), Some(last)) if first != last => {
                told += &format!(
                    ", retry at first {}, at last {}",
                    stamp.epoch(first),
                    stamp.epoch(last)
                );
            }
            (_, Some(last)) => told += &format!(", retry at {}", stamp.epoch(last)),
            _ => {}
        }
        told
    }
}

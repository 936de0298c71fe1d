//! The conductor by the machine's own clock.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use squall_protocol::Instant;

use super::{Clock, Conductor};

/// Whole milliseconds since `start`.
pub(super) fn since(start: std::time::Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Conductor {
    /// A clock that begins now and goes by itself. [`Conductor::keep_time`] has to run beside whatever waits.
    #[expect(
        clippy::disallowed_methods,
        reason = "real time is what this clock is for; everybody else asks it"
    )]
    pub(crate) fn in_real_time() -> Arc<Self> {
        Self::by(Clock::Real(std::time::Instant::now(), AtomicWaker::new()))
    }

    /// Lets go of each event when it is due, in the order of the queue, for ever. One task of a runtime with timers; in
    /// virtual time there is nothing for it to do.
    pub(crate) async fn keep_time(self: Arc<Self>) {
        let Clock::Real(start, earlier) = &self.clock else {
            return;
        };
        loop {
            while self.first().is_some_and(|at| at <= self.now()) {
                self.let_go();
                // What follows from it comes first, as far as it is ready.
                tokio::task::yield_now().await;
            }
            self.first_is_due(*start, earlier).await;
        }
    }

    /// Waits for the first event's time, or for an event before it.
    async fn first_is_due(&self, start: std::time::Instant, earlier: &AtomicWaker) {
        let first = self.first();
        let due =
            first.and_then(|at| start.checked_add(Duration::from_millis(at.since_start().get())));
        // A time that no clock can show never comes.
        let mut sleep = pin!(due.map(|due| tokio::time::sleep_until(due.into())));
        poll_fn(|cx| {
            earlier.register(cx.waker());
            if self.first() != first {
                return Poll::Ready(());
            }
            match sleep.as_mut().as_pin_mut() {
                Some(sleep) => sleep.poll(cx),
                None => Poll::Pending,
            }
        })
        .await;
    }

    fn first(&self) -> Option<Instant> {
        self.lock()
            .events
            .first_key_value()
            .map(|((at, ..), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::engine::conductor::Class;

    #[test]
    fn events_come_in_order_and_none_before_its_time_even_if_asked_for_late() {
        let conductor = Conductor::in_real_time();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime with timers");
        let log = Arc::new(Mutex::new(Vec::new()));
        let at = |ms: u64, class: Class| {
            let (conductor, log) = (Arc::clone(&conductor), Arc::clone(&log));
            async move {
                conductor.sleep_until(Instant::at(ms), class).await;
                assert!(conductor.now() >= Instant::at(ms), "{ms} comes early");
                log.lock()
                    .expect("nobody panics under it")
                    .push((ms, class));
            }
        };
        runtime.block_on(async {
            tokio::spawn(Arc::clone(&conductor).keep_time());
            let last = tokio::spawn(at(60, Class::Step));
            tokio::task::yield_now().await;
            // The keeper of the time sleeps for the 60th by now.
            tokio::spawn(at(20, Class::Step));
            tokio::spawn(at(20, Class::Delivery));
            tokio::spawn(at(20, Class::Timer));
            last.await.expect("it does not panic");
        });
        let expected = [
            (20, Class::Delivery),
            (20, Class::Timer),
            (20, Class::Step),
            (60, Class::Step),
        ];
        assert_eq!(*log.lock().expect("nobody panics under it"), expected);
    }
}

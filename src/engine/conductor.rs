//! The conductor: the one clock and the one queue of a run.
//!
//! Everything that waits, waits here: deliveries, timers, steps. In virtual time, when every task of the runtime is idle,
//! the conductor takes the first event of the queue, moves the clock to its time and wakes whoever waits for it; nothing
//! else does. So within one millisecond the order is deliveries, timers, steps, each in the order in which they were asked
//! for, by construction, on every machine. The runtime has no timer of its own: code that asks tokio for the time panics.
//! In [real time](real) the queue is the same, and a task lets go of what is due.
//!
//! **Invariant:** in virtual time one event, then everything that follows from it, then the next event.

mod real;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::task::AtomicWaker;
use squall_protocol::Instant;

/// What kind of event it is. Within one millisecond they come in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// A message becomes readable.
    Delivery,
    /// A timer of a machine.
    Timer,
    /// A step of the scenario.
    Step,
    /// The end of the run.
    End,
}

/// An event's place in the queue: its time, its class, and its number in the order of asking.
type Key = (Instant, Class, u64);

/// Something that can be told that its time has come.
pub(crate) trait Wake: Send + Sync {
    /// Its time has come. Whether that wakes a task.
    fn wake(self: Arc<Self>) -> bool;
}

/// Whose timer it is, so that what is left of a session can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) u64);

/// Whom an event wakes.
enum Sleeper {
    Task(Waker, Option<Owner>),
    Thing(Arc<dyn Wake>),
}

impl Sleeper {
    /// Its time has come. Whether that wakes a task.
    fn wake(self) -> bool {
        match self {
            // A sleep leaves the queue when it is dropped, so whoever slept is still there.
            Self::Task(waker, _) => {
                waker.wake();
                true
            }
            Self::Thing(thing) => thing.wake(),
        }
    }
}

/// The clock and the queue of a run. See the module's text.
pub(crate) struct Conductor {
    clock: Clock,
    queue: Mutex<Queue>,
    /// Of the task that does nothing. See [`Conductor::beat`].
    beat: OnceLock<Waker>,
}

/// What shows the time.
enum Clock {
    /// It stands until the conductor moves it: whole milliseconds.
    Virtual(AtomicU64),
    /// The machine's own, since this instant; and whom an event wakes that comes before all others.
    Real(std::time::Instant, AtomicWaker),
}

#[derive(Default)]
struct Queue {
    events: BTreeMap<Key, Sleeper>,
    asked: u64,
}

impl Conductor {
    /// A clock at zero and an empty queue.
    pub(crate) fn new() -> Arc<Self> {
        Self::by(Clock::Virtual(AtomicU64::new(0)))
    }

    fn by(clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            clock,
            queue: Mutex::default(),
            beat: OnceLock::new(),
        })
    }

    /// A task that does nothing and is woken by every advance, so that the runtime always comes back to it. Whoever an
    /// event wakes may be gone: a stream that changed hands keeps the waker of its last owner until the next one reads it.
    pub(crate) fn beat(self: &Arc<Self>) -> impl Future<Output = Infallible> + Send + use<> {
        let conductor = Arc::clone(self);
        poll_fn(move |cx| {
            // A task keeps its waker; only a future that moves to another one changes it.
            conductor.beat.get_or_init(|| cx.waker().clone());
            Poll::Pending
        })
    }

    /// The time.
    pub(crate) fn now(&self) -> Instant {
        Instant::at(match &self.clock {
            Clock::Virtual(now) => now.load(Ordering::Relaxed),
            Clock::Real(start, _) => real::since(*start),
        })
    }

    /// Takes the first event that wakes anybody, and moves the clock to it. To be called when every task is idle; a
    /// thread that goes idle without a task woken would sleep for ever.
    pub(crate) fn advance(&self) {
        while self.let_go() == Some(false) {}
    }

    /// Takes the first event, at its time. Whether it wakes anybody; nothing, where there is none.
    fn let_go(&self) -> Option<bool> {
        let ((at, _, _), sleeper) = self.lock().events.pop_first()?;
        if let Clock::Virtual(now) = &self.clock {
            if let Some(beat) = self.beat.get() {
                beat.wake_by_ref();
            }
            // An event asked for in the past comes now; the clock never goes back.
            now.fetch_max(at.since_start().get(), Ordering::Relaxed);
        }
        Some(sleeper.wake())
    }

    /// Wakes `thing` at `at`.
    pub(crate) fn call(&self, at: Instant, class: Class, thing: Arc<dyn Wake>) {
        self.insert(at, class, Sleeper::Thing(thing));
    }

    /// A future that is ready at `at`.
    pub(crate) fn sleep_until(self: &Arc<Self>, at: Instant, class: Class) -> Sleep {
        Sleep {
            conductor: Arc::clone(self),
            at,
            class,
            owner: None,
            key: None,
        }
    }

    /// When each timer of this owner fires that is armed now, in order. Looks through the whole queue.
    pub(crate) fn armed(&self, owner: Owner) -> Vec<Instant> {
        let queue = self.lock();
        let timers = queue.events.iter().filter_map(|((at, ..), sleeper)| {
            matches!(sleeper, Sleeper::Task(_, Some(own)) if *own == owner).then_some(*at)
        });
        timers.collect()
    }

    fn insert(&self, at: Instant, class: Class, sleeper: Sleeper) -> Key {
        let mut queue = self.lock();
        queue.asked += 1;
        let key = (at, class, queue.asked);
        queue.events.insert(key, sleeper);
        if let Clock::Real(_, earlier) = &self.clock
            && queue
                .events
                .first_key_value()
                .is_some_and(|(first, _)| *first == key)
        {
            earlier.wake();
        }
        key
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready when the conductor's clock reaches its time; leaves the queue when it is dropped.
pub(crate) struct Sleep {
    conductor: Arc<Conductor>,
    at: Instant,
    class: Class,
    owner: Option<Owner>,
    key: Option<Key>,
}

impl Sleep {
    /// The same sleep, as a timer of this owner.
    pub(crate) fn of(self, owner: Owner) -> Self {
        // `Drop` forbids to move the other fields out.
        let mut own = self;
        own.owner = Some(owner);
        own
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A time that has come is ready without the queue only for what had its turn: a step of this very millisecond
        // waits until everything else in it is done.
        match self.key {
            None if self.class < Class::Step && self.conductor.now() >= self.at => Poll::Ready(()),
            None => {
                let key = self.conductor.insert(
                    self.at,
                    self.class,
                    Sleeper::Task(cx.waker().clone(), self.owner),
                );
                self.key = Some(key);
                Poll::Pending
            }
            Some(key) => match self.conductor.lock().events.get_mut(&key) {
                Some(Sleeper::Task(waker, _)) => {
                    if !waker.will_wake(cx.waker()) {
                        *waker = cx.waker().clone();
                    }
                    Poll::Pending
                }
                _ => Poll::Ready(()),
            },
        }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.conductor.lock().events.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(
        body: impl FnOnce(Arc<Conductor>, Log) -> Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
    ) -> Vec<String> {
        let conductor = Conductor::new();
        let log = Log::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .on_thread_park({
                let conductor = Arc::clone(&conductor);
                move || conductor.advance()
            })
            .build()
            .expect("a runtime without I/O");
        let tasks = body(Arc::clone(&conductor), log.clone());
        runtime.block_on(async {
            tokio::spawn(conductor.beat());
            for task in tasks {
                tokio::spawn(task);
            }
            conductor.sleep_until(Instant::at(1_000), Class::End).await;
        });
        log.0.lock().expect("nobody panics under it").clone()
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<String>>>);

    impl Log {
        fn say(&self, conductor: &Conductor, what: &str) {
            let line = format!("{} {what}", conductor.now());
            self.0.lock().expect("nobody panics under it").push(line);
        }

        fn after(
            &self,
            conductor: &Arc<Conductor>,
            at: u64,
            class: Class,
            what: &'static str,
        ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let (log, conductor) = (self.clone(), Arc::clone(conductor));
            Box::pin(async move {
                conductor.sleep_until(Instant::at(at), class).await;
                log.say(&conductor, what);
            })
        }
    }

    #[test]
    fn within_a_millisecond_deliveries_come_before_timers_before_steps_whoever_asked_first() {
        const RIGHT: [&str; 3] = ["40ms delivery", "40ms timer", "40ms step"];
        let asked = [
            (Class::Delivery, "delivery"),
            (Class::Timer, "timer"),
            (Class::Step, "step"),
        ];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [1, 0, 2]] {
            let lines = run(|conductor, log| {
                order
                    .iter()
                    .map(|&n| log.after(&conductor, 40, asked[n].0, asked[n].1))
                    .collect()
            });
            assert_eq!(lines, RIGHT, "asked in the order {order:?}");
        }
    }

    #[test]
    fn what_follows_from_an_event_happens_before_the_next_event_of_that_millisecond() {
        let lines = run(|conductor, log| {
            let (chain, clock) = (log.clone(), Arc::clone(&conductor));
            let follow = Box::pin(async move {
                clock.sleep_until(Instant::at(40), Class::Timer).await;
                chain.say(&clock, "timer");
                tokio::task::yield_now().await;
                chain.say(&clock, "what follows");
                clock.sleep_until(Instant::at(40), Class::Step).await;
                chain.say(&clock, "its own step");
            });
            vec![
                follow,
                log.after(&conductor, 40, Class::Timer, "second timer"),
                log.after(&conductor, 41, Class::Timer, "later"),
            ]
        });
        assert_eq!(
            lines,
            [
                "40ms timer",
                "40ms what follows",
                "40ms second timer",
                "40ms its own step",
                "41ms later"
            ]
        );
    }

    #[test]
    fn a_sleep_that_is_dropped_wakes_nobody_and_leaves_the_queue() {
        let lines = run(|conductor, log| {
            drop(conductor.sleep_until(Instant::at(10), Class::Timer));
            vec![log.after(&conductor, 20, Class::Timer, "awake")]
        });
        assert_eq!(lines, ["20ms awake"]);
    }

    #[test]
    fn what_an_owner_has_armed_is_known_until_it_fires_or_is_dropped() {
        let mine = Owner(7);
        let lines = run(|conductor, log| {
            let (own, clock) = (log.clone(), Arc::clone(&conductor));
            let armed =
                move |clock: &Conductor| own.say(clock, &format!("{:?}", clock.armed(mine)));
            let sleeper = Box::pin(async move {
                clock.sleep_until(Instant::at(5), Class::Timer).await;
                armed(&clock);
                let mut sleep = Box::pin(clock.sleep_until(Instant::at(30), Class::Timer).of(mine));
                poll_fn(|cx| {
                    assert!(sleep.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
                armed(&clock);
                drop(sleep);
                armed(&clock);
            });
            vec![
                sleeper,
                log.after(&conductor, 40, Class::Timer, "another's"),
            ]
        });
        assert_eq!(
            lines,
            ["5ms []", "5ms [Instant(30)]", "5ms []", "40ms another's"]
        );
    }

    #[test]
    fn an_event_that_finds_nobody_does_not_stop_the_clock() {
        struct Nobody;
        impl Wake for Nobody {
            fn wake(self: Arc<Self>) -> bool {
                false
            }
        }
        let lines = run(|conductor, log| {
            conductor.call(Instant::at(5), Class::Delivery, Arc::new(Nobody));
            vec![log.after(&conductor, 20, Class::Timer, "awake")]
        });
        assert_eq!(lines, ["20ms awake"]);
    }

    /// As a stream does whose last owner is gone and whose next one does not read.
    struct ToNobody;

    impl Wake for ToNobody {
        fn wake(self: Arc<Self>) -> bool {
            true
        }
    }

    #[test]
    fn an_event_that_wakes_nobody_who_is_left_does_not_stop_the_run() {
        let said = run(|conductor, log| {
            conductor.call(Instant::at(10), Class::Delivery, Arc::new(ToNobody));
            vec![log.after(&conductor, 20, Class::Timer, "a timer")]
        });
        assert_eq!(said, ["20ms a timer"]);
    }
}

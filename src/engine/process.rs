//! The client's process as the machine that it runs on sees it: killed, stopped, suspended, with clocks of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use squall_protocol::{Instant, Millis, Now};

use crate::engine::conductor::{Class, Conductor, Sleep};

/// The host of the client's process. Its monotonic clock stands while it is suspended, its wall clock never does and may be
/// set; both outlive a process that is killed. A pause stops the process and neither clock.
pub(crate) struct Process {
    conductor: Arc<Conductor>,
    starts: Timestamp,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Which boot this is, from 0; the tasks of an earlier one are dead.
    boot: u32,
    up: bool,
    /// It was asked to end, and ends its sessions.
    ends: bool,
    suspended_since: Option<Instant>,
    /// How many suspends overlap.
    suspends: u32,
    /// It was to boot while its machine slept.
    boots_on_resume: bool,
    suspended_in_all: Millis,
    /// How many pauses of this boot overlap.
    pauses: u32,
    /// By how many milliseconds the wall clock was set ahead, all in all.
    stepped: i64,
    /// One waker of each task that was polled since the last time that all were woken, and how often that was.
    waiting: Vec<Waker>,
    woken: u32,
}

impl Process {
    /// A host on which nothing runs yet.
    pub(crate) fn new(conductor: &Arc<Conductor>, starts: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            conductor: Arc::clone(conductor),
            starts,
            state: Mutex::default(),
        })
    }

    /// Both clocks, as the process reads them.
    pub(crate) fn now(&self) -> Now {
        let now = self.conductor.now();
        let state = self.lock();
        Now {
            mono: state.monotonic(now),
            wall: wall(self.starts, now, state.stepped),
        }
    }

    /// The wall clock is set: ahead by so many milliseconds, or back.
    pub(crate) fn step_clock(&self, by: i64) {
        let mut state = self.lock();
        state.stepped = state.stepped.saturating_add(by);
    }

    /// A future that is ready at `at` of the monotonic clock, or earlier where a suspend came between.
    pub(crate) fn sleep_until(&self, at: Instant) -> Sleep {
        let suspended = self.lock().suspended_in_all;
        self.conductor.sleep_until(at + suspended, Class::Timer)
    }

    /// Whether it runs: whatever it has to do now it does.
    pub(crate) fn runs(&self) -> bool {
        let state = self.lock();
        state.up && !state.is_stopped()
    }

    /// Whether it would answer a request now.
    pub(crate) fn answers(&self) -> bool {
        self.runs() && !self.lock().ends
    }

    /// Whether there is a process, stopped or not.
    pub(crate) fn is_up(&self) -> bool {
        self.lock().up
    }

    /// It boots.
    pub(crate) fn boot(&self) {
        self.lock().up = true;
    }

    /// It is asked to end. Whether it was not before.
    pub(crate) fn ends(&self) -> bool {
        let mut state = self.lock();
        state.up && !std::mem::replace(&mut state.ends, true)
    }

    /// It is killed: its tasks end where they stand.
    pub(crate) fn kill(&self) {
        let mut state = self.lock();
        state.up = false;
        state.ends = false;
        state.pauses = 0;
        state.boot += 1;
        Self::wake_all(state);
    }

    /// It is suspended. Whether it was awake until now: suspends may overlap.
    pub(crate) fn suspend(&self) -> bool {
        let now = self.conductor.now();
        let mut state = self.lock();
        state.suspends += 1;
        state.suspended_since.get_or_insert(now);
        state.suspends == 1
    }

    /// A process can boot only on a machine that is awake. Whether it is; else the boot is remembered for the resume.
    pub(crate) fn may_boot(&self) -> bool {
        let mut state = self.lock();
        state.boots_on_resume = state.suspended_since.is_some();
        !state.boots_on_resume
    }

    /// Whether a boot was waiting for the resume.
    pub(crate) fn boots_now(&self) -> bool {
        std::mem::take(&mut self.lock().boots_on_resume)
    }

    /// One suspend is over. Whether it was the last: then everything that waited looks at the world again.
    pub(crate) fn resume(&self) -> bool {
        let now = self.conductor.now();
        let mut state = self.lock();
        state.suspends = state.suspends.saturating_sub(1);
        if state.suspends > 0 {
            return false;
        }
        if let Some(since) = state.suspended_since.take() {
            state.suspended_in_all = state.suspended_in_all + (now - since);
        }
        Self::wake_all(state);
        true
    }

    /// It is stopped. Whether it went on until now, as pauses may overlap; and which boot it is that was stopped.
    pub(crate) fn pause(&self) -> (bool, u32) {
        let mut state = self.lock();
        state.pauses += 1;
        (state.pauses == 1, state.boot)
    }

    /// One pause of this boot is over. Whether it was the last: then everything that waited looks at the world again. A
    /// process that was killed meanwhile has no pause any more.
    pub(crate) fn unpause(&self, boot: u32) -> bool {
        let mut state = self.lock();
        if state.boot != boot {
            return false;
        }
        state.pauses = state.pauses.saturating_sub(1);
        let goes_on = state.pauses == 0;
        if goes_on {
            Self::wake_all(state);
        }
        goes_on
    }

    /// A task of this process: not polled while it is stopped, ended when it is killed.
    pub(crate) fn task<F: Future<Output = ()>>(self: &Arc<Self>, task: F) -> Task<F> {
        Task {
            process: Arc::clone(self),
            boot: self.lock().boot,
            waits_since: None,
            inner: Some(Box::pin(task)),
        }
    }

    fn wake_all(mut state: MutexGuard<'_, State>) {
        let waiting = std::mem::take(&mut state.waiting);
        state.woken += 1;
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn monotonic(&self, now: Instant) -> Instant {
        let until = self.suspended_since.unwrap_or(now);
        until - self.suspended_in_all
    }

    /// Nothing of it is polled.
    fn is_stopped(&self) -> bool {
        self.suspended_since.is_some() || self.pauses > 0
    }
}

/// A wall clock at a moment of the run, which was set ahead by so many milliseconds; 0 for one that is right. In whole
/// milliseconds, as everything in a run.
pub(crate) fn wall(starts: Timestamp, now: Instant, stepped: i64) -> Timestamp {
    let since = i64::try_from(now.since_start().get()).unwrap_or(i64::MAX);
    let right = starts.as_millisecond().saturating_add(since);
    let shown = right.saturating_add(stepped);
    Timestamp::from_millisecond(shown).unwrap_or(match shown {
        ..0 => Timestamp::MIN,
        0.. => Timestamp::MAX,
    })
}

/// A task of a process. See [`Process::task`].
pub(crate) struct Task<F> {
    process: Arc<Process>,
    boot: u32,
    /// In which round of `waiting` its waker stands.
    waits_since: Option<u32>,
    inner: Option<Pin<Box<F>>>,
}

impl<F: Future<Output = ()>> Future for Task<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.process.lock();
        if state.boot != this.boot {
            drop(state);
            // What it held is let go of here, before anything else of this millisecond.
            this.inner = None;
            return Poll::Ready(());
        }
        // Killed or resumed, it must hear of it even if nothing else wakes it.
        if this.waits_since != Some(state.woken) {
            state.waiting.push(cx.waker().clone());
            this.waits_since = Some(state.woken);
        }
        let stopped = state.is_stopped();
        drop(state);
        match &mut this.inner {
            Some(inner) if !stopped => inner.as_mut().poll(cx),
            Some(_) => Poll::Pending,
            None => Poll::Ready(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(conductor: &Arc<Conductor>, ms: u64) {
        conductor.call(Instant::at(ms), Class::Timer, Arc::new(Tick));
        conductor.advance();
    }

    struct Tick;

    impl crate::engine::conductor::Wake for Tick {
        fn wake(self: Arc<Self>) -> bool {
            true
        }
    }

    #[test]
    fn a_suspend_stops_the_monotonic_clock_and_not_the_wall_clock() {
        let conductor = Conductor::new();
        let process = Process::new(&conductor, Timestamp::UNIX_EPOCH);
        process.boot();
        at(&conductor, 1_000);
        assert!(process.suspend());
        at(&conductor, 61_000);
        assert_eq!(process.now().mono, Instant::at(1_000));
        assert_eq!(process.now().wall.as_millisecond(), 61_000);
        assert!(!process.answers(), "a suspended process answers nobody");
        assert!(process.resume());
        assert_eq!(process.now().mono, Instant::at(1_000));
        at(&conductor, 62_000);
        assert_eq!(process.now().mono, Instant::at(2_000));
        assert!(process.answers());
    }

    #[test]
    fn a_pause_stops_its_tasks_and_no_clock() {
        let conductor = Conductor::new();
        let process = Process::new(&conductor, Timestamp::UNIX_EPOCH);
        process.boot();
        let mut task = process.task(async {});
        let (first, boot) = process.pause();
        assert!(first && !process.pause().0, "two pauses that overlap");
        at(&conductor, 61_000);
        assert!(!process.answers(), "a stopped process answers nobody");
        assert_eq!(process.now().mono, Instant::at(61_000));
        assert_eq!(process.now().wall.as_millisecond(), 61_000);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
        assert!(!process.unpause(boot), "the other pause goes on");
        assert!(process.unpause(boot));
        assert!(process.answers());
        assert!(Pin::new(&mut task).poll(&mut cx).is_ready());
    }

    #[test]
    fn a_pause_ends_with_the_process_that_it_stops() {
        let process = Process::new(&Conductor::new(), Timestamp::UNIX_EPOCH);
        process.boot();
        let (_, boot) = process.pause();
        process.kill();
        process.boot();
        assert!(process.answers());
        let (_, next) = process.pause();
        assert!(!process.unpause(boot), "what is over was of the dead one");
        assert!(!process.answers());
        assert!(process.unpause(next));
    }

    #[test]
    fn a_step_moves_the_wall_clock_alone_and_back_again() {
        let conductor = Conductor::new();
        let process = Process::new(&conductor, Timestamp::UNIX_EPOCH);
        at(&conductor, 1_000);
        process.step_clock(-3_600_000);
        assert_eq!(process.now().wall.as_millisecond(), 1_000 - 3_600_000);
        assert_eq!(process.now().mono, Instant::at(1_000));
        process.step_clock(3_600_000);
        assert_eq!(process.now().wall.as_millisecond(), 1_000);
    }

    #[test]
    fn overlapping_suspends_end_with_the_last_and_a_boot_waits_for_that() {
        let conductor = Conductor::new();
        let process = Process::new(&conductor, Timestamp::UNIX_EPOCH);
        process.boot();
        at(&conductor, 1_000);
        assert!(process.suspend());
        at(&conductor, 2_000);
        assert!(!process.suspend(), "it sleeps already");
        at(&conductor, 5_000);
        assert!(!process.resume(), "the other suspend goes on");
        assert!(!process.answers());
        process.kill();
        assert!(!process.may_boot(), "its machine sleeps");
        at(&conductor, 9_000);
        assert!(process.resume());
        assert!(process.boots_now());
        assert!(!process.boots_now(), "once");
        assert_eq!(process.now().mono, Instant::at(1_000));
    }

    #[test]
    fn a_killed_process_drops_what_its_tasks_held() {
        let process = Process::new(&Conductor::new(), Timestamp::UNIX_EPOCH);
        process.boot();
        let held = Arc::new(());
        let holds = Arc::clone(&held);
        let mut task = process.task(async move {
            let _holds = holds;
            std::future::pending::<()>().await;
        });
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
        assert_eq!(Arc::strong_count(&held), 2);
        process.kill();
        assert!(Pin::new(&mut task).poll(&mut cx).is_ready());
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[test]
    fn a_suspended_task_is_not_polled_and_hears_of_the_resume() {
        let process = Process::new(&Conductor::new(), Timestamp::UNIX_EPOCH);
        process.boot();
        let mut task = process.task(async {});
        assert!(process.suspend());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut task).poll(&mut cx).is_pending());
        assert!(process.resume());
        assert!(Pin::new(&mut task).poll(&mut cx).is_ready());
    }
}

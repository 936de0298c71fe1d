//! What a mutant does to the session: a machine around it, between its inputs and outputs and the driver's.

use std::collections::VecDeque;

use squall_protocol::{Instant, Now};
use squall_session::limiter::{Go, Permit};
use squall_session::machine::Dial;
use squall_session::{AttemptId, Input, LinkId, Machine, Output, Session, State, Timer};

/// What a mutant does to the inputs and outputs of the session inside. By default nothing.
pub(super) trait Twist: Send {
    /// The process has booted; it found this attempt cut short by the death of the one before.
    fn on_boot(&mut self, _cut_short: Option<AttemptId>, _stage: &mut Stage) {}

    /// An input comes.
    fn on_input(&mut self, now: Now, input: Input<Permit, Go>, stage: &mut Stage) {
        stage.feed(now, input);
    }

    /// The session inside puts something out.
    fn on_output(&mut self, _now: Now, output: Output<Permit>, out: &mut VecDeque<Output<Permit>>) {
        out.push_back(output);
    }

    /// When it wants to wake.
    fn timeout(&self) -> Option<Instant> {
        None
    }

    /// Its time has come.
    fn on_timeout(&mut self, _now: Now, _stage: &mut Stage) {}
}

/// The twist that changes nothing.
pub(super) struct Plain;

impl Twist for Plain {}

/// The session inside, and what it and the twist have put out.
pub(super) struct Stage {
    pub(super) inner: Session,
    pub(super) fresh: VecDeque<Output<Permit>>,
}

impl Stage {
    /// Gives the session inside an input.
    pub(super) fn feed(&mut self, now: Now, input: Input<Permit, Go>) {
        self.inner.handle_input(now, input);
        while let Some(output) = self.inner.poll_output() {
            self.fresh.push_back(output);
        }
    }

    /// Puts something out.
    pub(super) fn put(&mut self, output: Output<Permit>) {
        self.fresh.push_back(output);
    }
}

/// Links that a twist dials by itself, numbered far above those of the session inside, which so knows nothing of them.
pub(super) struct OwnLinks(LinkId);

impl OwnLinks {
    pub(super) const fn new() -> Self {
        Self(LinkId(1_000_000))
    }

    /// `dial` over the next of them.
    pub(super) fn over(&mut self, dial: Dial) -> Output<Permit> {
        self.0 = self.0.next();
        Output::Dial(Dial {
            link: self.0,
            ..dial
        })
    }
}

/// A session with a twist.
pub(in crate::subject) struct Twisted {
    stage: Stage,
    twist: Box<dyn Twist>,
    outputs: VecDeque<Output<Permit>>,
}

impl Twisted {
    /// Around a session that has just booted.
    pub(super) fn new(
        inner: Session,
        twist: Box<dyn Twist>,
        booted: Now,
        cut_short: Option<AttemptId>,
    ) -> Self {
        let stage = Stage {
            inner,
            fresh: VecDeque::new(),
        };
        let mut twisted = Self {
            stage,
            twist,
            outputs: VecDeque::new(),
        };
        twisted.twist.on_boot(cut_short, &mut twisted.stage);
        twisted.settle(booted);
        twisted
    }

    fn settle(&mut self, now: Now) {
        while let Some(output) = self.stage.fresh.pop_front() {
            self.twist.on_output(now, output, &mut self.outputs);
        }
    }
}

impl Machine for Twisted {
    type Start = Permit;
    type Go = Go;

    fn handle_input(&mut self, now: Now, input: Input<Permit, Go>) {
        if matches!(input, Input::Timeout) && self.twist.timeout().is_some_and(|at| at <= now.mono)
        {
            self.twist.on_timeout(now, &mut self.stage);
            self.settle(now);
        }
        self.twist.on_input(now, input, &mut self.stage);
        self.settle(now);
    }

    fn poll_output(&mut self) -> Option<Output<Permit>> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let own = self.twist.timeout().map(|at| (at, Timer::Dial));
        self.stage.inner.poll_timeout().into_iter().chain(own).min()
    }

    fn state(&self) -> State {
        self.stage.inner.state()
    }
}

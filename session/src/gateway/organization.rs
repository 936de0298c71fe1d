//! What the gateway knows of one organization.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use squall_protocol::{Instant, Now};
use tokio::sync::mpsc::UnboundedSender;

use crate::driver::Command;
use crate::id::AttemptId;
use crate::limiter::{Go, Permit};
use crate::machine::{Event, Input, Machine, Output, Timer};
use crate::session::Session;
use crate::state::State;
use crate::sync::{Mutex, MutexGuard};

/// One organization: its session, and what its driver said last.
pub(super) struct Organization {
    pub(super) session: Held,
    commands: UnboundedSender<Command<Permit>>,
    /// As it was said last; `waiting` from the admission on.
    pub(super) state: State,
    /// The code that is shown now.
    pub(super) qr: Option<String>,
    /// The attempt that the death of the process before had cut short, and when that was found.
    pub(super) died: Option<(AttemptId, Timestamp)>,
    /// How many starts were admitted since the process began.
    pub(super) attempts: u64,
    /// How often it was disconnected since then, by cause.
    pub(super) disconnects: BTreeMap<&'static str, u64>,
}

impl Organization {
    pub(super) fn new(session: Session, commands: UnboundedSender<Command<Permit>>) -> Self {
        Self {
            state: session.state(),
            session: Held(Arc::new(Mutex::new(session))),
            commands,
            qr: None,
            died: None,
            attempts: 0,
            disconnects: BTreeMap::new(),
        }
    }

    /// Hands an admitted start to the session.
    pub(super) fn start(&mut self, permit: Permit) {
        // The session says so itself when it hears of the start; another request may come before.
        self.state = State::Waiting;
        self.attempts += 1;
        // The driver ends only when this handle is dropped.
        let _ = self.commands.send(Command::Start(permit));
    }

    pub(super) fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }

    /// Whether it has come to rest, and its last server has closed. A start that its driver has not heard of yet is under
    /// way.
    pub(super) fn is_over(&self) -> bool {
        let session = self.session.lock();
        self.state.is_at_rest() && session.state().is_at_rest() && !session.is_draining()
    }

    pub(super) fn undecryptable(&self, messages: u64) {
        let _ = self.commands.send(Command::Undecryptable(messages));
    }

    pub(super) fn hear(&mut self, event: &Event) {
        match event {
            Event::State(state) => {
                self.state = *state;
                if *state != State::AwaitingQrScan {
                    self.qr = None;
                }
            }
            Event::Qr(text) => self.qr = Some(text.clone()),
            Event::Disconnected(ended) => {
                *self.disconnects.entry(ended.cause.name()).or_default() += 1;
            }
            _ => {}
        }
    }
}

/// A session that its driver moves and others look at. It is the session itself, in each of its decisions.
#[derive(Clone)]
pub(super) struct Held(Arc<Mutex<Session>>);

impl Held {
    pub(super) fn lock(&self) -> MutexGuard<'_, Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine for Held {
    type Start = Permit;
    type Go = Go;

    fn handle_input(&mut self, now: Now, input: Input<Permit, Go>) {
        self.lock().handle_input(now, input);
    }

    fn poll_output(&mut self) -> Option<Output<Permit>> {
        self.lock().poll_output()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.lock().poll_timeout()
    }

    fn state(&self) -> State {
        self.lock().state()
    }
}

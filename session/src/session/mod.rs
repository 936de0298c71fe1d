//! The session: one organization's connection, from an admitted start to its one end.
//!
//! It keeps the connection alive, says what ended it, and then stays where it is. Nothing in here leads from a close to a
//! dial but the [`ArmedHandoff`] that the pairing protocol itself demands: `dial` is the only function that emits
//! [`Output::Dial`], and it consumes either that or a [`Go`] of the limiter.

mod end;
mod keep_alive;
mod live;
mod pairing;
mod pings;
mod ready;
mod stanza;
mod status;
mod timers;

use std::collections::VecDeque;

use rand::rngs::ChaCha8Rng;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Now};

use crate::cause::{Cause, Revoked, Stage};
use crate::id::{AttemptId, LinkId, OrgId};
use crate::limiter::{ArmedHandoff, Go, Permit};
use crate::machine::{
    Alert, Dial, Disconnected, Event, Input, LinkInput, Machine, Output, Revocation, Timer,
};
use crate::policy::Policy;
use crate::state::State;

use live::{Live, Restart};
pub use pings::{Answered, Delays, Pings};
use status::Seen;
pub use status::{Status, StoredEnd};

/// One organization's session.
#[derive(Debug)]
pub struct Session {
    org: OrgId,
    policy: Policy,
    device: Device,
    rng: ChaCha8Rng,
    state: State,
    phase: Phase,
    /// The number of the last link that was dialed.
    last_link: LinkId,
    /// An old link whose close frame the server has not answered yet.
    draining: Option<Draining>,
    /// When the block ends that the session stands in, as far as it has heard.
    blocked_until: Option<Instant>,
    seen: Seen,
    outputs: VecDeque<Output<Permit>>,
}

/// How far an attempt has come.
#[derive(Debug)]
enum Phase {
    /// No attempt.
    AtRest,
    /// Admitted: the mandatory wait.
    Waiting(Permit),
    /// The wait is over, and the limiter was asked once more.
    Confirming(AttemptId),
    /// A link was dialed.
    Live(Box<Live>),
}

/// A link that has had its end and waits for the server's close.
#[derive(Debug)]
struct Draining {
    link: LinkId,
    until: Instant,
}

/// What gives the right to dial. Neither can be made or cloned outside the limiter, and a dial consumes it.
enum Right {
    Confirmed(Go, AttemptId),
    Handoff(ArmedHandoff),
}

impl Session {
    /// The session of an organization, at rest: where the store says it ended, or idle. `rng` gives keys for a device
    /// after the old one was cleared, and what a signature needs.
    pub fn new(
        org: OrgId,
        policy: Policy,
        device: Device,
        end: Option<StoredEnd>,
        rng: ChaCha8Rng,
    ) -> Self {
        let end = end.unwrap_or_default().at_rest();
        Self {
            org,
            policy,
            device,
            rng,
            state: end.state,
            phase: Phase::AtRest,
            last_link: LinkId::NONE,
            draining: None,
            blocked_until: end.blocked_until,
            seen: Seen::default(),
            outputs: VecDeque::new(),
        }
    }

    /// The organization.
    pub fn org(&self) -> &OrgId {
        &self.org
    }

    /// The device that the next dial logs in as, or registers.
    pub fn device(&self) -> &Device {
        &self.device
    }

    // Inputs, in the order of a life.

    fn on_start(&mut self, permit: Permit) {
        if *permit.org() != self.org || !matches!(self.phase, Phase::AtRest) {
            // Another organization's start gives no right to dial for this one. And the limiter admits one attempt at a
            // time: a second one costs nothing, since it never dials.
            self.outputs.push_back(Output::Withdraw(permit.attempt()));
            return;
        }
        self.blocked_until = None;
        self.phase = Phase::Waiting(permit);
        self.set_state(State::Waiting);
    }

    fn on_go(&mut self, now: Now, go: Go) {
        // A go that comes after the operator's cancel finds nobody waiting, or another attempt, and is lost unspent.
        if let Phase::Confirming(attempt) = self.phase
            && go.attempt() == attempt
        {
            self.dial(now, Right::Confirmed(go, attempt));
        }
    }

    fn on_revoked(&mut self, now: Now, attempt: AttemptId, why: Revocation) {
        // One that comes after the operator's cancel concerns nobody, least of all the attempt after it.
        if !matches!(self.phase, Phase::Confirming(asked) if asked == attempt) {
            return;
        }
        self.phase = Phase::AtRest;
        let revoked = match why {
            Revocation::Blocked { until } => {
                self.blocked_until = Some(until);
                Revoked::Blocked
            }
            Revocation::Late => Revoked::Late,
            Revocation::Unasked => Revoked::Unasked,
        };
        self.say_undialed(now, attempt, Cause::PermitRevoked(revoked), why.to_string());
    }

    fn on_stop(&mut self, now: Now) {
        match std::mem::replace(&mut self.phase, Phase::AtRest) {
            Phase::AtRest => {}
            Phase::Waiting(permit) => self.cancel(now, permit.attempt()),
            Phase::Confirming(attempt) => self.cancel(now, attempt),
            Phase::Live(live) => {
                self.phase = Phase::Live(live);
                self.end(now, end::Ending::stopped());
            }
        }
    }

    fn on_undecryptable(&mut self, now: Now, messages: u64) {
        if let Some(so_far) = self.seen.undecryptable(now.mono, messages) {
            self.tell(Event::Alert(Alert::Undecryptable(so_far)));
        }
    }

    fn on_link(&mut self, now: Now, link: LinkId, input: LinkInput) {
        if let Phase::Live(live) = &self.phase
            && live.link == link
        {
            self.on_live_link(now, input);
        } else if matches!(input, LinkInput::Closed(_) | LinkInput::Refused(_)) {
            // An old link: whatever else it still says must not touch the new one.
            self.draining.take_if(|draining| draining.link == link);
            self.outputs.push_back(Output::Drop(link));
        }
    }

    // What the inputs share.

    /// The only way to a dial.
    fn dial(&mut self, now: Now, right: Right) {
        let handoff = matches!(right, Right::Handoff(_));
        let (attempt, restart) = match right {
            Right::Confirmed(go, attempt) => (attempt, Restart::Held(go.spend())),
            Right::Handoff(armed) => (armed.spend(), Restart::None),
        };
        self.last_link = self.last_link.next();
        let live = Live::new(
            now.mono + self.policy.connect_timeout,
            self.last_link,
            attempt,
            restart,
            self.device.jid.is_none(),
        );
        self.phase = Phase::Live(Box::new(live));
        self.set_state(State::Connecting);
        self.outputs.push_back(Output::Dial(Dial {
            link: self.last_link,
            attempt,
            handoff,
            device: self.device.clone(),
        }));
    }

    /// The operator cancels before the dial: the slot is given back.
    fn cancel(&mut self, now: Now, attempt: AttemptId) {
        self.outputs.push_back(Output::Withdraw(attempt));
        self.say_undialed(now, attempt, Cause::Stopped, String::new());
    }

    /// An attempt ends that never dialed.
    fn say_undialed(&mut self, now: Now, attempt: AttemptId, cause: Cause, detail: String) {
        let then = cause.consequence(&self.policy.limiter, None);
        let state = cause.end_state(then);
        self.seen.disconnected(now, &cause);
        self.tell(Event::Disconnected(Disconnected {
            attempt,
            link: None,
            cause,
            handoff: false,
            then,
            raw: None,
            detail,
        }));
        self.set_state(state);
    }

    fn set_state(&mut self, state: State) {
        if self.state != state {
            self.state = state;
            self.tell(Event::State(state));
        }
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn stage(&self) -> Option<Stage> {
        match &self.phase {
            Phase::Live(live) => Some(live.stage),
            _ => None,
        }
    }
}

impl Machine for Session {
    type Start = Permit;
    type Go = Go;

    fn handle_input(&mut self, now: Now, input: Input<Permit, Go>) {
        debug_assert!(
            self.outputs.is_empty(),
            "drain poll_output before the next input"
        );
        match input {
            Input::Start(permit) => self.on_start(permit),
            Input::Go(go) => self.on_go(now, go),
            Input::Revoked(attempt, why) => self.on_revoked(now, attempt, why),
            Input::Block(until) => self.on_block(now.mono, until),
            Input::Link(link, input) => self.on_link(now, link, input),
            Input::Timeout => self.on_timeout(now),
            Input::Undecryptable(messages) => self.on_undecryptable(now, messages),
            Input::Stop => self.on_stop(now),
        }
    }

    fn poll_output(&mut self) -> Option<Output<Permit>> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        self.next_timer()
    }

    fn state(&self) -> State {
        self.state
    }
}

#[cfg(test)]
pub(crate) mod permits;
#[cfg(test)]
mod tests;

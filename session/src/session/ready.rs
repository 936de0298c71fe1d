//! From `<success>` to `connected`: a login counts when the server has answered, not when it has greeted.
//!
//! A server may greet a session and then answer nothing (`whatsapp-rust` pull request 630), so `connected` waits for the
//! answers to a ping, to `passive` and to the pre-key count.

use squall_protocol::{Instant, Millis, Node, Now};

use super::{Phase, Session, stanza};
use crate::cause::Stage;
use crate::machine::{Alert, Event};
use crate::state::State;

/// The first answers of a login.
#[derive(Debug)]
pub(super) struct Ready {
    /// The number of the ping right after `<success>`.
    ping: u64,
    passive: Awaited,
    count: Awaited,
    /// When to say that they are overdue.
    pub(super) alert_at: Option<Instant>,
}

/// An IQ that waits for its answer.
#[derive(Debug)]
struct Awaited {
    number: u64,
    answered: bool,
}

impl Awaited {
    fn new(number: u64) -> Self {
        Self {
            number,
            answered: false,
        }
    }
}

impl Ready {
    /// The IQ of this number was answered, by a result or an error.
    pub(super) fn answered(&mut self, number: u64) {
        for awaited in [&mut self.passive, &mut self.count] {
            awaited.answered |= awaited.number == number;
        }
    }
}

impl Session {
    pub(super) fn on_success(&mut self, now: Now, node: &Node) {
        let Some(live) = self.live() else { return };
        if live.stage != Stage::Login || live.registers {
            return;
        }
        live.stage = Stage::Open;
        live.stage_until = None;
        self.learn_lid(node);
        let Some(ping) = self.send_iq_ping(now) else {
            return;
        };
        let Some(live) = self.live() else { return };
        let (passive, count) = (live.number(), live.number());
        live.ready = Some(Ready {
            ping,
            passive: Awaited::new(passive),
            count: Awaited::new(count),
            alert_at: Some(now.mono + ALERT_AFTER),
        });
        self.send(stanza::go_active(passive));
        self.send(stanza::count_pre_keys(count));
    }

    /// Says `connected` once the first answers are there.
    pub(super) fn connect_if_ready(&mut self, now: Now) {
        let Self { phase, policy, .. } = self;
        let Phase::Live(live) = phase else { return };
        let is_ready = live.ready.as_ref().is_some_and(|ready| {
            ready.passive.answered
                && ready.count.answered
                && live.keep_alive.is_iq_settled(ready.ping)
        });
        if !is_ready {
            return;
        }
        live.ready = None;
        live.keep_alive.begin_active(now.mono, policy);
        self.seen.last_connected = Some(now.wall);
        self.set_state(State::Connected);
        self.send(stanza::available());
    }

    pub(super) fn on_not_ready(&mut self, now: Now) {
        let alert = self
            .live()
            .and_then(|live| live.ready.as_mut())
            .and_then(|ready| ready.alert_at.take_if(|at| *at <= now.mono));
        if alert.is_some() {
            self.tell(Event::Alert(Alert::NotReady));
        }
    }

    /// `<success>` tells the hidden identity of the account.
    fn learn_lid(&mut self, node: &Node) {
        let lid = node.get("lid");
        if lid.is_some() && lid != self.device.lid.as_deref() {
            self.device.lid = lid.map(str::to_owned);
            self.tell(Event::Device(self.device.clone()));
        }
    }
}

/// How long the first answers may take before an operator should look.
const ALERT_AFTER: Millis = Millis::from_secs(60);

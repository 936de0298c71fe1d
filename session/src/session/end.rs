//! The end of a link: its cause and what follows are set in the millisecond of the first terminal delivery.

use jiff::Timestamp;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Millis, Node, Now};

use super::live::Restart;
use super::{Draining, Phase, Right, Session};
use crate::cause::{self, Cause, Lost, Stage};
use crate::machine::{Alert, Closed, Disconnected, Event, Output, Refusal};
use crate::policy::PairingRestart;
use crate::state::State;

/// What ends a link.
#[derive(Debug)]
pub(super) struct Ending {
    cause: Cause,
    /// For how long the server asks to be left alone.
    asked: Option<Millis>,
    raw: Option<Node>,
    detail: String,
    farewell: Farewell,
}

/// How the link is let go of.
#[derive(Clone, Copy, Debug)]
enum Farewell {
    /// A close frame with this code, then the server's close is awaited.
    Close(u16),
    /// At once: the other end is gone, or says nothing.
    Drop,
}

impl Ending {
    fn new(cause: Cause, farewell: Farewell) -> Self {
        Self {
            cause,
            asked: None,
            raw: None,
            detail: String::new(),
            farewell,
        }
    }

    pub(super) fn stopped() -> Self {
        Self::new(Cause::Stopped, Farewell::Close(NORMAL))
    }

    pub(super) fn qr_expired() -> Self {
        Self::new(Cause::QrExpired, Farewell::Close(NORMAL))
    }

    pub(super) fn timed_out(stage: Stage) -> Self {
        Self::new(Cause::ConnectTimedOut { stage }, Farewell::Drop)
    }

    pub(super) fn lost(how: Lost) -> Self {
        Self::new(Cause::ConnectionLost(how), Farewell::Drop)
    }

    pub(super) fn handshake_failed(why: String) -> Self {
        Self {
            detail: why,
            ..Self::new(Cause::HandshakeFailed, Farewell::Close(PROTOCOL_ERROR))
        }
    }

    /// A stanza that authenticates and decodes, and is not what the protocol allows.
    pub(super) fn protocol_error(why: String, raw: Node) -> Self {
        Self {
            detail: why,
            raw: Some(raw),
            ..Self::new(Cause::ProtocolError, Farewell::Close(PROTOCOL_ERROR))
        }
    }

    pub(super) fn by_stanza(cause: Cause, raw: Node) -> Self {
        let mut ending = Self::new(cause, Farewell::Close(NORMAL));
        if ending.cause == Cause::TemporaryBan
            && let Some(expire) = raw.get("expire")
        {
            ending.asked = Some(cause::asked_seconds(expire));
            ending.detail = format!("expire {expire:?}");
        }
        ending.raw = Some(raw);
        ending
    }

    pub(super) fn refused(refusal: &Refusal, wall: Timestamp) -> Self {
        let mut ending = Self::new(cause::refusal(refusal), Farewell::Drop);
        ending.detail = match refusal {
            Refusal::Connect(why) | Refusal::Upgrade(why) => why.clone(),
            Refusal::Http {
                status,
                retry_after: None,
            } => format!("status {status}"),
            Refusal::Http {
                status,
                retry_after: Some(raw),
            } => {
                ending.asked = Some(cause::retry_after(raw, wall));
                format!("status {status}, retry-after {raw:?}")
            }
        };
        ending
    }

    pub(super) fn closed(how: &Closed, stage: Stage) -> Self {
        let (detail, farewell) = match how {
            Closed::Frame { code, reason } => (close_frame(*code, reason), Farewell::Drop),
            Closed::Eof => ("end of stream".to_owned(), Farewell::Drop),
            Closed::Reset => ("reset".to_owned(), Farewell::Drop),
            Closed::InvalidFrame(why) | Closed::BadNode(why) => {
                (why.clone(), Farewell::Close(PROTOCOL_ERROR))
            }
            Closed::BadMac => (String::new(), Farewell::Close(PROTOCOL_ERROR)),
        };
        Self {
            detail,
            ..Self::new(cause::closed(how, stage), farewell)
        }
    }
}

impl Session {
    /// The current link ends; the session stays where that leads, unless a pairing goes on by its handoff.
    pub(super) fn end(&mut self, now: Now, ending: Ending) {
        let live = match std::mem::replace(&mut self.phase, Phase::AtRest) {
            Phase::Live(live) => *live,
            other => {
                self.phase = other;
                return;
            }
        };
        let restart = match live.restart {
            Restart::Armed(armed)
                if ending.cause == Cause::RestartRequired
                    && self.policy.pairing_restart == PairingRestart::Handoff =>
            {
                Some(armed)
            }
            _ => None,
        };
        let then = ending.cause.consequence(&self.policy.limiter, ending.asked);
        let rests_at = ending.cause.end_state(then);
        self.blocked_until = then.block.map(|length| now.mono + length);
        self.seen.disconnected(now, &ending.cause);
        let alert = match ending.cause {
            Cause::RateLimited => Some(Alert::RateLimited),
            Cause::BadMac => Some(Alert::BadMac),
            _ => None,
        };
        self.tell(Event::Disconnected(Disconnected {
            attempt: live.attempt,
            link: Some(live.link),
            cause: ending.cause,
            handoff: restart.is_some(),
            then,
            raw: ending.raw,
            detail: ending.detail,
        }));
        if then.block.is_some() {
            // A longer one may stand, of everybody's or from before.
            self.outputs.push_back(Output::AskBlock);
        }
        if let Some(alert) = alert {
            self.tell(Event::Alert(alert));
        }
        if (then.failure || then.block.is_some()) && self.seen.loss(now.mono) {
            self.tell(Event::Alert(Alert::TwoDisconnectsInADay));
        }
        if then.clear {
            self.device = Device::generate(&mut self.rng);
            self.tell(Event::Device(self.device.clone()));
        }
        // A handoff goes on to `connecting` without a stop between.
        if restart.is_none() {
            self.set_state(rests_at);
        }
        match ending.farewell {
            // Before the upgrade there is no WebSocket to close.
            Farewell::Close(code) if live.stage != Stage::Connect => {
                self.drain(now.mono, live.link, code);
            }
            _ => self.outputs.push_back(Output::Drop(live.link)),
        }
        if let Some(armed) = restart {
            self.dial(now, Right::Handoff(armed));
        }
    }

    fn drain(&mut self, now: Instant, link: crate::id::LinkId, code: u16) {
        self.outputs.push_back(Output::Close(link, code));
        let until = now + DRAIN;
        if let Some(older) = self.draining.replace(Draining { link, until }) {
            self.outputs.push_back(Output::Drop(older.link));
        }
    }

    pub(super) fn on_drained(&mut self, now: Instant) {
        if let Some(old) = self.draining.take_if(|draining| draining.until <= now) {
            self.outputs.push_back(Output::Drop(old.link));
        }
    }

    /// The block that it stands in was to end now. It may have been lengthened meanwhile, where one keeps everybody out.
    pub(super) fn on_unblocked(&mut self, now: Instant) {
        if self.blocked_until.take_if(|until| *until <= now).is_some() {
            self.outputs.push_back(Output::AskBlock);
        }
    }

    /// The limiter's word on the block: it ends no sooner than that, nor than what ended the session said.
    pub(super) fn on_block(&mut self, now: Instant, until: Option<Instant>) {
        if self.state != State::Blocked {
            return;
        }
        self.blocked_until = until.max(self.blocked_until).filter(|until| *until > now);
        if self.blocked_until.is_none() {
            self.set_state(State::DisconnectedManualReconnectRequired);
        }
    }
}

/// What people read of a close frame.
fn close_frame(code: Option<u16>, reason: &str) -> String {
    match (code, reason) {
        (None, _) => "close frame without code".to_owned(),
        (Some(code), "") => format!("close frame {code}"),
        (Some(code), reason) => format!("close frame {code} {reason:?}"),
    }
}

/// RFC 6455, 7.4.1: the purpose of the connection is fulfilled.
const NORMAL: u16 = 1000;

/// RFC 6455, 7.4.1: the other end broke the protocol.
const PROTOCOL_ERROR: u16 = 1002;

/// How long the server has to answer a close frame before the link is dropped.
const DRAIN: Millis = Millis::from_secs(5);

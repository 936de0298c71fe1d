//! A dialed link, from its dial to its end, in the order of its life.

use squall_protocol::{Instant, Node, Now};

use super::end::Ending;
use super::keep_alive::KeepAlive;
use super::pairing::Codes;
use super::ready::Ready;
use super::{Phase, Session, stanza};
use crate::cause::{self, Stage};
use crate::id::{AttemptId, LinkId};
use crate::limiter::{ArmedHandoff, Handoff};
use crate::machine::{Closed, Event, LinkInput, Output, Refusal};
use crate::state::State;

/// What is known of the current link.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) link: LinkId,
    pub(super) attempt: AttemptId,
    pub(super) stage: Stage,
    /// When the stage has taken too long.
    pub(super) stage_until: Option<Instant>,
    pub(super) restart: Restart,
    /// Whether it registers a new device; else it logs in.
    pub(super) registers: bool,
    /// Whether a pair-success came on it.
    pub(super) paired_here: bool,
    pub(super) codes: Option<Codes>,
    pub(super) ready: Option<Ready>,
    pub(super) keep_alive: KeepAlive,
    /// The number of the last IQ or WebSocket Ping.
    numbers: u64,
}

/// The right to the one re-dial that a pairing demands.
#[derive(Debug)]
pub(super) enum Restart {
    /// There is none: this link is the re-dial, or the right was spent.
    None,
    /// Left by the dial, and good for nothing yet.
    Held(Handoff),
    /// Armed by pair-success.
    Armed(ArmedHandoff),
}

impl Live {
    pub(super) fn new(
        stage_until: Instant,
        link: LinkId,
        attempt: AttemptId,
        restart: Restart,
        registers: bool,
    ) -> Self {
        Self {
            link,
            attempt,
            stage: Stage::Connect,
            stage_until: Some(stage_until),
            restart,
            registers,
            paired_here: false,
            codes: None,
            ready: None,
            keep_alive: KeepAlive::new(),
            numbers: 0,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }
}

impl Session {
    pub(super) fn live(&mut self) -> Option<&mut Live> {
        match &mut self.phase {
            Phase::Live(live) => Some(live),
            _ => None,
        }
    }

    /// Something happened on the current link.
    pub(super) fn on_live_link(&mut self, now: Now, input: LinkInput) {
        match input {
            LinkInput::Connected => {}
            LinkInput::Refused(refusal) => self.on_refused(now, &refusal),
            LinkInput::Upgraded => self.on_upgraded(now),
            LinkInput::Secured => self.on_secured(now),
            LinkInput::HandshakeFailed(why) => self.end(now, Ending::handshake_failed(why)),
            LinkInput::Stanza(node) => {
                self.heard(now);
                self.on_stanza(now, node);
            }
            LinkInput::Ping => self.heard(now),
            LinkInput::Pong(payload) => {
                self.heard(now);
                self.on_pong(now, &payload);
            }
            LinkInput::Closed(how) => self.on_closed(now, &how),
        }
    }

    fn on_refused(&mut self, now: Now, refusal: &Refusal) {
        self.end(now, Ending::refused(refusal, now.wall));
    }

    fn on_upgraded(&mut self, now: Now) {
        let until = now.mono + self.policy.handshake_timeout;
        if let Some(live) = self.live()
            && live.stage == Stage::Connect
        {
            live.stage = Stage::Handshake;
            live.stage_until = Some(until);
        }
    }

    fn on_secured(&mut self, now: Now) {
        let Self { phase, policy, .. } = self;
        if let Phase::Live(live) = phase
            && live.stage == Stage::Handshake
        {
            live.stage = Stage::Login;
            live.stage_until = Some(now.mono + policy.login_timeout);
            live.keep_alive.begin(now.mono, policy);
            self.seen.last_activity = Some(now.wall);
        }
    }

    fn on_stanza(&mut self, now: Now, node: Node) {
        match node.tag.as_str() {
            "iq" => self.on_iq(now, &node),
            "success" => self.on_success(now, &node),
            "failure" | "stream:error" | "xmlstreamend" => self.on_terminal(now, node),
            // Messages, receipts, notifications, `<ib>`: the application's. They count as heard, and no more.
            _ => {}
        }
    }

    fn on_iq(&mut self, now: Now, node: &Node) {
        match node.get("type") {
            Some("result" | "error") => self.on_answer(now, node),
            Some("get") if node.get("xmlns") == Some("urn:xmpp:ping") => {
                self.send(stanza::result_of(node));
            }
            Some("set") if node.get("xmlns") == Some("md") => self.on_pairing_iq(now, node),
            _ => {}
        }
    }

    fn on_answer(&mut self, now: Now, node: &Node) {
        let Some(number) = node.get("id").and_then(stanza::number_of) else {
            return;
        };
        let Some(live) = self.live() else { return };
        let ping_sent = live.keep_alive.iq_answered(number);
        if let Some(ready) = &mut live.ready {
            ready.answered(number);
        }
        if let Some(sent) = ping_sent {
            self.seen.pings.iq.delays.count(now.mono - sent);
        }
        self.on_settled(now);
    }

    fn on_pong(&mut self, now: Now, payload: &[u8]) {
        let Ok(number) = payload.try_into().map(u64::from_be_bytes) else {
            return;
        };
        let Some(live) = self.live() else { return };
        if let Some(sent) = live.keep_alive.web_socket_answered(number) {
            self.seen.pings.web_socket.delays.count(now.mono - sent);
            self.tell(Event::KeepAliveOk(now.mono - sent));
            self.on_settled(now);
        }
    }

    /// A ping or another IQ of ours was answered.
    fn on_settled(&mut self, now: Now) {
        match self.state {
            State::Connecting => self.connect_if_ready(now),
            State::Degraded => self.recover_if_settled(now),
            _ => {}
        }
    }

    fn recover_if_settled(&mut self, now: Now) {
        let Self { phase, policy, .. } = self;
        let Phase::Live(live) = phase else { return };
        if live
            .keep_alive
            .late_at(policy)
            .is_none_or(|late| late > now.mono)
        {
            self.tell(Event::KeepAliveRecovered);
            self.set_state(State::Connected);
        }
    }

    fn on_terminal(&mut self, now: Now, node: Node) {
        let Some(live) = self.live() else { return };
        let (stage, paired_here) = (live.stage, live.paired_here);
        let cause = match node.tag.as_str() {
            "failure" => cause::failure(&node, paired_here),
            "stream:error" => cause::stream_error(&node, paired_here),
            _ => cause::Cause::ConnectionClosed { stage },
        };
        self.end(now, Ending::by_stanza(cause, node));
    }

    fn on_closed(&mut self, now: Now, how: &Closed) {
        if let Some(stage) = self.stage() {
            self.end(now, Ending::closed(how, stage));
        }
    }

    fn heard(&mut self, now: Now) {
        self.seen.last_activity = Some(now.wall);
        if let Some(live) = self.live() {
            live.keep_alive.heard();
        }
    }

    /// Sends a stanza on the current link.
    pub(super) fn send(&mut self, node: Node) {
        if let Phase::Live(live) = &self.phase {
            self.outputs.push_back(Output::Send(live.link, node));
        }
    }

    /// Sends an IQ ping on the current link, and gives its number.
    pub(super) fn send_iq_ping(&mut self, now: Now) -> Option<u64> {
        let live = self.live()?;
        let number = live.number();
        live.keep_alive.iq_sent(number, now.mono);
        self.seen.pings.iq.sent += 1;
        self.send(stanza::ping(number));
        Some(number)
    }

    /// Sends a WebSocket Ping on the current link.
    pub(super) fn send_web_socket_ping(&mut self, now: Now) {
        let Some(live) = self.live() else { return };
        let number = live.number();
        live.keep_alive.web_socket_sent(number, now.mono);
        let ping = Output::Ping(live.link, number.to_be_bytes().to_vec());
        self.seen.pings.web_socket.sent += 1;
        self.outputs.push_back(ping);
    }
}

//! What the server says and does, past the faults.

use std::sync::Arc;

use compact_str::CompactString;
use squall_protocol::{Instant, Millis, Node, Now};

use super::{Output, PingKind, SERVER_JID, Server, ServerEvent, Stage, Timer};
use crate::fault::{Act, CloseCode, CloseReason, Fault, FaultCx, IqKind, Outgoing, Verdict};
use crate::id::ConnectionId;

impl Server {
    /// The server has said its first word on this connection: `<success>` or `<pair-device>`.
    pub(super) fn open(&mut self, now: Now, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id)
            && connection.stage < Stage::Open
        {
            connection.stage = Stage::Open;
            for kind in [PingKind::Iq, PingKind::WebSocket] {
                self.arm_ping(now, id, kind);
            }
            self.fault_acts(now, id);
        }
    }

    /// Sends a ping of the server's own and sets the time of the next one.
    pub(super) fn ping(&mut self, now: Now, id: ConnectionId, kind: PingKind) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        if connection.stage != Stage::Open {
            return;
        }
        let name = connection.request_id();
        match kind {
            PingKind::WebSocket => self.outputs.push_back(Output::Ping(id, name)),
            PingKind::Iq => {
                let ping = Node::new("iq")
                    .attr("from", SERVER_JID)
                    .attr("type", "get")
                    .attr("xmlns", "urn:xmpp:ping")
                    .attr("id", name);
                self.send(now, id, ping);
            }
        }
        self.arm_ping(now, id, kind);
    }

    fn arm_ping(&mut self, now: Now, id: ConnectionId, kind: PingKind) {
        let every = match kind {
            PingKind::Iq => self.settings.pings.iq,
            PingKind::WebSocket => self.settings.pings.websocket,
        };
        if let Some(every) = every {
            // Nothing is so urgent that it fills a millisecond.
            self.arm(now.mono + every.max(Millis::new(1)), Timer::Ping(id, kind));
        }
    }

    pub(super) fn send(&mut self, now: Now, id: ConnectionId, node: Node) {
        self.send_checked(now, id, node, None);
    }

    pub(super) fn send_checked(
        &mut self,
        now: Now,
        id: ConnectionId,
        node: Node,
        answers: Option<IqKind>,
    ) {
        self.send_past_faults(now, id, Arc::new(node), answers);
    }

    /// Sends what is kept elsewhere too.
    pub(super) fn send_shared(&mut self, now: Now, id: ConnectionId, node: Arc<Node>) {
        self.send_past_faults(now, id, node, None);
    }

    fn send_past_faults(
        &mut self,
        now: Now,
        id: ConnectionId,
        node: Arc<Node>,
        answers: Option<IqKind>,
    ) {
        let verdict = match self.faults.is_empty() {
            true => Verdict::Pass,
            false => self.ask(now, id, |fault, cx| {
                let stanza = Outgoing {
                    node: &node,
                    answers,
                };
                fault.on_stanza(stanza, cx)
            }),
        };
        match verdict {
            Verdict::Pass => self.emit(id, node),
            Verdict::After(late) => self.arm(now.mono + late, Timer::Send(id, node)),
            Verdict::Withhold => {}
            Verdict::Instead(other) => self.emit(id, Arc::new(other)),
        }
    }

    /// Sends, while there is a transport to send on and the server has not ended the connection.
    pub(super) fn emit(&mut self, id: ConnectionId, node: Arc<Node>) {
        if let Some(Stage::Secured | Stage::Open) = self.connections.stage(id) {
            self.outputs.push_back(Output::Send(id, node));
        }
    }

    /// The connection turns out to be this account's.
    pub(super) fn belongs_to(&mut self, id: ConnectionId, account: &CompactString) {
        if self.connections.belongs_to(id, account.clone()) {
            // Only now can a fault know its target's next dial.
            self.faults.dialed(id, &self.connections);
        }
    }

    /// Says a last word, and closes when that has had its time.
    pub(super) fn end(&mut self, now: Now, id: ConnectionId, last: impl Into<Arc<Node>>) {
        self.emit(id, last.into());
        if self.mark_ended(id) {
            match self.settings.close_delay {
                Millis::ZERO => self.close_after_the_last_word(id),
                later => self.arm(now.mono + later, Timer::Close(id)),
            }
            let patience = self.settings.close_delay + CLOSE_PATIENCE;
            self.arm(now.mono + patience, Timer::LetGo(id));
        }
    }

    pub(super) fn close_after_the_last_word(&mut self, id: ConnectionId) {
        let normal = Some(CloseCode::NORMAL);
        self.outputs
            .push_back(Output::Close(id, normal, CloseReason::default()));
    }

    pub(super) fn close(
        &mut self,
        now: Now,
        id: ConnectionId,
        code: Option<CloseCode>,
        reason: CloseReason,
    ) {
        if self.mark_ended(id) {
            self.outputs.push_back(Output::Close(id, code, reason));
            self.arm(now.mono + CLOSE_PATIENCE, Timer::LetGo(id));
        }
    }

    /// Whether the server had not ended it before.
    pub(super) fn mark_ended(&mut self, id: ConnectionId) -> bool {
        self.connections.get_mut(id).is_some_and(|connection| {
            let ended = connection.stage == Stage::Ended;
            connection.stage = Stage::Ended;
            !ended
        })
    }

    pub(super) fn forget(&mut self, now: Now, id: ConnectionId) {
        self.forget_qr(id);
        self.leave(now, id);
        self.faults.closed(id, &self.connections, &mut self.outputs);
        self.connections.close(id);
        self.timers.retain(|_, timer| match timer {
            Timer::Login(other)
            | Timer::Ping(other, _)
            | Timer::Refs(other, _)
            | Timer::Send(other, _)
            | Timer::Close(other)
            | Timer::LetGo(other) => *other != id,
            Timer::Scan(_) | Timer::LateScan(_) | Timer::FaultEnds(_) | Timer::Fault => true,
        });
    }

    pub(super) fn perform(&mut self, now: Now, id: ConnectionId, act: Act) {
        match act {
            Act::Send(node) => self.emit(id, node),
            Act::Corrupt(node) => {
                if self.connections.stage(id) == Some(Stage::Open) {
                    self.outputs.push_back(Output::Corrupt(id, node));
                }
            }
            Act::Ping(payload) => {
                if self.speaks_web_socket(id) {
                    self.outputs.push_back(Output::Ping(id, payload));
                }
            }
            Act::Pong(payload) => {
                if self.speaks_web_socket(id) {
                    self.outputs.push_back(Output::Pong(id, payload));
                }
            }
            Act::End(node) => self.end(now, id, node),
            Act::Close(code, reason) => self.close(now, id, code, reason),
            Act::Eof => {
                self.mark_ended(id);
                self.outputs.push_back(Output::Eof(id));
            }
            Act::Reset => {
                self.mark_ended(id);
                self.outputs.push_back(Output::Reset(id));
            }
            Act::Flow => self.outputs.push_back(Output::Resume(id)),
            Act::Malformed(kind) => {
                if self.speaks_web_socket(id) {
                    self.outputs.push_back(Output::Malformed(id, kind));
                }
            }
            Act::Revoke => self.revoke(now, id),
        }
    }

    /// Whether a frame can be sent: the WebSocket is open, and the server has not ended the connection.
    fn speaks_web_socket(&self, id: ConnectionId) -> bool {
        self.connections
            .stage(id)
            .is_some_and(|stage| (Stage::Upgraded..Stage::Ended).contains(&stage))
    }

    /// Lets the faults act of their own accord on a connection that has come further, or that one was just put on.
    pub(super) fn fault_acts(&mut self, now: Now, id: ConnectionId) {
        if self.faults.is_empty() {
            return;
        }
        let acts = self
            .faults
            .acts(now, id, &self.connections, &mut self.outputs);
        for act in acts {
            self.perform(now, id, act);
        }
    }

    pub(super) fn ask<V: Default + PartialEq>(
        &mut self,
        now: Now,
        id: ConnectionId,
        hook: impl FnMut(&dyn Fault, &mut FaultCx<'_>) -> V,
    ) -> V {
        self.faults
            .ask(now, id, &self.connections, &mut self.outputs, hook)
    }

    pub(super) fn note_unknown(&mut self, id: ConnectionId, node: &Node) {
        let mut kind = node.tag.to_string();
        for name in ["xmlns", "type"] {
            if let Some(value) = node.get(name) {
                kind.push_str(&format!(" {name}={value}"));
            }
        }
        if let Some(child) = node.children().first() {
            kind.push_str(&format!(" <{}>", child.tag));
        }
        let count = self.unknown.entry(kind.clone()).or_default();
        *count += 1;
        if *count == 1 {
            self.tell(ServerEvent::UnknownStanza {
                connection: id,
                kind,
            });
        }
    }

    pub(super) fn tell(&mut self, event: ServerEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    pub(super) fn arm(&mut self, at: Instant, timer: Timer) {
        self.armed += 1;
        self.timers.insert((at, self.armed), timer);
    }
}

/// How long the server waits for the client's close frame (RFC 6455, 7.1.1 leaves the time to it).
const CLOSE_PATIENCE: Millis = Millis::from_secs(10);

//! One method for each input that no other file is about, in the order of a connection's life.

use squall_protocol::{Node, Now};

use super::{Closed, Output, Server, ServerEvent, Stage, Timer};
use crate::fault::{CloseCode, CloseReason, FaultId, FaultSpec, Target};
use crate::id::ConnectionId;

impl Server {
    pub(super) fn on_upgraded(&mut self, now: Now, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        connection.stage = connection.stage.max(Stage::Upgraded);
        self.tell(ServerEvent::Upgraded { connection: id });
        self.fault_acts(now, id);
    }

    pub(super) fn on_stanza(&mut self, now: Now, id: ConnectionId, node: &Node) {
        if self.connections.stage(id) != Some(Stage::Open) {
            return;
        }
        match (node.tag.as_str(), node.get("type")) {
            ("iq", Some("get" | "set")) => self.on_request(now, id, node),
            ("iq", Some("result" | "error")) => self.on_answer(now, id, node),
            ("message", _) => self.on_message(now, id, node),
            ("receipt", _) => self.on_receipt(now, id, node),
            ("ack", _) => self.on_ack(id, node),
            ("presence", _) => self.on_presence(now, id, node),
            ("chatstate", _) => self.on_chatstate(now, id, node),
            // What needs no answer: offline_batch and unified_session.
            ("ib", _) => {}
            _ => self.note_unknown(id, node),
        }
    }

    pub(super) fn on_closed(&mut self, now: Now, id: ConnectionId, how: Closed) {
        if self.connections.stage(id).is_some() {
            self.tell(ServerEvent::Closed {
                connection: id,
                how,
            });
            self.forget(now, id);
        }
    }

    pub(super) fn on_fault(
        &mut self,
        now: Now,
        id: FaultId,
        spec: FaultSpec,
        target: Target,
        once: bool,
    ) {
        self.faults.put(
            now.mono,
            id,
            (spec, target, once),
            &self.connections,
            &mut self.outputs,
        );
        let live: Vec<ConnectionId> = self.connections.ids().collect();
        for connection in live {
            self.fault_acts(now, connection);
        }
    }

    pub(super) fn on_go_away(&mut self, now: Now) {
        let live: Vec<ConnectionId> = self.connections.ids().collect();
        for id in live {
            self.close(now, id, Some(CloseCode::GOING_AWAY), CloseReason::default());
        }
    }

    pub(super) fn on_timeout(&mut self, now: Now) {
        while let Some(entry) = self.timers.first_entry()
            && entry.key().0 <= now.mono
        {
            match entry.remove() {
                Timer::Login(id) => self.on_login_delay_over(now, id),
                Timer::Ping(id, kind) => self.ping(now, id, kind),
                Timer::Scan(account) => self.on_scan_timer(now, account),
                Timer::LateScan(account) => self.on_late_scan(now, account),
                Timer::Refs(id, next) => self.on_refs_over(now, id, next),
                Timer::Send(id, node) => self.emit(id, node),
                Timer::Close(id) => self.close_after_the_last_word(id),
                Timer::LetGo(id) => self.outputs.push_back(Output::Eof(id)),
                Timer::FaultEnds(fault) => {
                    self.faults
                        .remove(fault, &self.connections, &mut self.outputs);
                }
                Timer::Fault => {}
            }
        }
        if self.faults.poll_timeout().is_some_and(|at| at <= now.mono) {
            let acts = self
                .faults
                .on_timeout(now, &self.connections, &mut self.outputs);
            for (id, act) in acts {
                self.perform(now, id, act);
            }
        }
    }
}

//! How a connection ends on the tape.

use std::sync::Arc;

use compact_str::CompactString;
use squall_protocol::Node;

use super::Tape;
use crate::oracle::ending::{clears, fails};
use crate::trace::{ConnectionId, Event, Message, Side};
use crate::words::{Cause, Stage, State};

impl Tape {
    pub(crate) fn close(&mut self) -> &mut Self {
        let reason = CompactString::default();
        self.carried(
            Side::Server,
            &Message::Close {
                code: Some(1011),
                reason,
            },
        )
    }

    pub(crate) fn stream_error(&mut self, code: &str) -> &mut Self {
        self.server_says(Node::new("stream:error").attr("code", code))
    }

    pub(crate) fn server_sends_stream_error(&mut self, code: &str) -> &mut Self {
        let node = Node::new("stream:error").attr("code", code);
        self.sent(Side::Server, Message::Stanza(Arc::new(node)))
    }

    /// The session says that its connection ended, with the consequences that the cause has.
    pub(crate) fn disconnected(&mut self, cause: Cause, stage: Option<Stage>) -> &mut Self {
        let conn = (self.conn != 0).then_some(ConnectionId(self.conn));
        let raw = self.last_stanza();
        let (org, attempt) = (self.org.clone(), self.attempt);
        self.event(Event::Disconnected {
            org,
            attempt,
            conn,
            cause,
            stage,
            failure: fails(cause),
            block: (cause == Cause::RateLimited).then_some(self.header.policy.block),
            clear: clears(cause),
            raw: raw.filter(|_| cause == Cause::StreamError),
            detail: String::new(),
        })
    }

    fn last_stanza(&self) -> Option<Arc<Node>> {
        let last = self.entries.last()?;
        match &last.event {
            Event::Delivered {
                message: Message::Stanza(node),
                ..
            } => Some(Arc::clone(node)),
            _ => None,
        }
    }

    /// It ended by a close frame, after login.
    pub(crate) fn ended(&mut self) -> &mut Self {
        self.disconnected(Cause::ConnectionClosed, Some(Stage::Open))
            .state(State::DisconnectedManualReconnectRequired)
    }

    pub(crate) fn state(&mut self, state: State) -> &mut Self {
        let org = self.org.clone();
        self.event(Event::State { org, state })
    }
}

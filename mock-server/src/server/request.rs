//! What clients ask: whose files know the reply, and who it is that asks.

use compact_str::CompactString;
use squall_protocol::{Node, Now};

use super::iq::{self, Reply};
use super::{Server, Stage};
use crate::id::ConnectionId;

/// A device that is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// Its account.
    pub(crate) name: CompactString,
    /// Its number there.
    pub(crate) device: u32,
}

impl Server {
    pub(super) fn on_request(&mut self, now: Now, id: ConnectionId, request: &Node) {
        let reply = match self.caller(id) {
            Some(caller) => self.reply_to(now, &caller, request),
            None => None,
        };
        let reply = reply.or_else(|| iq::reply(request)).unwrap_or_else(|| {
            self.note_unknown(id, request);
            iq::reply_to_unknown(self.settings.unknown_iq)
        });
        let kind = iq::kind(request);
        self.send_checked(now, id, reply.to(request), Some(kind));
    }

    /// The reply to what depends on who asks.
    fn reply_to(&mut self, now: Now, caller: &Caller, request: &Node) -> Option<Reply> {
        match request.get("xmlns")? {
            "encrypt" => self.reply_to_encrypt(now, caller, request),
            "w:sync:app:state" => self.reply_to_app_state(now, caller, request),
            "usync" => self.reply_to_usync(now, caller, request),
            _ => None,
        }
    }

    /// Who is logged in on this connection.
    pub(super) fn caller(&self, id: ConnectionId) -> Option<Caller> {
        let connection = self.connections.get(id)?;
        match (connection.stage, connection.device, &connection.account) {
            (Stage::Open, Some(device), Some(name)) => Some(Caller {
                name: name.clone(),
                device,
            }),
            _ => None,
        }
    }
}

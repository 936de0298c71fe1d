//! What clients ask: whose files know the reply, and who it is that asks.

use compact_str::CompactString;
use squall_protocol::jid::Jid;
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
        let caller = self.caller(id);
        let reply = match &caller {
            Some(caller) => self.reply_to(now, caller, request),
            None => None,
        };
        let reply = reply.or_else(|| iq::reply(request)).unwrap_or_else(|| {
            self.note_unknown(id, request);
            iq::reply_to_unknown(self.settings.unknown_iq)
        });
        let kind = iq::kind(request);
        self.send_checked(now, id, reply.to(request), Some(kind));
        if caller.is_some_and(|caller| self.leaves(&caller, request)) {
            self.revoke(now, id);
        }
    }

    /// Whether a device asks to be removed from its account, as a client does whose user logs out.
    fn leaves(&self, caller: &Caller, request: &Node) -> bool {
        let own = self.accounts.get(&caller.name).map(|account| {
            let device = caller.device;
            [account.jid(device), account.lid(device)]
        });
        let named = |leave: &Node| leave.get("jid")?.parse::<Jid>().ok();
        let leave = request.find(REMOVE_COMPANION).and_then(named);
        leave.is_some_and(|jid| own.is_some_and(|own| own.contains(&jid)))
    }

    /// The reply to what depends on who asks.
    fn reply_to(&mut self, now: Now, caller: &Caller, request: &Node) -> Option<Reply> {
        match request.get("xmlns")? {
            "encrypt" => self.reply_to_encrypt(now, caller, request),
            "w:sync:app:state" => self.reply_to_app_state(now, caller, request),
            "md" if request.find(REMOVE_COMPANION).is_some() => {
                Some(match self.leaves(caller, request) {
                    true => Reply::Result(None),
                    false => Reply::Error("403", "forbidden"),
                })
            }
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

/// By which a device asks to be removed.
const REMOVE_COMPANION: &str = "remove-companion-device";

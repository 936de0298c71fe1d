//! Pre-keys: handed in, counted, compared, changed, and handed out.

use squall_protocol::jid::Jid;
use squall_protocol::{Node, Now};

use super::account::Chance;
use super::iq::Reply;
use super::keys::{Keys, NotTaken};
use super::request::Caller;
use super::{SERVER_JID, Server};

impl Server {
    pub(super) fn reply_to_encrypt(
        &mut self,
        now: Now,
        caller: &Caller,
        request: &Node,
    ) -> Option<Reply> {
        if let Some(asked) = request.find("key") {
            return Some(Reply::Result(Some(self.hand_out(now, asked))));
        }
        let account = self.accounts.get_mut(&caller.name)?;
        let keys = &mut account.devices.get_mut(&caller.device)?.keys;
        if request.get("type") == Some("set") {
            let taken = match request.find("rotate") {
                Some(rotate) => keys.rotate(rotate),
                None => keys.upload(request),
            };
            return Some(match taken {
                Ok(()) => Reply::Result(None),
                Err(NotTaken::Malformed) => Reply::Error("400", "bad-request"),
                Err(NotTaken::TooMany) => Reply::Error("406", "not-acceptable"),
            });
        }
        if request.find("count").is_some() {
            let count = Node::new("count").attr("value", keys.left());
            return Some(Reply::Result(Some(count)));
        }
        request.find("digest")?;
        Some(match keys.digest() {
            Some(digest) => Reply::Result(Some(digest)),
            None => Reply::Error("404", "item-not-found"),
        })
    }

    /// The keys of each device that is asked for, under the name by which it is asked for: clients look them up by it.
    fn hand_out(&mut self, now: Now, asked: &Node) -> Node {
        let mut list = Node::new("list");
        for user in asked.children().iter().filter(|user| user.tag == "user") {
            let written = user.get("jid").unwrap_or_default();
            let answer = Node::new("user").attr("jid", written);
            let jid: Option<Jid> = written.parse().ok();
            let answer = match jid.and_then(|jid| Some((jid, self.keys_of(jid)?))) {
                Some((jid, keys)) => {
                    let before = keys.left();
                    let answer = keys.bundle(answer);
                    if before > FEW && keys.left() == FEW {
                        self.ask_for_more(now, jid);
                    }
                    answer
                }
                None => {
                    let error = Node::new("error")
                        .attr("code", "404")
                        .attr("text", "item-not-found");
                    answer.child(error)
                }
            };
            list = list.child(answer);
        }
        list
    }

    /// A device has few keys left that are used once.
    fn ask_for_more(&mut self, now: Now, jid: Jid) {
        let Some(name) = self.accounts.whose(jid).cloned() else {
            return;
        };
        let notification = Node::new("notification")
            .attr("from", SERVER_JID)
            .attr("type", "encrypt")
            .attr("id", self.stanza_id())
            .attr("t", now.wall.as_second())
            .child(Node::new("count").attr("value", FEW));
        let device = Caller {
            name,
            device: jid.device,
        };
        self.deliver(now, &device, notification);
    }

    /// The keys of a device: of a companion, or of the phone, which is one of its account's devices too.
    fn keys_of(&mut self, jid: Jid) -> Option<&mut Keys> {
        let name = self.accounts.whose(jid)?.clone();
        let phone = self.accounts.get(&name)?.phone;
        let mut rng = self.accounts.chance(phone, Chance::PhoneKeys);
        let account = self.accounts.get_mut(&name)?;
        if jid.device == 0 && !account.devices.contains_key(&0) {
            return Some(account.phone_keys(&mut rng));
        }
        Some(&mut account.devices.get_mut(&jid.device)?.keys)
    }
}

/// Of the 812 that clients hand in; they count again at a login and hand in more where 5 are left.
const FEW: usize = 10;

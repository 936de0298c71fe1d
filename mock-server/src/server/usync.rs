//! What clients ask about users before they write to them.

use squall_protocol::jid::{Jid, Namespace};
use squall_protocol::{Node, Now};

use super::Server;
use super::iq::Reply;
use super::request::Caller;

impl Server {
    pub(super) fn reply_to_usync(
        &mut self,
        now: Now,
        caller: &Caller,
        request: &Node,
    ) -> Option<Reply> {
        let asked = request.find("usync")?;
        let protocols: Vec<&str> = asked
            .find("query")
            .map(Node::children)
            .unwrap_or_default()
            .iter()
            .map(|protocol| protocol.tag.as_str())
            .collect();
        let users = asked.find("list").map(Node::children).unwrap_or_default();
        let users = users.iter().filter(|user| user.tag == "user");
        let list = users.fold(Node::new("list"), |list, user| {
            match self.answer_about(now, caller, user, &protocols) {
                Some(answer) => list.child(answer),
                None => list,
            }
        });
        let result = protocols
            .iter()
            .fold(Node::new("result"), |result, protocol| {
                result.child(Node::new(*protocol))
            });
        let mut answer = Node::new("usync");
        answer.attrs.clone_from(&asked.attrs);
        Some(Reply::Result(Some(answer.child(result).child(list))))
    }

    /// What there is to say of one user; nothing where it is named by neither a JID nor a number.
    fn answer_about(
        &mut self,
        now: Now,
        caller: &Caller,
        user: &Node,
        protocols: &[&str],
    ) -> Option<Node> {
        let (jid, number) = named(user)?;
        let name = self.accounts.whose(jid).cloned();
        let account = name.as_deref().and_then(|name| self.accounts.get(name));
        let mut answer = Node::new("user").attr("jid", jid);
        if let Some(account) = account {
            answer = answer.attr("pn_jid", account.jid(0));
        }
        for protocol in protocols {
            let child = match (*protocol, name.as_deref()) {
                ("contact", _) => {
                    let is_here = if name.is_some() { "in" } else { "out" };
                    Some(
                        Node::new("contact")
                            .attr("type", is_here)
                            .bytes(number.as_bytes()),
                    )
                }
                ("devices", Some(name)) => {
                    self.keeps_list(caller, name);
                    self.devices_node(now, name)
                }
                ("lid", Some(name)) => self.lid_node(jid, name),
                ("status", Some(_)) => Some(Node::new("status").attr("t", "0")),
                ("business", Some(_)) => Some(Node::new("business")),
                ("disappearing_mode", Some(_)) => Some(
                    Node::new("disappearing_mode")
                        .attr("duration", "0")
                        .attr("t", "0"),
                ),
                // Nobody has a picture here, and of what is not known nothing is said.
                _ => None,
            };
            if let Some(child) = child {
                answer = answer.child(child);
            }
        }
        Some(answer)
    }

    /// The hidden number, for whoever asks by the phone number alone: Baileys takes the user's JID for the phone number
    /// that belongs to it.
    fn lid_node(&self, asked_by: Jid, name: &str) -> Option<Node> {
        let account = self.accounts.get(name)?;
        (asked_by.namespace == Namespace::Phone)
            .then(|| Node::new("lid").attr("val", account.lid(0)))
    }

    /// The caller keeps this account's list of devices from now on, and is told of changes.
    fn keeps_list(&mut self, caller: &Caller, of: &str) {
        let phone = self.accounts.get(&caller.name).map(|account| account.phone);
        if let (Some(phone), Some(account)) = (phone, self.accounts.get_mut(of)) {
            account.listed_by.insert((phone, caller.device));
        }
    }
}

/// The user that is asked about, and the number as it was written.
fn named(user: &Node) -> Option<(Jid, String)> {
    if let Some(jid) = user.get("jid") {
        let jid: Jid = jid.parse().ok()?;
        return Some((Jid { device: 0, ..jid }, format!("+{}", jid.user)));
    }
    let number = std::str::from_utf8(user.find("contact")?.content_bytes()?).ok()?;
    let digits = number.strip_prefix('+').unwrap_or(number);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let phone = digits.parse().ok().filter(|_| plain)?;
    Some((Jid::phone(phone, 0), number.to_owned()))
}

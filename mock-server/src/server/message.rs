//! Messages from one user to another: acknowledged to the sender, handed to each device that they are sealed for. What
//! is inside is never looked into.

use squall_protocol::jid::{Jid, Namespace};
use squall_protocol::{Node, Now};

use super::Server;
use super::mailbox::MessageName;
use super::request::Caller;
use crate::fault::IqKind;
use crate::id::ConnectionId;

/// A message for one device.
struct Letter {
    to: Caller,
    node: Node,
}

/// Why a message goes to nobody: the `error` of its acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refused {
    /// It lacks an id, or anything sealed.
    Malformed = 400,
    /// Nobody has that number.
    NobodyThere = 404,
    /// It is for a group, a channel or a status, which are not spoken here.
    NotSpoken = 501,
    /// One of the devices has too much waiting already; it may be sent again later.
    NoRoom = 503,
}

impl Server {
    pub(super) fn on_message(&mut self, now: Now, id: ConnectionId, message: &Node) {
        let Some(caller) = self.caller(id) else {
            self.note_unknown(id, message);
            return;
        };
        let letters = self.letters(now, &caller, message);
        let mut ack = Node::new("ack").attr("class", "message");
        for (name, value) in [("id", message.get("id")), ("from", message.get("to"))] {
            if let Some(value) = value {
                ack = ack.attr(name, value);
            }
        }
        ack = ack.attr("t", now.wall.as_second());
        if let Err(refused) = letters {
            ack = ack.attr("error", refused as u16);
        }
        self.send_checked(now, id, ack, Some(IqKind::Message));
        match letters {
            Ok(letters) => {
                for letter in letters {
                    self.deliver(now, &letter.to, letter.node);
                }
            }
            Err(Refused::NotSpoken) => self.note_unknown(id, message),
            Err(_) => {}
        }
    }

    /// What the message's devices get, if each has room for it.
    fn letters(
        &mut self,
        now: Now,
        sender: &Caller,
        message: &Node,
    ) -> Result<Vec<Letter>, Refused> {
        let id = message.get("id").ok_or(Refused::Malformed)?;
        let to: Jid = message
            .get("to")
            .and_then(|to| to.parse().ok())
            .ok_or(Refused::NotSpoken)?;
        let peer = self
            .accounts
            .whose(to)
            .cloned()
            .ok_or(Refused::NobodyThere)?;
        let sealed = sealed_for(message, to)?;
        let again = sealed.iter().any(|(_, parts)| is_retry(parts));
        let mut letters = Vec::with_capacity(sealed.len());
        for (device, parts) in sealed {
            let Some(name) = self.accounts.whose(device).cloned() else {
                continue;
            };
            // A device of somebody who is not in this chat has nothing to look for in it.
            if name != peer && name != sender.name {
                continue;
            }
            let receiver = Caller {
                name,
                device: device.device,
            };
            if receiver == *sender || self.device_mut(&receiver).is_none() {
                continue;
            }
            let node = self.letter(now, sender, &receiver, (message, to), parts);
            letters.push(Letter { to: receiver, node });
        }
        let full = |letter: &Letter| {
            self.accounts
                .get(&letter.to.name)
                .and_then(|account| account.devices.get(&letter.to.device))
                .is_some_and(|device| !device.mail.has_room(&letter.node))
        };
        if letters.iter().any(full) {
            return Err(Refused::NoRoom);
        }
        let phone = self.accounts.get(&sender.name).map(|account| account.phone);
        letters.retain(|letter| {
            let name = MessageName {
                phone: phone.unwrap_or_default(),
                device: sender.device,
                id: id.into(),
            };
            self.device_mut(&letter.to)
                .is_some_and(|device| again || !device.mail.knows(name))
        });
        Ok(letters)
    }

    /// The message as one of its devices gets it. The sender is named in the numbers in which it names whom it writes to,
    /// not in those of the device: a receiver takes the one for the chat.
    fn letter(
        &self,
        now: Now,
        sender: &Caller,
        receiver: &Caller,
        (message, to): (&Node, Jid),
        parts: &[Node],
    ) -> Node {
        let mut letter = Node::new("message");
        let Some(account) = self.accounts.get(&sender.name) else {
            return letter;
        };
        let (from, other, other_name) = match to.namespace {
            Namespace::Phone => (account.jid(sender.device), account.lid(0), "sender_lid"),
            Namespace::Lid => (account.lid(sender.device), account.jid(0), "sender_pn"),
        };
        letter = letter.attr("from", from);
        for name in ["id", "type", "edit", "category", "addressing_mode"] {
            if let Some(value) = message.get(name) {
                letter = letter.attr(name, value);
            }
        }
        letter = letter
            .attr("t", now.wall.as_second())
            .attr("notify", &account.push_name)
            .attr(other_name, other);
        if receiver.name == sender.name {
            letter = self.for_oneself(letter, to);
        }
        let rest = message
            .children()
            .iter()
            .filter(|child| !KEPT_BACK.contains(&child.tag.as_str()));
        let sealed_inside = message.find("participants").is_some();
        let rest = rest.filter(|child| sealed_inside || child.tag != "enc");
        parts.iter().chain(rest).cloned().fold(letter, Node::child)
    }

    /// A copy for another device of the sender's own says whom the message is for.
    fn for_oneself(&self, letter: Node, to: Jid) -> Node {
        let bare = Jid { device: 0, ..to };
        let letter = letter.attr("recipient", bare);
        let peer = self
            .accounts
            .whose(to)
            .and_then(|name| self.accounts.get(name));
        match (peer, to.namespace) {
            (None, _) => letter,
            (Some(peer), Namespace::Phone) => letter.attr("peer_recipient_lid", peer.lid(0)),
            (Some(peer), Namespace::Lid) => letter.attr("peer_recipient_pn", peer.jid(0)),
        }
    }
}

/// The devices that the message is sealed for, and what is for each. Without a list of them it is for the one that it is
/// addressed to.
fn sealed_for(message: &Node, to: Jid) -> Result<Vec<(Jid, &[Node])>, Refused> {
    let Some(participants) = message.find("participants") else {
        return match message.find("enc") {
            Some(sealed) => Ok(vec![(to, std::slice::from_ref(sealed))]),
            None => Err(Refused::Malformed),
        };
    };
    let mut devices: Vec<(Jid, &[Node])> = Vec::new();
    for child in participants.children().iter().filter(|to| to.tag == "to") {
        let device: Jid = child
            .get("jid")
            .and_then(|jid| jid.parse().ok())
            .ok_or(Refused::Malformed)?;
        devices.push((device, child.children()));
    }
    Ok(devices)
}

/// Whether it is sent again because somebody could not read it: its id is known then, and rightly so.
fn is_retry(parts: &[Node]) -> bool {
    let again = |part: &Node| part.tag == "enc" && part.get("count").is_some();
    parts.iter().any(again)
}

/// What is for the server: whom the message is sealed for, and the tokens that let somebody write.
const KEPT_BACK: &[&str] = &["participants", "tctoken", "cstoken"];

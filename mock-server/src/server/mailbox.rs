//! What waits for a device: everything that was sent to it and that it has not acknowledged.
//!
//! What goes out on a live connection waits here too, until the device says that it has it. So a connection that drops
//! with stanzas in flight loses none: they go again after the next login.

use std::collections::VecDeque;
use std::sync::Arc;

use compact_str::CompactString;
use squall_protocol::{Content, Instant, Millis, Node};

/// The stanzas that wait for one device, in order.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    letters: VecDeque<Letter>,
    weight: usize,
    /// The messages that came last, whoever has them now: a sender that never heard of the acknowledgement sends again.
    known: VecDeque<MessageName>,
    /// Who is writing, while nobody is there to see it.
    writing: Vec<(Instant, Arc<Node>)>,
}

/// What names a message: the sender's number and device, and the id it gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageName {
    pub(crate) phone: u64,
    pub(crate) device: u32,
    pub(crate) id: CompactString,
}

#[derive(Debug)]
struct Letter {
    node: Arc<Node>,
    weight: usize,
    /// Whether the account's own phone wrote it.
    from_phone: bool,
}

/// How a device says that it has something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settled<'a> {
    /// The tag of what it has.
    pub(crate) tag: &'a str,
    /// Its id.
    pub(crate) id: &'a str,
    /// Whom it names as the sender.
    pub(crate) from: Option<&'a str>,
    /// The type that it names.
    pub(crate) kind: Option<&'a str>,
}

impl Mailbox {
    /// Whether this stanza has room.
    pub(crate) fn has_room(&self, node: &Node) -> bool {
        self.letters.len() < MAX_LETTERS && self.weight + weight(node) <= MAX_WEIGHT
    }

    /// Keeps a stanza until it is settled. There has to be room.
    pub(crate) fn put(&mut self, node: Arc<Node>, from_phone: bool) {
        let weight = weight(&node);
        self.weight += weight;
        self.letters.push_back(Letter {
            node,
            weight,
            from_phone,
        });
    }

    /// Whether a message of this name came before. It is remembered from now on.
    pub(crate) fn knows(&mut self, name: MessageName) -> bool {
        if self.known.contains(&name) {
            return true;
        }
        if self.known.len() == MAX_KNOWN {
            self.known.pop_front();
        }
        self.known.push_back(name);
        false
    }

    /// The device has something: it does not wait any longer. Of several with one id it is the one that the device
    /// describes best, the oldest of these. Whether there was one.
    pub(crate) fn settle(&mut self, settled: Settled<'_>) -> bool {
        let named = |letter: &Letter| {
            let node = &letter.node;
            (node.tag == settled.tag && node.get("id") == Some(settled.id)).then(|| {
                let sender = node.get("from") == settled.from;
                let kind = node.get("type") == settled.kind;
                usize::from(sender) * 2 + usize::from(kind)
            })
        };
        let mut best: Option<(usize, usize)> = None;
        for (index, letter) in self.letters.iter().enumerate() {
            if let Some(score) = named(letter)
                && best.is_none_or(|(highest, _)| score > highest)
            {
                best = Some((score, index));
            }
        }
        let Some(letter) = best.and_then(|(_, index)| self.letters.remove(index)) else {
            return false;
        };
        self.weight -= letter.weight;
        true
    }

    /// What waits, of the others' or of the phone's.
    pub(crate) fn waiting(&self, from_phone: bool) -> impl Iterator<Item = &Arc<Node>> {
        self.letters
            .iter()
            .filter(move |letter| letter.from_phone == from_phone)
            .map(|letter| &letter.node)
    }

    /// Somebody is writing, and the device is not there.
    pub(crate) fn put_writing(&mut self, now: Instant, node: Arc<Node>) {
        self.writing.retain(|(until, _)| *until > now);
        if self.writing.len() < MAX_WRITING {
            self.writing.push((now + WRITING_LASTS, node));
        }
    }

    /// Who is writing, as far as it is news still.
    pub(crate) fn take_writing(&mut self, now: Instant) -> impl Iterator<Item = Arc<Node>> {
        let writing = std::mem::take(&mut self.writing);
        writing
            .into_iter()
            .filter(move |(until, _)| *until > now)
            .map(|(_, node)| node)
    }
}

/// About how many bytes a stanza takes.
fn weight(node: &Node) -> usize {
    let attrs: usize = node
        .attrs
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let content = match &node.content {
        Content::Empty => 0,
        Content::Bytes(bytes) => bytes.len(),
        Content::Nodes(children) => children.iter().map(weight).sum(),
    };
    size_of::<Node>() + attrs + content
}

/// Of each device: more than the greatest backlog that was ever reported (`adiwajshing/Baileys#1292`: 7,771).
pub(crate) const MAX_LETTERS: usize = 10_000;
/// Of each device, in bytes; no message is longer than the 1 MiB of a frame.
const MAX_WEIGHT: usize = 16 << 20;
/// What a sender may have in flight when its connection drops, with room to spare.
const MAX_KNOWN: usize = 128;
/// Nobody is written to by more people at once.
const MAX_WRITING: usize = 16;
/// Later it is no news that somebody was writing.
const WRITING_LASTS: Millis = Millis::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(tag: &str, id: &str, from: &str) -> Arc<Node> {
        Arc::new(Node::new(tag).attr("from", from).attr("id", id))
    }

    fn settled<'a>(tag: &'a str, id: &'a str, from: Option<&'a str>) -> Settled<'a> {
        Settled {
            tag,
            id,
            from,
            kind: None,
        }
    }

    #[test]
    fn what_is_settled_waits_no_longer_and_the_rest_keeps_its_order() {
        let mut mailbox = Mailbox::default();
        for (tag, id) in [("message", "1"), ("receipt", "1"), ("message", "2")] {
            mailbox.put(letter(tag, id, "7@lid"), false);
        }
        assert!(mailbox.settle(settled("message", "1", None)));
        assert!(!mailbox.settle(settled("message", "1", None)));
        let left: Vec<&str> = mailbox
            .waiting(false)
            .map(|node| node.tag.as_str())
            .collect();
        assert_eq!(left, ["receipt", "message"]);
    }

    #[test]
    fn of_two_with_one_id_the_one_of_the_named_sender_goes() {
        let mut mailbox = Mailbox::default();
        mailbox.put(letter("receipt", "1", "7@lid"), false);
        mailbox.put(letter("receipt", "1", "8@lid"), false);
        assert!(mailbox.settle(settled("receipt", "1", Some("8@lid"))));
        let left: Vec<_> = mailbox
            .waiting(false)
            .map(|node| node.get("from"))
            .collect();
        assert_eq!(left, [Some("7@lid")]);
    }

    #[test]
    fn there_is_room_for_so_many_and_for_so_much() {
        let mut mailbox = Mailbox::default();
        let small = letter("message", "1", "7@lid");
        for _ in 0..MAX_LETTERS {
            assert!(mailbox.has_room(&small));
            mailbox.put(Arc::clone(&small), false);
        }
        assert!(!mailbox.has_room(&small));

        let mut mailbox = Mailbox::default();
        let large = Arc::new(
            Node::new("message")
                .attr("id", "2")
                .bytes(vec![0; MAX_WEIGHT / 2]),
        );
        assert!(mailbox.has_room(&large));
        mailbox.put(Arc::clone(&large), false);
        assert!(!mailbox.has_room(&large) && mailbox.has_room(&small));
        assert!(mailbox.settle(settled("message", "2", None)));
        assert!(mailbox.has_room(&large));
    }

    #[test]
    fn a_message_is_known_for_as_long_as_its_sender_may_doubt() {
        let mut mailbox = Mailbox::default();
        let name = |id: usize| MessageName {
            phone: 1,
            device: 1,
            id: compact_str::format_compact!("{id}"),
        };
        assert!(!mailbox.knows(name(0)));
        assert!(mailbox.knows(name(0)));
        for id in 1..=MAX_KNOWN {
            assert!(!mailbox.knows(name(id)));
        }
        assert!(!mailbox.knows(name(0)), "long ago");
    }

    #[test]
    fn that_somebody_writes_is_news_for_three_seconds() {
        let mut mailbox = Mailbox::default();
        mailbox.put_writing(Instant::at(0), letter("chatstate", "", "7@lid"));
        mailbox.put_writing(Instant::at(2_999), letter("chatstate", "", "8@lid"));
        assert_eq!(mailbox.take_writing(Instant::at(3_000)).count(), 1);
        assert_eq!(mailbox.take_writing(Instant::at(3_000)).count(), 0);
    }
}

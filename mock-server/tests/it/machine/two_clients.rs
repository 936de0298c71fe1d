//! Two clients that write to each other over links that break at any time: nothing is lost, and what was acknowledged
//! does not come again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::user;
use crate::script::Script;
use proptest::prelude::*;
use squall_protocol::Node;
use squall_protocol::pairing::Device;

/// A client with its link, on which stanzas are under way for as long as the test likes.
struct Client {
    device: Device,
    /// Whether it acknowledges a message before it answers with a receipt (whatsapp-rust), or answers with a receipt alone
    /// (Baileys).
    acknowledges: bool,
    conn: Option<u64>,
    up: VecDeque<Node>,
    down: VecDeque<Node>,
    /// What it has written and knows of no acknowledgement for, by id.
    unacknowledged: BTreeMap<String, Node>,
    written: u32,
    /// The ids of what it read, each once, in order.
    read: Vec<String>,
    /// The ids of what the server knows that it has.
    settled: BTreeSet<String>,
    /// The ids of its own messages that the other has, as far as it heard.
    arrived: BTreeSet<String>,
}

struct Pair {
    script: Script,
    clients: [Client; 2],
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Write(usize),
    /// The next stanza on the way to the server arrives.
    Up(usize),
    /// The next one on the way to the client does.
    Down(usize),
    /// The link breaks, and what is under way on it is lost.
    Cut(usize),
    Login(usize),
}

impl Pair {
    fn new() -> Self {
        let mut script = Script::new(super::quiet());
        let clients = [("Ann", true), ("Ben", false)].map(|(name, acknowledges)| Client {
            device: script.pair(Some(name)),
            acknowledges,
            conn: None,
            up: VecDeque::new(),
            down: VecDeque::new(),
            unacknowledged: BTreeMap::new(),
            written: 0,
            read: Vec::new(),
            settled: BTreeSet::new(),
            arrived: BTreeSet::new(),
        });
        Self { script, clients }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Write(who) => self.write(who),
            Step::Up(who) => self.up(who),
            Step::Down(who) => self.down(who),
            Step::Cut(who) => {
                let client = &mut self.clients[who];
                client.up.clear();
                client.down.clear();
                if let Some(conn) = client.conn.take() {
                    self.script.close(conn);
                }
            }
            Step::Login(who) => self.login(who),
        }
        self.hear();
    }

    fn write(&mut self, who: usize) {
        let to = &self.clients[1 - who].device;
        let (to, device) = (user(to), to.jid.clone().unwrap());
        let client = &mut self.clients[who];
        client.written += 1;
        // In the order of their texts, too.
        let id = format!("{who}-{:04}", client.written);
        let sealed = Node::new("enc").attr("v", "2").bytes(id.as_bytes());
        let list =
            Node::new("participants").child(Node::new("to").attr("jid", device).child(sealed));
        let message = Node::new("message")
            .attr("to", to)
            .attr("id", &id)
            .child(list);
        client.unacknowledged.insert(id, message.clone());
        if client.conn.is_some() {
            client.up.push_back(message);
        }
    }

    fn login(&mut self, who: usize) {
        if self.clients[who].conn.is_none() {
            self.script.now += 1;
            let conn = self.script.come(&self.clients[who].device);
            let client = &mut self.clients[who];
            client.conn = Some(conn);
            // It does not know which of these arrived.
            client.up.extend(client.unacknowledged.values().cloned());
        }
    }

    fn up(&mut self, who: usize) {
        let client = &mut self.clients[who];
        let (Some(conn), Some(stanza)) = (client.conn, client.up.pop_front()) else {
            return;
        };
        if stanza.tag == "receipt" || stanza.is("ack", &[("class", "message")]) {
            client.settled.insert(stanza.get("id").unwrap().to_owned());
        }
        self.script.stanza(conn, stanza);
    }

    /// Takes what the server has just sent to either.
    fn hear(&mut self) {
        for client in &mut self.clients {
            let Some(conn) = client.conn else { continue };
            for node in self.script.heard(conn) {
                let id = node.get("id").unwrap_or_default();
                if node.tag == "message" {
                    assert!(!client.settled.contains(id), "{id} comes again");
                    let under_way = client
                        .down
                        .iter()
                        .any(|it| it.tag == "message" && it.get("id") == Some(id));
                    assert!(!under_way, "{id} comes twice on one connection");
                }
                client.down.push_back(node);
            }
        }
    }

    fn down(&mut self, who: usize) {
        let (own, other) = self.clients.split_at_mut(1);
        let (client, other) = if who == 0 {
            (&mut own[0], &other[0])
        } else {
            (&mut other[0], &own[0])
        };
        let Some(stanza) = client.down.pop_front() else {
            return;
        };
        let id = stanza.get("id").unwrap_or_default();
        let back = |tag: &str| {
            Node::new(tag)
                .attr("id", id)
                .attr("to", stanza.get("from").unwrap())
        };
        match stanza.tag.as_str() {
            "message" => {
                assert_eq!(
                    stanza.find("enc").unwrap().content_bytes(),
                    Some(id.as_bytes())
                );
                if client.read.iter().all(|read| read != id) {
                    client.read.push(id.to_owned());
                }
                if client.acknowledges {
                    client.up.push_back(back("ack").attr("class", "message"));
                }
                client.up.push_back(back("receipt"));
            }
            "receipt" => {
                assert!(
                    other.read.iter().any(|read| read == id),
                    "{id} arrived nowhere yet"
                );
                client.arrived.insert(id.to_owned());
                client.up.push_back(back("ack").attr("class", "receipt"));
            }
            "ack" if stanza.get("class") == Some("message") => {
                assert_eq!(stanza.get("error"), None);
                client.unacknowledged.remove(id);
            }
            _ => {}
        }
    }

    /// Both come, and everything gets where it is going.
    fn settle(&mut self) {
        for who in [0, 1] {
            self.step(Step::Login(who));
        }
        while self
            .clients
            .iter()
            .any(|it| !it.up.is_empty() || !it.down.is_empty())
        {
            for who in [0, 1] {
                self.step(Step::Up(who));
                self.step(Step::Down(who));
            }
        }
    }

    fn check(&mut self) {
        self.settle();
        for who in [0, 1] {
            let (own, other) = (&self.clients[who], &self.clients[1 - who]);
            let written: Vec<String> = (1..=own.written).map(|n| format!("{who}-{n:04}")).collect();
            assert_eq!(other.read, written, "each once, in order");
            assert!(own.unacknowledged.is_empty());
            // Who acknowledges first may lose its receipt with the link, and is not reminded of the message any more.
            if !other.acknowledges {
                let written = written.into_iter().collect();
                assert_eq!(own.arrived, written, "the sender knows");
            }
        }
        for who in [0, 1] {
            self.step(Step::Cut(who));
            self.step(Step::Login(who));
            let preview = self.clients[who]
                .down
                .iter()
                .find_map(|it| it.find("offline_preview"));
            assert_eq!(preview.unwrap().get("count"), Some("0"), "nothing waits");
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    (0..12u32, 0..2usize).prop_map(|(kind, who)| match kind {
        0..=2 => Step::Write(who),
        3..=5 => Step::Up(who),
        6..=9 => Step::Down(who),
        10 => Step::Cut(who),
        _ => Step::Login(who),
    })
}

proptest! {
    #[test]
    fn nothing_is_lost_and_nothing_comes_twice_whenever_links_break(steps in prop::collection::vec(step(), 0..120)) {
        let mut pair = Pair::new();
        for step in steps {
            pair.step(step);
        }
        pair.check();
    }
}

#[test]
fn two_clients_write_to_each_other_both_ways() {
    let mut pair = Pair::new();
    pair.settle();
    for _ in 0..10 {
        pair.step(Step::Write(0));
        pair.step(Step::Write(1));
        pair.settle();
    }
    pair.check();
}

#[test]
fn one_is_away_while_the_other_writes() {
    let mut pair = Pair::new();
    pair.step(Step::Login(0));
    for _ in 0..10 {
        pair.step(Step::Write(0));
        pair.step(Step::Up(0));
    }
    assert!(pair.clients[0].arrived.is_empty());
    pair.check();
}

#[test]
fn the_link_is_cut_with_messages_under_way_in_both_directions() {
    let mut pair = Pair::new();
    pair.settle();
    for _ in 0..10 {
        pair.step(Step::Write(0));
        pair.step(Step::Write(1));
    }
    for _ in 0..5 {
        for who in [0, 1] {
            pair.step(Step::Up(who));
        }
    }
    pair.step(Step::Down(1));
    pair.step(Step::Cut(0));
    pair.step(Step::Cut(1));
    pair.check();
}

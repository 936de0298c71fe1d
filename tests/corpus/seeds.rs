//! What the fuzzers begin with: bytes and texts that really are spoken, taken from a run and from a handshake.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use squall::engine::Listener;
use squall::scenario::parse;
use squall::subject::Tested;
use squall::trace::{Entry, Event, FullWriter, Header, Message};
use squall::{Options, run_tested};
use squall_protocol::Node;
use squall_protocol::codec::{MAX_DEPTH, encode};
use squall_protocol::frame::{INTRO, write_frame, write_routing};

use crate::handshake;

/// Inputs by the name of their file.
type Seeds = BTreeMap<String, Vec<u8>>;

/// The inputs of each target.
pub(crate) fn all() -> [(&'static str, Seeds); 5] {
    let run = Run::of(STORY);
    [
        ("frames", frames()),
        ("nodes", nodes(&run)),
        ("handshake", handshakes()),
        ("scenario", [("a-story".to_owned(), STORY.into())].into()),
        ("trace", traces(&run)),
    ]
}

/// A short life with much in it: pairing and its handoff, faults, an end, a refusal, a crash.
const STORY: &str = r#"
name: seeds
runs_for: 5h
organizations: { "1": {}, "2": { paired: false } }
steps:
  - { at: 0s, start_session: { org: "1" } }
  - { at: 1s, start_session: { org: "2" } }
  - { at: 2m, fault: { delay_pong: { by: 15s } }, for: 5m }
  - { at: 10m, inject: { stream_error: { conflict: replaced } }, org: "1" }
  - { at: 11m, start_session: { org: "1" } }
  - { at: 20m, inject: { close: { code: 1011, reason: try again } }, org: "2" }
  - { at: 30m, suspend: { for: 1m } }
  - { at: 40m, client_crash: { store: kept } }
  - { at: 3h, start_session: { org: "1" } }
  - { at: 4h, inject: { stream_error: { code: "515" } } }
"#;

struct Run {
    header: Header,
    entries: Vec<Entry>,
}

/// Keeps what it hears.
struct Keeping(Arc<Mutex<Vec<Entry>>>);

impl Listener for Keeping {
    fn hear(&mut self, entry: &Entry) {
        self.0.lock().expect("nobody panicked").push(entry.clone());
    }
}

impl Run {
    fn of(story: &str) -> Self {
        let scenario =
            parse(story, Path::new("seeds.yaml")).unwrap_or_else(|errors| panic!("{}", errors[0]));
        let entries = Arc::new(Mutex::new(Vec::new()));
        let header = Arc::new(Mutex::new(None));
        let (kept, told) = (Arc::clone(&entries), Arc::clone(&header));
        let options = Options {
            writers: Some(Box::new(move |header| {
                *told.lock().expect("nobody panicked") = Some(header.clone());
                vec![Box::new(Keeping(kept))]
            })),
            ..Options::default()
        };
        run_tested(&scenario, Tested::Session, options).expect("a thread can be had");
        let header = header.lock().expect("nobody panicked").take();
        let entries = std::mem::take(&mut *entries.lock().expect("nobody panicked"));
        Self {
            header: header.expect("a run has a header"),
            entries,
        }
    }

    /// One entry of each kind, as far as names tell kinds apart.
    fn kinds(&self) -> impl Iterator<Item = &Entry> {
        let mut met = BTreeSet::new();
        self.entries.iter().filter(move |entry| {
            let shown = format!("{:?}", entry.event);
            let names = shown.split(|c: char| !c.is_ascii_alphabetic());
            let kind: String = names
                .filter(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
                .collect();
            met.insert(kind)
        })
    }
}

/// The whole trace as its file, and one entry of each kind as text.
fn traces(run: &Run) -> Seeds {
    let mut writer = FullWriter::new(Vec::new(), &run.header).expect("memory can be written to");
    let mut lines = String::new();
    for entry in run.kinds() {
        writer.write(entry).expect("memory can be written to");
        lines += &serde_json::to_string(entry).expect("an entry is plain values");
        lines.push('\n');
    }
    let header = serde_json::to_string(&run.header).expect("a header is plain values");
    [
        ("a-file", writer.finish().expect("memory can be written to")),
        ("entries", lines.clone().into_bytes()),
        ("with-a-header", format!("{header}\n{lines}").into_bytes()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

/// One stanza of each shape, as it is encoded, one of them compressed, and one as deep as may be.
fn nodes(run: &Run) -> Seeds {
    let mut seeds = Seeds::new();
    for entry in &run.entries {
        let Event::Sent {
            message: Message::Stanza(node),
            ..
        } = &entry.event
        else {
            continue;
        };
        seeds.entry(shape(node)).or_insert_with(|| {
            let mut bytes = Vec::new();
            encode(node, &mut bytes).expect("it was sent");
            bytes
        });
    }
    let plain = seeds.values().next().expect("stanzas were sent")[1..].to_vec();
    seeds.insert("compressed".to_owned(), zlib(&plain));
    let mut deep = Node::new("leaf");
    for _ in 1..MAX_DEPTH {
        deep = Node::new("node").child(deep);
    }
    let mut bytes = Vec::new();
    encode(&deep, &mut bytes).expect("as deep as may be");
    seeds.insert("as-deep-as-may-be".to_owned(), bytes);
    seeds
}

fn shape(node: &Node) -> String {
    let child = node
        .children()
        .first()
        .map_or("", |child| child.tag.as_str());
    let kinds = ["type", "xmlns"].map(|name| node.get(name).unwrap_or_default());
    let words = [node.tag.as_str(), kinds[0], kinds[1], child];
    words
        .concat()
        .replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

/// A compressed plaintext whose stream is one stored block (RFC 1950, RFC 1951 3.2.4).
fn zlib(plain: &[u8]) -> Vec<u8> {
    let length = u16::try_from(plain.len()).expect("a short stanza");
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in plain {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    let mut bytes = vec![2, 0x78, 0x01, 0x01];
    bytes.extend(length.to_le_bytes());
    bytes.extend((!length).to_le_bytes());
    bytes.extend(plain);
    bytes.extend((high << 16 | low).to_be_bytes());
    bytes
}

/// Both layers of framing, both directions of each.
fn frames() -> Seeds {
    let mut inner = Vec::new();
    for body in [&b"a frame"[..], b"", &[7; 120]] {
        write_frame(&mut inner, body).expect("a short frame");
    }
    let mut routed = Vec::new();
    write_routing(&mut routed, b"lla").expect("a short frame");
    let answer =
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    let request = b"GET /ws/chat HTTP/1.1\r\nHost: web.whatsapp.com\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let refusal = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 120\r\n\r\nslow down";
    let from_server = [
        &[0x89, 2, b'h', b'i'][..],
        &[0x82, 126, 1, 0],
        &[9; 256],
        &[0x8a, 0, 0x88, 5, 0x03, 0xf3, b'b', b'y', b'e'],
    ];
    let from_client = [
        &[0x8a, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2][..],
        &[0x82, 0x83, 1, 2, 3, 4, 1, 2, 3],
        &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8],
    ];
    [
        ("server-frames", [&[0, 3][..], &inner].concat()),
        ("client-frames", [&[1, 5][..], &INTRO, &inner].concat()),
        (
            "client-with-routing",
            [&[1, 1][..], &routed, &INTRO, &inner].concat(),
        ),
        (
            "websocket-of-the-server",
            [&[2, 1][..], answer, &from_server.concat()].concat(),
        ),
        (
            "websocket-of-the-client",
            [&[3, 9][..], request, &from_client.concat()].concat(),
        ),
        ("a-refused-upgrade", [&[2, 40][..], refusal].concat()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

/// Each message of a genuine handshake where it belongs, and what is inside of them.
fn handshakes() -> Seeds {
    let mut messages = Vec::new();
    let ended = handshake::handshake(b"a payload", |message| {
        messages.push(message.clone());
        Ok(())
    });
    assert!(ended.is_some(), "a genuine handshake");
    let [hello, answer, finish] = messages.try_into().expect("three messages");
    [
        ("client-hello", [&[0][..], &hello].concat()),
        ("server-hello", [&[1][..], &answer].concat()),
        ("client-finish", [&[2][..], &finish].concat()),
        ("chain", [&[3][..], &handshake::SERVER.chain].concat()),
        // Field 1 the phone number, field 18 the device.
        (
            "login",
            vec![4, 0x08, 0xa1, 0xf9, 0x9b, 0xc4, 0x72, 0x90, 0x01, 3],
        ),
        ("edits", [&[5][..], &[0x5a; 40]].concat()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

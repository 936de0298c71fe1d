//! The node codec: what decodes can be encoded, and what is encoded decodes to the same.
//!
//! An input is a plaintext as it comes out of a frame, its first byte the flags. Behind the byte 0xff it is instead what a
//! node is drawn from, for the shapes that are hard to hit byte by byte.

use arbitrary::{Result, Unstructured};
use compact_str::CompactString;
use squall_protocol::codec::{HEAP_PER_BYTE, INFLATED_LIMIT, decode, encode};
use squall_protocol::jid::Jid;
use squall_protocol::{Content, Node};

/// The flag of a compressed plaintext.
const FLAG_ZLIB: u8 = 2;

pub(crate) fn run(bytes: &[u8]) {
    let node = match bytes {
        [0xff, drawn @ ..] => node(&mut Unstructured::new(drawn), 0).ok(),
        plaintext => decode(plaintext).ok().inspect(|node| {
            let compressed = plaintext[0] & FLAG_ZLIB != 0;
            let length = if compressed {
                INFLATED_LIMIT
            } else {
                plaintext.len()
            };
            assert!(heap(node) <= HEAP_PER_BYTE * length, "{} bytes", heap(node));
        }),
    };
    let Some(node) = node else { return };

    let mut encoded = Vec::new();
    encode(&node, &mut encoded).expect("no list so long, nothing so deep");
    assert_eq!(decode(&encoded).as_ref(), Ok(&node));
    for (_, value) in &node.attrs {
        if let Ok(jid) = value.parse::<Jid>() {
            assert_eq!(jid.to_string().parse(), Ok(jid));
        }
    }

    // As it stands in traces and in logs.
    let json = serde_json::to_string(&node).expect("a node is plain values");
    assert_eq!(
        serde_json::from_str::<Node>(&json).ok().as_ref(),
        Some(&node)
    );
    assert!(!node.to_string().is_empty());
}

/// A node that is drawn. Deeper than a handful of levels it is left to the plaintexts.
fn node(from: &mut Unstructured<'_>, depth: usize) -> Result<Node> {
    let mut node = Node::new(text(from)?);
    for _ in 0..from.int_in_range(0..=4)? {
        node.attrs.push((text(from)?.into(), text(from)?.into()));
    }
    node.content = match from.int_in_range(0..=3)? {
        0 => Content::Empty,
        1 if depth < 8 => {
            let children = (0..from.int_in_range(0..=4)?).map(|_| self::node(from, depth + 1));
            Content::Nodes(children.collect::<Result<_>>()?)
        }
        2 => Content::Bytes(text(from)?.as_bytes().to_vec()),
        _ => Content::Bytes(from.arbitrary()?),
    };
    Ok(node)
}

/// Texts that the codec could write in a way of its own, and any other.
fn text<'a>(from: &mut Unstructured<'a>) -> Result<String> {
    const KNOWN: &[&str] = &[
        "iq",
        "id",
        "type",
        "s.whatsapp.net",
        "stream:error",
        "",
        "0",
    ];
    Ok(match from.int_in_range(0..=4)? {
        0 => (*from.choose(KNOWN)?).to_owned(),
        1 => format!("{}.{}-", from.arbitrary::<u64>()?, from.arbitrary::<u16>()?),
        2 => format!("{:X}", from.arbitrary::<u128>()?),
        3 => Jid::phone(from.arbitrary()?, from.arbitrary()?).to_string(),
        _ => from.arbitrary::<&'a str>()?.to_owned(),
    })
}

/// What a node holds beside itself, in bytes of heap.
fn heap(node: &Node) -> usize {
    let text = |text: &CompactString| usize::from(text.is_heap_allocated()) * text.capacity();
    let attrs = node.attrs.capacity() * size_of::<(CompactString, CompactString)>();
    let texts: usize = node.attrs.iter().map(|(k, v)| text(k) + text(v)).sum();
    let content = match &node.content {
        Content::Empty => 0,
        Content::Bytes(bytes) => bytes.capacity(),
        Content::Nodes(children) => {
            children.capacity() * size_of::<Node>() + children.iter().map(heap).sum::<usize>()
        }
    };
    text(&node.tag) + attrs + texts + content
}

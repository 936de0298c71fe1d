//! Round trips, hostile bytes, and agreement with another implementation of the same encoding.

use std::io::Write;

use compact_str::CompactString;
use proptest::prelude::*;

use super::*;
use crate::node::{Content, Node};

/// Texts of every kind that the other encoder writes in a way of its own: tokens, digits, hexadecimal, JIDs.
fn text() -> impl Strategy<Value = CompactString> {
    prop_oneof![
        (1u8..=235).prop_map(|byte| token(Dictionary::v3().single(byte))),
        (0u8..4, any::<u8>()).prop_map(|(page, index)| {
            token(Dictionary::v3().double(tag::PAGE_FIRST + page, index))
        }),
        "[0-9.-]{0,40}".prop_map(CompactString::from),
        "[0-9A-F]{0,40}".prop_map(CompactString::from),
        r"[1-9][0-9]{1,14}(:[1-9][0-9]?)?@(s\.whatsapp\.net|lid)".prop_map(CompactString::from),
        "[^@]{0,40}".prop_map(CompactString::from),
        "[a-z]{250,300}".prop_map(CompactString::from),
    ]
}

fn token(token: Option<&str>) -> CompactString {
    CompactString::from(token.expect("the dictionary has no gaps"))
}

fn tag_text() -> impl Strategy<Value = CompactString> {
    prop_oneof![
        (1u8..=235).prop_map(|byte| token(Dictionary::v3().single(byte))),
        "[a-z][a-z_:-]{0,30}".prop_map(CompactString::from),
    ]
}

fn node() -> impl Strategy<Value = Node> {
    let attrs = || prop::collection::vec((tag_text(), text()), 0..5);
    let leaf = (
        tag_text(),
        attrs(),
        prop_oneof![
            Just(Content::Empty),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(Content::Bytes),
        ],
    )
        .prop_map(|(tag, attrs, content)| Node {
            tag,
            attrs,
            content,
        });
    leaf.prop_recursive(5, 40, 5, move |inner| {
        (tag_text(), attrs(), prop::collection::vec(inner, 0..5)).prop_map(
            |(tag, attrs, children)| Node {
                tag,
                attrs,
                content: Content::Nodes(children),
            },
        )
    })
}

fn encoded(node: &Node) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(node, &mut bytes).unwrap();
    bytes
}

fn in_tokens(node: &Node, dictionary: &Dictionary) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_with(node, dictionary, &mut bytes).unwrap();
    bytes
}

/// As the other implementation holds it, each text a string.
fn theirs(node: &Node) -> wacore_binary::Node {
    let mut attrs = wacore_binary::Attrs::new();
    for (name, value) in &node.attrs {
        attrs.push(name.to_string(), value.as_str());
    }
    let content = match &node.content {
        Content::Empty => None,
        Content::Bytes(bytes) => Some(wacore_binary::NodeContent::Bytes(bytes.clone())),
        Content::Nodes(children) => Some(wacore_binary::NodeContent::Nodes(
            children.iter().map(theirs).collect(),
        )),
    };
    wacore_binary::Node::new(node.tag.to_string(), attrs, content)
}

/// Back from there.
fn ours(node: &wacore_binary::NodeRef<'_>) -> Node {
    use wacore_binary::NodeContentRef;

    Node {
        tag: CompactString::from(&*node.tag),
        attrs: node
            .attrs_iter()
            .map(|(name, value)| (CompactString::from(&**name), value.as_str().into()))
            .collect(),
        content: match node.content.as_ref() {
            None => Content::Empty,
            Some(NodeContentRef::Bytes(bytes)) => Content::Bytes(bytes.to_vec()),
            Some(NodeContentRef::String(text)) => Content::Bytes(text.as_bytes().to_vec()),
            Some(NodeContentRef::Nodes(children)) => {
                Content::Nodes(children.iter().map(ours).collect())
            }
        },
    }
}

/// Nothing inside where a list of no nodes was: the other encoder writes both alike.
fn without_empty_lists(mut node: Node) -> Node {
    node.content = match node.content {
        Content::Nodes(children) if children.is_empty() => Content::Empty,
        Content::Nodes(children) => {
            Content::Nodes(children.into_iter().map(without_empty_lists).collect())
        }
        other => other,
    };
    node
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut stream = flate2::write::ZlibEncoder::new(vec![FLAG_ZLIB], flate2::Compression::best());
    stream.write_all(bytes).unwrap();
    stream.finish().unwrap()
}

fn heap(node: &Node) -> usize {
    let text = |text: &CompactString| {
        if text.is_heap_allocated() {
            text.capacity()
        } else {
            0
        }
    };
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

proptest! {
    #[test]
    fn what_is_encoded_decodes(node in node()) {
        prop_assert_eq!(decode(&encoded(&node)), Ok(node));
    }

    #[test]
    fn what_is_encoded_decodes_compressed_too(node in node()) {
        prop_assert_eq!(decode(&zlib(&encoded(&node)[1..])), Ok(node));
    }

    #[test]
    fn what_is_encoded_in_tokens_decodes_by_the_same_dictionary(node in node()) {
        for dictionary in [Dictionary::v2(), Dictionary::v3()] {
            let bytes = in_tokens(&node, dictionary);
            prop_assert_eq!(decode_with(&bytes, dictionary), Ok(node.clone()));
        }
    }

    #[test]
    fn the_other_implementation_decodes_what_is_encoded_here(node in node()) {
        for bytes in [encoded(&node), in_tokens(&node, Dictionary::v3())] {
            let plain = wacore_binary::util::unpack(&bytes).unwrap();
            let read = wacore_binary::marshal::unmarshal_ref(&plain).unwrap();
            prop_assert_eq!(ours(&read), node.clone());
        }
    }

    #[test]
    fn what_the_other_implementation_encodes_decodes_here(node in node()) {
        let bytes = wacore_binary::marshal(&theirs(&node)).unwrap();
        let read = decode(&bytes).unwrap();
        prop_assert_eq!(without_empty_lists(read), without_empty_lists(node));
    }

    #[test]
    fn a_node_reads_back_from_json(node in node()) {
        let json = serde_json::to_string(&node).unwrap();
        prop_assert_eq!(serde_json::from_str::<Node>(&json).unwrap(), node);
    }

    #[test]
    fn a_plaintext_cut_short_is_refused(node in node(), length: prop::sample::Index) {
        let bytes = encoded(&node);
        let cut = &bytes[..length.index(bytes.len())];
        prop_assert_eq!(decode(cut), Err(DecodeError::Truncated));
        let bytes = zlib(&bytes[1..]);
        prop_assert!(decode(&bytes[..length.index(bytes.len())]).is_err());
    }

    #[test]
    fn hostile_bytes_are_refused_or_stay_within_the_bound(bytes in hostile()) {
        if let Ok(node) = decode(&bytes) {
            prop_assert!(heap(&node) <= HEAP_PER_BYTE * bytes.len(), "{} for {}", heap(&node), bytes.len());
        }
    }

    #[test]
    fn hostile_compressed_bytes_are_refused_or_read(bytes in hostile(), stream: Vec<u8>) {
        let _ = decode(&zlib(&bytes));
        let _ = decode(&[&[FLAG_ZLIB][..], &stream].concat());
    }

    #[test]
    fn the_other_implementation_agrees_on_what_hostile_bytes_say(bytes in hostile()) {
        if let (Ok(here), Ok(there)) = (decode(&bytes), wacore_binary::marshal::unmarshal_ref(&bytes[1.min(bytes.len())..])) {
            prop_assert_eq!(here, ours(&there));
        }
    }
}

/// Bytes that look like a node often enough to get somewhere.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => any::<u8>(),
        3 => Just(tag::LIST_8),
        3 => 0u8..6,
        2 => 236u8..=255,
    ];
    prop::collection::vec(byte, 0..200).prop_map(|mut bytes| {
        bytes.insert(0, 0);
        bytes
    })
}

#[test]
fn the_densest_plaintexts_stay_within_the_bound() {
    let longest = (0..4)
        .flat_map(|page| (0..=255).map(move |index| (tag::PAGE_FIRST + page, index)))
        .max_by_key(|&(page, index)| Dictionary::v3().double(page, index).map(str::len))
        .unwrap();
    let token = [longest.0, longest.1];
    let jid = [&[tag::JID_PAIR][..], &token, &token].concat();
    let packed = [&[tag::HEX, 127][..], &[0; 127]].concat();
    let repeated =
        |head: &[u8], each: &[u8], count: u8| [head, &each.repeat(count.into())].concat();
    let attribute = |value: &[u8]| {
        let each = [&[1][..], value].concat();
        repeated(&[0, tag::LIST_8, 201, 1], &each, 100)
    };
    for bytes in [
        attribute(&[tag::EMPTY]),
        attribute(&token),
        attribute(&jid),
        attribute(&packed),
        repeated(
            &[0, tag::LIST_8, 2, 1, tag::LIST_8, 200],
            &[tag::LIST_8, 1, 1],
            200,
        ),
        [
            &repeated(&[0], &[tag::LIST_8, 2, 1, tag::LIST_8, 1], 30)[..],
            &[tag::LIST_8, 1, 1],
        ]
        .concat(),
    ] {
        let held = heap(&decode(&bytes).unwrap());
        assert!(
            held <= HEAP_PER_BYTE * bytes.len(),
            "{held} for {}",
            bytes.len()
        );
    }
}

#[test]
fn jids_read_as_their_text() {
    let text = |value: &[u8]| {
        let bytes = [&[0, tag::LIST_8, 3, 19, 6][..], value].concat();
        decode(&bytes).map(|node| node.attrs[0].1.to_string())
    };
    let user = [tag::NIBBLE, 2, 0x12, 0x34];
    let pair = |user: &[u8]| [&[tag::JID_PAIR][..], user, &[3]].concat();
    assert_eq!(text(&pair(&user)), Ok("1234@s.whatsapp.net".to_owned()));
    assert_eq!(text(&pair(&[0])), Ok("s.whatsapp.net".to_owned()));
    let ad = |domain, device| [&[tag::AD_JID, domain, device][..], &user].concat();
    assert_eq!(text(&ad(0, 7)), Ok("1234:7@s.whatsapp.net".to_owned()));
    assert_eq!(text(&ad(1, 0)), Ok("1234@lid".to_owned()));
    assert_eq!(text(&ad(128, 99)), Ok("1234:99@hosted".to_owned()));
    assert_eq!(text(&ad(129, 99)), Ok("1234:99@hosted.lid".to_owned()));
    assert!(matches!(
        text(&ad(2, 0)),
        Err(DecodeError::Unexpected { found: 2, .. })
    ));
    let fb = [
        &[tag::FB_JID][..],
        &user,
        &[0, 5, tag::BINARY_8, 4],
        b"msgr",
    ]
    .concat();
    assert_eq!(text(&fb), Ok("1234:5@msgr".to_owned()));
    let interop = [
        &[tag::INTEROP_JID][..],
        &user,
        &[0, 5, 0, 2, tag::BINARY_8, 7],
        b"interop",
    ]
    .concat();
    assert_eq!(text(&interop), Ok("1234:5@interop".to_owned()));
}

#[test]
fn jids_within_jids_are_refused_at_once() {
    let mut bytes = vec![0, tag::LIST_8, 1];
    bytes.extend(std::iter::repeat_n(tag::JID_PAIR, 1 << 20));
    assert!(matches!(
        decode(&bytes),
        Err(DecodeError::Unexpected {
            found: tag::JID_PAIR,
            at: 4,
            ..
        })
    ));
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_before_room_is_made() {
    // 65535 children are announced on each of many levels, and three bytes are left for each.
    let mut bytes = vec![0];
    for _ in 0..40 {
        bytes.extend([tag::LIST_8, 2, 1, tag::LIST_16, 0xff, 0xff]);
    }
    bytes.resize(3 * 65536, 1);
    assert_eq!(decode(&bytes), Err(DecodeError::Truncated));
}

#[test]
fn nodes_nest_to_the_bound_and_no_deeper() {
    let nested = |depth| (1..depth).fold(Node::new("a"), |inner, _| Node::new("a").child(inner));
    let deepest = nested(MAX_DEPTH);
    assert_eq!(decode(&encoded(&deepest)), Ok(deepest));
    let mut out = vec![7];
    assert!(matches!(
        encode(&nested(MAX_DEPTH + 1), &mut out),
        Err(EncodeError::TooDeep { .. })
    ));
    assert_eq!(out, [7]);
    let mut bytes = vec![0];
    for _ in 0..1 << 16 {
        bytes.extend([tag::LIST_8, 2, 1, tag::LIST_8, 1]);
    }
    assert_eq!(decode(&bytes), Err(DecodeError::TooDeep));
}

#[test]
fn lists_and_strings_of_every_width_read_back() {
    let children = |count| {
        let mut node = Node::new("list");
        node.content = Content::Nodes(vec![Node::new("a"); count]);
        node
    };
    for count in [0, 255, 256, 65535] {
        let node = children(count);
        assert_eq!(decode(&encoded(&node)), Ok(node));
    }
    let refused = encode(&children(65536), &mut Vec::new());
    assert!(matches!(
        refused,
        Err(EncodeError::TooMany { count: 65536, .. })
    ));
    for length in [0, 255, 256, (1 << 20) - 1, 1 << 20] {
        let node = Node::new("bytes").bytes(vec![b'x'; length]);
        assert_eq!(decode(&encoded(&node)), Ok(node));
    }
}

#[test]
fn what_inflates_beyond_the_limit_is_refused() {
    let node = |length| encoded(&Node::new("bytes").bytes(vec![0; length]));
    let frame = node(1 << 10).len() - 1 - (1 << 10);
    let most = node(INFLATED_LIMIT - frame);
    assert_eq!(most.len() - 1, INFLATED_LIMIT);
    assert!(decode(&zlib(&most[1..])).is_ok());
    let beyond = node(INFLATED_LIMIT - frame + 1);
    assert_eq!(
        decode(&zlib(&beyond[1..])),
        Err(DecodeError::InflatedTooLong)
    );
    let bomb = zlib(&vec![0; 64 << 20]);
    assert_eq!(decode(&bomb), Err(DecodeError::InflatedTooLong));
}

#[test]
fn bytes_after_a_node_are_refused() {
    let mut bytes = encoded(&Node::new("a"));
    bytes.push(0);
    assert_eq!(decode(&bytes), Err(DecodeError::Trailing(1)));
    assert_eq!(decode(&[]), Err(DecodeError::Truncated));
}

/// The keep-alive of a client, as one of them sends it: every word is a token, and the digits are packed.
#[test]
fn a_clients_ping_is_short() {
    let ping = Node::new("iq")
        .attr("to", "s.whatsapp.net")
        .attr("type", "get")
        .attr("xmlns", "w:p")
        .attr("id", "12345.6789-1")
        .child(Node::new("ping"));
    let bytes = in_tokens(&ping, Dictionary::v3());
    assert_eq!(bytes.len(), 26, "{bytes:?}");
    assert!(encoded(&ping).len() > 2 * bytes.len());
}

/// One client (whatsmeow) takes an address for none unless it is written as a JID.
#[test]
fn addresses_are_written_as_jids_with_tokens_and_without() {
    let node = Node::new("device")
        .attr("from", "s.whatsapp.net")
        .attr("jid", "491700000001:7@s.whatsapp.net");
    let written = |bytes: &[u8], jid: &[u8]| bytes.windows(jid.len()).any(|window| window == jid);
    let plain = encoded(&node);
    assert!(written(
        &plain,
        &[tag::JID_PAIR, tag::EMPTY, tag::BINARY_8, 14]
    ));
    assert!(written(&plain, &[tag::AD_JID, 0, 7, tag::BINARY_8, 12]));
    let tokens = in_tokens(&node, Dictionary::v3());
    let server = Dictionary::v3().token("s.whatsapp.net").unwrap();
    let Token::Single(server) = server else {
        panic!("the server's name is one byte")
    };
    assert!(written(&tokens, &[tag::JID_PAIR, tag::EMPTY, server]));
    assert!(written(&tokens, &[tag::AD_JID, 0, 7, tag::NIBBLE, 6]));
}

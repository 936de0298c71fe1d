//! Nodes to bytes.
//!
//! A server writes strings as they are and JIDs as JIDs: every client reads that, whatever its dictionary, and one of
//! them (whatsmeow) takes an address that is written as text for none. A client writes tokens, and packs digits.

use super::dictionary::Token;
use super::{Dictionary, MAX_DEPTH, packed, tag};
use crate::codec::address::Address;
use crate::node::{Content, Node};

/// Why a node has no encoding.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A node has more attributes or children than a list of 65535 items holds.
    #[error("<{tag}> needs a list of {count} items; no list has more than 65535")]
    TooMany {
        /// The node.
        tag: String,
        /// The items that its list would have.
        count: usize,
    },
    /// A string or a content of 4 GiB or more.
    #[error(
        "<{tag}> holds {length} bytes in one piece; 32 bits of length count no more than 4294967295"
    )]
    TooLong {
        /// The node.
        tag: String,
        /// The bytes of the piece.
        length: usize,
    },
    /// Nodes nest deeper than a decoder reads.
    #[error("<{tag}> lies deeper than {MAX_DEPTH} nodes")]
    TooDeep {
        /// The first node that is too deep.
        tag: String,
    },
}

/// Appends the flag byte and the encoding of `node` to `out`, without tokens. Allocates nothing beyond `out`.
///
/// # Errors
/// [`EncodeError`]; `out` is then as it was.
pub fn encode(node: &Node, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    Encoder { tokens: None, out }.whole(node)
}

/// As [`encode`], in the tokens of a dictionary: what a client sends whose intro header names it.
///
/// # Errors
/// [`EncodeError`]; `out` is then as it was.
pub fn encode_with(
    node: &Node,
    dictionary: &Dictionary,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let tokens = Some(dictionary);
    Encoder { tokens, out }.whole(node)
}

struct Encoder<'a> {
    tokens: Option<&'a Dictionary>,
    out: &'a mut Vec<u8>,
}

impl Encoder<'_> {
    fn whole(&mut self, node: &Node) -> Result<(), EncodeError> {
        let begin = self.out.len();
        self.out.push(0);
        let written = self.node(node, MAX_DEPTH);
        if written.is_err() {
            self.out.truncate(begin);
        }
        written
    }

    fn node(&mut self, node: &Node, depth_left: usize) -> Result<(), EncodeError> {
        if depth_left == 0 {
            return Err(EncodeError::TooDeep {
                tag: node.tag.to_string(),
            });
        }
        let content = usize::from(!node.content.is_empty());
        self.list(1 + 2 * node.attrs.len() + content, node)?;
        self.text(&node.tag, node)?;
        for (name, value) in &node.attrs {
            self.text(name, node)?;
            self.value(value, node)?;
        }
        match &node.content {
            Content::Empty => Ok(()),
            Content::Bytes(bytes) => self.bytes(bytes, node),
            Content::Nodes(children) => {
                self.list(children.len(), node)?;
                children
                    .iter()
                    .try_for_each(|child| self.node(child, depth_left - 1))
            }
        }
    }

    /// A list of no items is written with its count too: the byte for nothing would read as no content at all.
    fn list(&mut self, count: usize, node: &Node) -> Result<(), EncodeError> {
        if let Ok(count) = u8::try_from(count) {
            self.out.extend_from_slice(&[tag::LIST_8, count]);
        } else if let Ok(count) = u16::try_from(count) {
            let [high, low] = count.to_be_bytes();
            self.out.extend_from_slice(&[tag::LIST_16, high, low]);
        } else {
            return Err(EncodeError::TooMany {
                tag: node.tag.to_string(),
                count,
            });
        }
        Ok(())
    }

    /// An attribute's value: an address in its own form.
    fn value(&mut self, value: &str, node: &Node) -> Result<(), EncodeError> {
        match Address::parse(value) {
            Some(Address::Device {
                domain,
                device,
                user,
            }) => {
                self.out.extend_from_slice(&[tag::AD_JID, domain, device]);
                self.text(user, node)
            }
            Some(Address::Pair { user, server }) => {
                self.out.push(tag::JID_PAIR);
                match user {
                    "" => self.out.push(tag::EMPTY),
                    user => self.text(user, node)?,
                }
                self.text(server, node)
            }
            None => self.text(value, node),
        }
    }

    fn text(&mut self, text: &str, node: &Node) -> Result<(), EncodeError> {
        let Some(dictionary) = self.tokens else {
            return self.bytes(text.as_bytes(), node);
        };
        match dictionary.token(text) {
            Some(Token::Single(byte)) => self.out.push(byte),
            Some(Token::Double(page, index)) => self.out.extend_from_slice(&[page, index]),
            None if packed::write(text, self.out) => {}
            None => return self.bytes(text.as_bytes(), node),
        }
        Ok(())
    }

    fn bytes(&mut self, bytes: &[u8], node: &Node) -> Result<(), EncodeError> {
        let Ok(length) = u32::try_from(bytes.len()) else {
            return Err(EncodeError::TooLong {
                tag: node.tag.to_string(),
                length: bytes.len(),
            });
        };
        match length.to_be_bytes() {
            [0, 0, 0, a] => self.out.extend_from_slice(&[tag::BINARY_8, a]),
            [0, a @ 0..=0x0f, b, c] => self.out.extend_from_slice(&[tag::BINARY_20, a, b, c]),
            [a, b, c, d] => self.out.extend_from_slice(&[tag::BINARY_32, a, b, c, d]),
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }
}

//! Bytes to nodes, with the tokens of a dictionary.
//!
//! The bytes are hostile until they are decoded. A list is believed only while the bytes that are left could hold it and
//! every list still open around it, so what is allocated stays proportional to what arrived: no more than
//! [`HEAP_PER_BYTE`] bytes of heap for each byte of the plaintext, or of the inflated plaintext, which is bounded itself.

use compact_str::{CompactString, ToCompactString, format_compact};

use super::address::Address;
use super::inflate::{INFLATED_LIMIT, inflate};
use super::packed::{HEX, NIBBLE, NO_CHARACTER};
use super::{Dictionary, FLAG_ZLIB, MAX_DEPTH, tag};
use crate::node::{Content, Node};

/// The most bytes of heap that a decoded node holds for each byte it was decoded from: a node of 80 bytes needs at least
/// 3 on the wire, an attribute of 48 bytes at least 2, and a JID of two tokens, some 50 characters, 3.
pub const HEAP_PER_BYTE: usize = 64;

/// Why a plaintext is no node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside the node, or a count in them is more than could follow.
    #[error("the plaintext ends inside the node")]
    Truncated,
    /// Bytes are left after the node.
    #[error("{0} bytes are left after the node")]
    Trailing(usize),
    /// A byte that stands for no value here.
    #[error("byte {found} at {at} is no {expected}")]
    Unexpected {
        /// The byte.
        found: u8,
        /// Its place, counted from the flag byte or, if compressed, from the beginning of what was inflated.
        at: usize,
        /// What the grammar has there.
        expected: &'static str,
    },
    /// A double-byte token that the dictionary does not have.
    #[error("the dictionary has no token {index} on page {page}")]
    UnknownToken {
        /// The byte that opens the page.
        page: u8,
        /// The place on the page.
        index: u8,
    },
    /// A string is no UTF-8.
    #[error("the string at {0} is no UTF-8")]
    NotText(usize),
    /// Nodes nest too deep.
    #[error("nodes nest deeper than {MAX_DEPTH}")]
    TooDeep,
    /// The compressed rest is no zlib stream, or not a whole one.
    #[error("the compressed plaintext is no whole zlib stream")]
    Compression,
    /// The compressed rest is too long when inflated.
    #[error("the compressed plaintext inflates to more than {INFLATED_LIMIT} bytes")]
    InflatedTooLong,
}

/// The node that a frame's plaintext carries, in token dictionary 3.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(plaintext: &[u8]) -> Result<Node, DecodeError> {
    decode_with(plaintext, Dictionary::v3())
}

/// The node that a frame's plaintext carries, in this token dictionary.
///
/// # Errors
/// [`DecodeError`].
pub fn decode_with(plaintext: &[u8], dictionary: &Dictionary) -> Result<Node, DecodeError> {
    let (&flags, rest) = plaintext.split_first().ok_or(DecodeError::Truncated)?;
    if flags & FLAG_ZLIB != 0 {
        Decoder::new(&inflate(rest)?, 0, dictionary).whole_node()
    } else {
        Decoder::new(plaintext, 1, dictionary).whole_node()
    }
}

struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    /// The fewest bytes that the open lists still need.
    promised: usize,
    dictionary: &'a Dictionary,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8], at: usize, dictionary: &'a Dictionary) -> Self {
        Self {
            bytes,
            at,
            promised: 0,
            dictionary,
        }
    }

    fn whole_node(mut self) -> Result<Node, DecodeError> {
        self.promise(1, NODE_MIN)?;
        let node = self.node(MAX_DEPTH)?;
        match self.bytes.len() - self.at {
            0 => Ok(node),
            left => Err(DecodeError::Trailing(left)),
        }
    }

    /// One promised node.
    fn node(&mut self, depth_left: usize) -> Result<Node, DecodeError> {
        if depth_left == 0 {
            return Err(DecodeError::TooDeep);
        }
        self.promised -= NODE_MIN;
        let at = self.at;
        let first = self.byte()?;
        let count = match first {
            tag::LIST_8 => usize::from(self.byte()?),
            tag::LIST_16 => usize::from(self.short()?),
            _ => 0,
        };
        if count == 0 {
            return Err(DecodeError::Unexpected {
                found: first,
                at,
                expected: "node",
            });
        }
        let attributes = (count - 1) / 2;
        let has_content = count % 2 == 0;
        self.promise(attributes, ATTRIBUTE_MIN)?;
        let name = self.text("tag")?;
        let mut attrs = Vec::with_capacity(attributes);
        for _ in 0..attributes {
            self.promised -= ATTRIBUTE_MIN;
            attrs.push((self.text("attribute name")?, self.text_or_nothing()?));
        }
        let content = if has_content {
            self.content(depth_left)?
        } else {
            Content::Empty
        };
        Ok(Node {
            tag: name,
            attrs,
            content,
        })
    }

    fn content(&mut self, depth_left: usize) -> Result<Content, DecodeError> {
        let at = self.at;
        let count = match self.byte()? {
            tag::EMPTY => return Ok(Content::Empty),
            tag::LIST_8 => usize::from(self.byte()?),
            tag::LIST_16 => usize::from(self.short()?),
            first => {
                return match self.binary(first)? {
                    Some(bytes) => Ok(Content::Bytes(bytes.to_vec())),
                    None => self
                        .string(first, at, "content")
                        .map(|text| Content::Bytes(text.as_bytes().to_vec())),
                };
            }
        };
        self.promise(count, NODE_MIN)?;
        let mut children = Vec::with_capacity(count);
        for _ in 0..count {
            children.push(self.node(depth_left - 1)?);
        }
        Ok(Content::Nodes(children))
    }

    /// A string that has to be there.
    #[inline]
    fn text(&mut self, expected: &'static str) -> Result<CompactString, DecodeError> {
        let at = self.at;
        let first = self.byte()?;
        self.string(first, at, expected)
    }

    /// A string, or the byte for nothing, which reads as an empty one.
    #[inline]
    fn text_or_nothing(&mut self) -> Result<CompactString, DecodeError> {
        let at = self.at;
        match self.byte()? {
            tag::EMPTY => Ok(CompactString::default()),
            first => self.string(first, at, "attribute value"),
        }
    }

    fn string(
        &mut self,
        first: u8,
        at: usize,
        expected: &'static str,
    ) -> Result<CompactString, DecodeError> {
        match first {
            tag::JID_PAIR => {
                let user = self.jid_part()?;
                let server = self.jid_part()?;
                Ok(jid(&user, 0, &server))
            }
            tag::AD_JID => {
                let at = self.at;
                let domain = self.byte()?;
                let server = Address::server(domain).ok_or(DecodeError::Unexpected {
                    found: domain,
                    at,
                    expected: "JID domain",
                })?;
                let device = u16::from(self.byte()?);
                Ok(jid(&self.jid_part()?, device, server))
            }
            tag::FB_JID => {
                let user = self.jid_part()?;
                let device = self.short()?;
                Ok(jid(&user, device, &self.jid_part()?))
            }
            tag::INTEROP_JID => {
                let user = self.jid_part()?;
                let device = self.short()?;
                // The integrator has no place in a JID's text.
                self.short()?;
                Ok(jid(&user, device, &self.jid_part()?))
            }
            _ => self.plain(first, at, expected),
        }
    }

    /// A part of a JID: a string that is no JID itself, so JIDs do not nest.
    fn jid_part(&mut self) -> Result<CompactString, DecodeError> {
        let at = self.at;
        match self.byte()? {
            tag::EMPTY => Ok(CompactString::default()),
            first => self.plain(first, at, "part of a JID"),
        }
    }

    fn plain(
        &mut self,
        first: u8,
        at: usize,
        expected: &'static str,
    ) -> Result<CompactString, DecodeError> {
        if let Some(bytes) = self.binary(first)? {
            return match std::str::from_utf8(bytes) {
                Ok(text) => Ok(text.to_compact_string()),
                Err(_) => Err(DecodeError::NotText(at)),
            };
        }
        match first {
            tag::HEX => self.packed(HEX),
            tag::NIBBLE => self.packed(NIBBLE),
            tag::PAGE_FIRST..=tag::PAGE_LAST => {
                let index = self.byte()?;
                self.dictionary
                    .double(first, index)
                    .map(CompactString::const_new)
                    .ok_or(DecodeError::UnknownToken { page: first, index })
            }
            _ => self
                .dictionary
                .single(first)
                .map(CompactString::const_new)
                .ok_or(DecodeError::Unexpected {
                    found: first,
                    at,
                    expected,
                }),
        }
    }

    /// Two characters to a byte; the last one is left out if the count's top bit is set.
    fn packed(&mut self, alphabet: [u8; 16]) -> Result<CompactString, DecodeError> {
        let count = self.byte()?;
        let at = self.at;
        let packed = self.take(usize::from(count & 0x7f))?;
        let is_odd = count & 0x80 != 0;
        let mut text = [0; 254];
        for (place, (byte, pair)) in packed.iter().zip(text.chunks_exact_mut(2)).enumerate() {
            pair[0] = alphabet[usize::from(byte >> 4)];
            pair[1] = alphabet[usize::from(byte & 0x0f)];
            let left_out = is_odd && place + 1 == packed.len();
            if pair[0] == NO_CHARACTER || (pair[1] == NO_CHARACTER && !left_out) {
                return Err(DecodeError::Unexpected {
                    found: *byte,
                    at: at + place,
                    expected: "pair of packed characters",
                });
            }
        }
        let length = (2 * packed.len()).saturating_sub(usize::from(is_odd));
        let text = std::str::from_utf8(&text[..length]).map_err(|_| DecodeError::NotText(at))?;
        Ok(text.to_compact_string())
    }

    /// The bytes that a count announces, if `first` announces any.
    #[inline]
    fn binary(&mut self, first: u8) -> Result<Option<&'a [u8]>, DecodeError> {
        let length = match first {
            tag::BINARY_8 => u32::from(self.byte()?),
            tag::BINARY_20 => {
                let [a, b, c] = self.chunk()?;
                u32::from_be_bytes([0, a & 0x0f, b, c])
            }
            tag::BINARY_32 => u32::from_be_bytes(self.chunk()?),
            _ => return Ok(None),
        };
        self.take(usize::try_from(length).map_err(|_| DecodeError::Truncated)?)
            .map(Some)
    }

    /// Believes a list of `count` items, if the bytes left could hold it and all that was promised before.
    fn promise(&mut self, count: usize, at_least: usize) -> Result<(), DecodeError> {
        self.promised += count * at_least;
        if self.promised > self.bytes.len() - self.at {
            return Err(DecodeError::Truncated);
        }
        Ok(())
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let byte = *self.bytes.get(self.at).ok_or(DecodeError::Truncated)?;
        self.at += 1;
        Ok(byte)
    }

    fn short(&mut self) -> Result<u16, DecodeError> {
        self.chunk().map(u16::from_be_bytes)
    }

    #[inline]
    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let chunk = self.bytes[self.at..]
            .first_chunk()
            .ok_or(DecodeError::Truncated)?;
        self.at += N;
        Ok(*chunk)
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let taken = self.bytes[self.at..]
            .get(..length)
            .ok_or(DecodeError::Truncated)?;
        self.at += length;
        Ok(taken)
    }
}

/// `user:device@server`; device 0 is not written, and without a user only the server is.
fn jid(user: &str, device: u16, server: &str) -> CompactString {
    match (user, device) {
        ("", _) => server.to_compact_string(),
        (_, 0) => format_compact!("{user}@{server}"),
        _ => format_compact!("{user}:{device}@{server}"),
    }
}

/// List header of 2 bytes and a tag of 1.
const NODE_MIN: usize = 3;
/// Name and value of 1 byte each.
const ATTRIBUTE_MIN: usize = 2;

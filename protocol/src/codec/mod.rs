//! The binary encoding of nodes: what a frame carries once it is opened.
//!
//! A flag byte comes first; its bit of value 2 says that the rest is a zlib stream. Then the node: a list of its tag,
//! its attributes' names and values, and its content if it has one. Strings may be written as they are, packed two
//! characters to a byte, as JIDs, or as tokens of a dictionary. Every client reads strings that are written as they are, so
//! a server needs no tokens; clients write tokens, so the decoder needs their dictionary.

mod address;
mod decode;
mod dictionary;
mod encode;
mod inflate;
mod packed;

pub use decode::{DecodeError, HEAP_PER_BYTE, decode, decode_with};
pub use dictionary::{Dictionary, Token};
pub use encode::{EncodeError, encode, encode_with};
pub use inflate::INFLATED_LIMIT;

/// How deep nodes may nest, the outermost counted. Real stanzas stay well below 20; the bound keeps the stack safe, and a
/// node readable where it was written as JSON: readers there stop at 128 levels, and a node takes three.
pub const MAX_DEPTH: usize = 32;

/// The flag that says the rest of the plaintext is a zlib stream.
const FLAG_ZLIB: u8 = 2;

/// The first bytes of a value, as they are on the wire. 1 to 235 are single-byte tokens.
mod tag {
    /// Nothing: no content, or an empty string.
    pub(super) const EMPTY: u8 = 0;
    /// Four pages of double-byte tokens: a page here, then the token's index.
    pub(super) const PAGE_FIRST: u8 = 236;
    pub(super) const PAGE_LAST: u8 = 239;
    /// User, device of 2 bytes, integrator of 2 bytes, server.
    pub(super) const INTEROP_JID: u8 = 245;
    /// User, device of 2 bytes, server.
    pub(super) const FB_JID: u8 = 246;
    /// Domain of 1 byte, device of 1 byte, user.
    pub(super) const AD_JID: u8 = 247;
    /// A list whose count is 1 byte.
    pub(super) const LIST_8: u8 = 248;
    /// A list whose count is 2 bytes.
    pub(super) const LIST_16: u8 = 249;
    /// User, which may be nothing, and server.
    pub(super) const JID_PAIR: u8 = 250;
    /// Hexadecimal digits, two to a byte.
    pub(super) const HEX: u8 = 251;
    /// Bytes whose count is 1 byte.
    pub(super) const BINARY_8: u8 = 252;
    /// Bytes whose count is 20 bits in 3 bytes.
    pub(super) const BINARY_20: u8 = 253;
    /// Bytes whose count is 4 bytes.
    pub(super) const BINARY_32: u8 = 254;
    /// Digits, `-` and `.`, two to a byte.
    pub(super) const NIBBLE: u8 = 255;
}

#[cfg(test)]
mod tests;

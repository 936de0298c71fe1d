//! Nodes to bytes, without tokens.

use super::{MAX_DEPTH, tag};
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

/// Appends the flag byte and the encoding of `node` to `out`. Allocates nothing beyond `out`.
///
/// # Errors
/// [`EncodeError`]; `out` is then as it was.
pub fn encode(node: &Node, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let begin = out.len();
    out.push(0);
    let written = write_node(node, MAX_DEPTH, out);
    if written.is_err() {
        out.truncate(begin);
    }
    written
}

fn write_node(node: &Node, depth_left: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if depth_left == 0 {
        return Err(EncodeError::TooDeep {
            tag: node.tag.to_string(),
        });
    }
    let content = usize::from(!node.content.is_empty());
    write_list(1 + 2 * node.attrs.len() + content, node, out)?;
    write_bytes(node.tag.as_bytes(), node, out)?;
    for (name, value) in &node.attrs {
        write_bytes(name.as_bytes(), node, out)?;
        write_bytes(value.as_bytes(), node, out)?;
    }
    match &node.content {
        Content::Empty => Ok(()),
        Content::Bytes(bytes) => write_bytes(bytes, node, out),
        Content::Nodes(children) => {
            write_list(children.len(), node, out)?;
            children
                .iter()
                .try_for_each(|child| write_node(child, depth_left - 1, out))
        }
    }
}

/// A list of no items is written with its count too: the byte for nothing would read as no content at all.
fn write_list(count: usize, node: &Node, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if let Ok(count) = u8::try_from(count) {
        out.extend_from_slice(&[tag::LIST_8, count]);
    } else if let Ok(count) = u16::try_from(count) {
        let [high, low] = count.to_be_bytes();
        out.extend_from_slice(&[tag::LIST_16, high, low]);
    } else {
        return Err(EncodeError::TooMany {
            tag: node.tag.to_string(),
            count,
        });
    }
    Ok(())
}

fn write_bytes(bytes: &[u8], node: &Node, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let Ok(length) = u32::try_from(bytes.len()) else {
        return Err(EncodeError::TooLong {
            tag: node.tag.to_string(),
            length: bytes.len(),
        });
    };
    match length.to_be_bytes() {
        [0, 0, 0, a] => out.extend_from_slice(&[tag::BINARY_8, a]),
        [0, a @ 0..=0x0f, b, c] => out.extend_from_slice(&[tag::BINARY_20, a, b, c]),
        [a, b, c, d] => out.extend_from_slice(&[tag::BINARY_32, a, b, c, d]),
    }
    out.extend_from_slice(bytes);
    Ok(())
}

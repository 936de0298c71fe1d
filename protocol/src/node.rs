//! A node: the XML-like element that every stanza is made of, as a value.

use std::fmt;

use compact_str::{CompactString, ToCompactString};
use serde::{Deserialize, Serialize};

/// An element with a tag, attributes in order, and nothing, children or bytes inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Node {
    /// The element's name, `iq` or `stream:error`.
    pub tag: CompactString,
    /// Attributes in the order of the wire.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attrs: Vec<(CompactString, CompactString)>,
    /// What is inside.
    #[serde(default, skip_serializing_if = "Content::is_empty")]
    pub content: Content,
}

/// What is inside a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Nothing.
    #[default]
    Empty,
    /// Child nodes, in order.
    Nodes(Vec<Node>),
    /// Bytes; text is bytes too.
    Bytes(Vec<u8>),
}

impl Content {
    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

impl Node {
    /// An empty element.
    pub fn new(tag: impl Into<CompactString>) -> Self {
        Self {
            tag: tag.into(),
            ..Self::default()
        }
    }

    /// The same element with one attribute more.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a number or a text is handed over as it is, without a borrow at every call"
    )]
    pub fn attr(mut self, name: impl Into<CompactString>, value: impl ToCompactString) -> Self {
        self.attrs.push((name.into(), value.to_compact_string()));
        self
    }

    /// The same element with one child more; bytes that were inside are replaced.
    #[must_use]
    pub fn child(mut self, child: Node) -> Self {
        match &mut self.content {
            Content::Nodes(children) => children.push(child),
            _ => self.content = Content::Nodes(vec![child]),
        }
        self
    }

    /// The same element with these bytes inside.
    #[must_use]
    pub fn bytes(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.content = Content::Bytes(bytes.into());
        self
    }

    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attrs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The children, or none.
    pub fn children(&self) -> &[Node] {
        match &self.content {
            Content::Nodes(children) => children,
            _ => &[],
        }
    }

    /// The first child with this tag.
    pub fn find(&self, tag: &str) -> Option<&Node> {
        self.children().iter().find(|child| child.tag == tag)
    }

    /// The bytes inside, if bytes are inside.
    pub fn content_bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Whether this is the element `tag` with these attributes, whatever else it carries.
    pub fn is(&self, tag: &str, attrs: &[(&str, &str)]) -> bool {
        self.tag == tag
            && attrs
                .iter()
                .all(|(name, value)| self.get(name) == Some(value))
    }
}

impl fmt::Display for Node {
    /// As XML on one line, for traces and logs; bytes that are no printable text as `<n bytes>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.tag)?;
        for (name, value) in &self.attrs {
            write!(f, " {name}={value:?}")?;
        }
        match &self.content {
            Content::Empty => f.write_str("/>"),
            Content::Nodes(children) => {
                f.write_str(">")?;
                children.iter().try_for_each(|child| child.fmt(f))?;
                write!(f, "</{}>", self.tag)
            }
            Content::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if text.chars().all(|c| !c.is_control()) => {
                    write!(f, ">{text}</{}>", self.tag)
                }
                _ => write!(f, "><{} bytes></{}>", bytes.len(), self.tag),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_reads_as_xml() {
        let node = Node::new("stream:error")
            .attr("code", 401)
            .child(Node::new("conflict").attr("type", "device_removed"));
        assert_eq!(
            node.to_string(),
            r#"<stream:error code="401"><conflict type="device_removed"/></stream:error>"#
        );
        assert_eq!(
            Node::new("ref").bytes(*b"\x00\x01").to_string(),
            "<ref><2 bytes></ref>"
        );
    }
}

//! The node codec: a small IQ, the `<success>` of a login, a message out of a backlog.

use squall_protocol::Node;
use squall_protocol::codec::encode;

/// A keep-alive's question.
pub fn ping() -> Node {
    Node::new("iq")
        .attr("id", "36243.51872-17")
        .attr("xmlns", "w:p")
        .attr("type", "get")
        .attr("to", "s.whatsapp.net")
        .child(Node::new("ping"))
}

/// The end of a login.
pub fn success() -> Node {
    Node::new("success")
        .attr("t", "1768831200")
        .attr("location", "rva")
        .attr("props", "27")
        .attr("companion_enc_static", "dGhlIGtleSBvZiBhIGNvbXBhbmlvbg==")
        .attr("lid", "100000012345678@lid")
        .attr("display_name", "Example Ltd.")
        .attr("creation", "1735689600")
}

/// One of a backlog.
pub fn message() -> Node {
    Node::new("message")
        .attr("from", "15550100@s.whatsapp.net")
        .attr("id", "3EB0C767D71B2E1A2B3C")
        .attr("type", "text")
        .attr("t", "1768831200")
        .attr("offline", "1")
        .child(
            Node::new("enc")
                .attr("v", "2")
                .attr("type", "msg")
                .bytes(vec![0x5a; 512]),
        )
}

/// As it goes over the wire.
///
/// # Panics
/// Where the node does not fit into a frame.
pub fn encoded(node: &Node) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(node, &mut bytes).expect("a node that fits its frame");
    bytes
}

//! The stanzas that the session sends, and how it numbers them.

use squall_protocol::Node;

/// The server's own address.
const SERVER: &str = "s.whatsapp.net";

/// `<iq xmlns="w:p" type="get"><ping/></iq>`: the ping that only a server which still serves this session answers.
pub(super) fn ping(number: u64) -> Node {
    request(number, "get", "w:p").child(Node::new("ping"))
}

/// Asks to be an active device: what is queued is delivered, notifications come here.
pub(super) fn go_active(number: u64) -> Node {
    request(number, "set", "passive").child(Node::new("active"))
}

/// Asks how many one-time pre-keys the server still holds.
pub(super) fn count_pre_keys(number: u64) -> Node {
    request(number, "get", "encrypt").child(Node::new("count"))
}

/// Says that somebody is at this device.
pub(super) fn available() -> Node {
    Node::new("presence").attr("type", "available")
}

/// The empty result of the server's request `asked`.
pub(super) fn result_of(asked: &Node) -> Node {
    answer_to(asked, "result")
}

/// The refusal of the server's request `asked`.
pub(super) fn error_of(asked: &Node, code: u16, text: &str) -> Node {
    let error = Node::new("error").attr("code", code).attr("text", text);
    answer_to(asked, "error").child(error)
}

/// The number of an IQ of ours, from the id of its answer; none for an id that this session does not write.
pub(super) fn number_of(id: &str) -> Option<u64> {
    let plain = id.bytes().all(|byte| byte.is_ascii_digit()) && !id.starts_with('0');
    plain.then(|| id.parse().ok()).flatten()
}

fn request(number: u64, kind: &str, namespace: &str) -> Node {
    let mut node = Node::new("iq");
    node.attrs.reserve_exact(4);
    node.attr("id", number)
        .attr("to", SERVER)
        .attr("type", kind)
        .attr("xmlns", namespace)
}

fn answer_to(asked: &Node, kind: &str) -> Node {
    let node = Node::new("iq")
        .attr("to", asked.get("from").unwrap_or(SERVER))
        .attr("type", kind);
    match asked.get("id") {
        Some(id) => node.attr("id", id),
        None => node,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_reads_back_from_the_id_alone_that_the_session_writes() {
        for number in [1, 9, 10, u64::MAX] {
            assert_eq!(
                number_of(ping(number).get("id").expect("an id")),
                Some(number)
            );
        }
        for id in [
            "",
            "0",
            "01",
            "+1",
            "1 ",
            "1x",
            "x1",
            "18446744073709551616",
        ] {
            assert_eq!(number_of(id), None, "{id:?}");
        }
    }

    #[test]
    fn the_ping_is_the_one_that_whatsapp_answers() {
        assert_eq!(
            ping(7).to_string(),
            r#"<iq id="7" to="s.whatsapp.net" type="get" xmlns="w:p"><ping/></iq>"#
        );
    }
}

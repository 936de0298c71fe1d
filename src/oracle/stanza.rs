//! How the oracles read stanzas: pings and answers.

use squall_protocol::Node;

use crate::trace::Message;

/// The id of the client's IQ ping: `<iq xmlns="w:p" type="get" id=…><ping/></iq>`.
pub(super) fn iq_ping_id(message: &Message) -> Option<&str> {
    let Message::Stanza(node) = message else {
        return None;
    };
    if node.tag != "iq" || node.get("xmlns") != Some("w:p") || node.get("type") != Some("get") {
        return None;
    }
    Some(node.get("id").unwrap_or(""))
}

/// The id that this stanza answers, by result or by error.
pub(super) fn iq_answer_id(message: &Message) -> Option<&str> {
    let Message::Stanza(node) = message else {
        return None;
    };
    if node.tag != "iq" || !matches!(node.get("type"), Some("result" | "error")) {
        return None;
    }
    node.get("id")
}

/// The id of the server's own ping: `<iq xmlns="urn:xmpp:ping" type="get" id=…>`.
pub(super) fn server_ping_id(message: &Message) -> Option<&str> {
    let Message::Stanza(node) = message else {
        return None;
    };
    if node.tag != "iq"
        || node.get("xmlns") != Some("urn:xmpp:ping")
        || node.get("type") != Some("get")
    {
        return None;
    }
    Some(node.get("id").unwrap_or(""))
}

/// Whether this stanza logs in.
pub(super) fn is_success(message: &Message) -> bool {
    matches!(message, Message::Stanza(node) if node.tag == "success")
}

/// Whether this stanza is the `stream:error` with code 515.
pub(super) fn is_restart_required(node: &Node) -> bool {
    node.tag == "stream:error" && node.get("code") == Some("515")
}

//! The answers to what clients ask after their login: the least that each real client goes on with.

use compact_str::CompactString;
use squall_protocol::Node;

use crate::fault::IqKind;
use crate::server::SERVER_JID;

/// The answer to a request of the client.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) kind: IqKind,
    pub(crate) node: Node,
}

/// What the server does with an `iq` of a kind that it does not know.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UnknownIq {
    /// Answers an error, so that a client which asks for something new is noticed.
    #[default]
    Error,
    /// Answers an empty result, which keeps most clients going.
    Empty,
}

/// The answer to a `get` or `set` request, or `None` where the kind is unknown.
pub(crate) fn answer(request: &Node) -> Option<Answer> {
    let known = |kind, child: Option<Node>| {
        let result = result(request);
        Some(Answer {
            kind,
            node: match child {
                Some(child) => result.child(child),
                None => result,
            },
        })
    };
    let other = |child| known(IqKind::Other, Some(child));
    let empty = || known(IqKind::Other, None);
    let get = request.get("type") == Some("get");
    match request.get("xmlns")? {
        "w:p" => known(IqKind::Ping, None),
        "passive" => known(IqKind::Passive, None),
        "encrypt" if !get => empty(),
        "encrypt" if request.find("count").is_some() => known(
            IqKind::Count,
            Some(Node::new("count").attr("value", PRE_KEYS_LEFT)),
        ),
        "encrypt" if request.find("digest").is_some() => {
            other(Node::new("digest").child(Node::new("registration").bytes([0, 0, 0, 1])))
        }
        "w" | "abt" if request.find("props").is_some() => other(
            Node::new("props")
                .attr("protocol", "1")
                .attr("hash", "mock"),
        ),
        "blocklist" => other(Node::new("list")),
        "privacy" => {
            let last_seen = Node::new("category")
                .attr("name", "last")
                .attr("value", "all");
            other(Node::new("privacy").child(last_seen))
        }
        "usync" => empty(),
        "w:sync:app:state" => other(synced(request)),
        // The history that a client asks for is empty here.
        _ if request.find("history").is_some() => empty(),
        _ => None,
    }
}

/// The answer to a request of an unknown kind.
pub(crate) fn answer_unknown(request: &Node, policy: UnknownIq) -> Answer {
    let node = match policy {
        UnknownIq::Empty => result(request),
        UnknownIq::Error => reply(request, "error").child(
            Node::new("error")
                .attr("code", "501")
                .attr("text", "feature-not-implemented"),
        ),
    };
    Answer {
        kind: IqKind::Other,
        node,
    }
}

/// Each collection is at version 0 and has no patch.
fn synced(request: &Node) -> Node {
    let asked = request.find("sync").map(Node::children).unwrap_or_default();
    asked
        .iter()
        .filter(|collection| collection.tag == "collection")
        .fold(Node::new("sync"), |sync, collection| {
            let name: CompactString = collection.get("name").unwrap_or_default().into();
            sync.child(
                Node::new("collection")
                    .attr("name", name)
                    .attr("version", "0")
                    .attr("type", "result"),
            )
        })
}

fn result(request: &Node) -> Node {
    reply(request, "result")
}

fn reply(request: &Node, kind: &'static str) -> Node {
    let mut reply = Node::new("iq");
    reply.attrs = Vec::with_capacity(3);
    reply.attrs.push((
        CompactString::const_new("from"),
        CompactString::const_new(SERVER_JID),
    ));
    reply.attrs.push((
        CompactString::const_new("type"),
        CompactString::const_new(kind),
    ));
    if let Some((_, id)) = request.attrs.iter().find(|(name, _)| name == "id") {
        reply
            .attrs
            .push((CompactString::const_new("id"), id.clone()));
    }
    reply
}

/// Baileys uploads keys when 5 or fewer are left.
const PRE_KEYS_LEFT: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(kind: &str, xmlns: &str, child: Option<Node>) -> Option<(IqKind, String)> {
        let mut request = Node::new("iq")
            .attr("to", SERVER_JID)
            .attr("type", kind)
            .attr("xmlns", xmlns)
            .attr("id", "7");
        if let Some(child) = child {
            request = request.child(child);
        }
        let Answer { kind, node } = answer(&request)?;
        let head = r#"<iq from="s.whatsapp.net" type="result" id="7""#;
        let text = node.to_string();
        Some((kind, text.strip_prefix(head).expect(&text).to_owned()))
    }

    #[test]
    fn every_request_of_the_real_clients_is_answered() {
        let node = Node::new;
        let sync = node("sync")
            .child(node("collection").attr("name", "regular"))
            .child(node("collection").attr("name", "critical_block"));
        let cases = [
            ("get", "w:p", Some(node("ping")), IqKind::Ping, "/>"),
            ("get", "w:p", None, IqKind::Ping, "/>"),
            (
                "set",
                "passive",
                Some(node("active")),
                IqKind::Passive,
                "/>",
            ),
            (
                "get",
                "encrypt",
                Some(node("count")),
                IqKind::Count,
                r#"><count value="500"/></iq>"#,
            ),
            ("set", "encrypt", Some(node("list")), IqKind::Other, "/>"),
            (
                "get",
                "encrypt",
                Some(node("digest")),
                IqKind::Other,
                "><digest><registration><4 bytes></registration></digest></iq>",
            ),
            (
                "get",
                "abt",
                Some(node("props")),
                IqKind::Other,
                r#"><props protocol="1" hash="mock"/></iq>"#,
            ),
            ("get", "blocklist", None, IqKind::Other, "><list/></iq>"),
            (
                "get",
                "privacy",
                Some(node("privacy")),
                IqKind::Other,
                r#"><privacy><category name="last" value="all"/></privacy></iq>"#,
            ),
            ("get", "usync", Some(node("usync")), IqKind::Other, "/>"),
            ("get", "w:m", Some(node("history")), IqKind::Other, "/>"),
            (
                "set",
                "w:sync:app:state",
                Some(sync),
                IqKind::Other,
                r#"><sync><collection name="regular" version="0" type="result"/><collection name="critical_block" version="0" type="result"/></sync></iq>"#,
            ),
        ];
        for (kind, xmlns, child, answered, rest) in cases {
            assert_eq!(
                ask(kind, xmlns, child),
                Some((answered, rest.to_owned())),
                "{xmlns}"
            );
        }
    }

    #[test]
    fn an_unknown_request_is_refused_or_answered_empty() {
        let request = Node::new("iq")
            .attr("type", "get")
            .attr("xmlns", "w:new")
            .attr("id", "7");
        assert_eq!(answer(&request), None);
        assert_eq!(
            answer_unknown(&request, UnknownIq::Error).node.to_string(),
            r#"<iq from="s.whatsapp.net" type="error" id="7"><error code="501" text="feature-not-implemented"/></iq>"#
        );
        assert_eq!(
            answer_unknown(&request, UnknownIq::Empty).node.to_string(),
            r#"<iq from="s.whatsapp.net" type="result" id="7"/>"#
        );
    }
}

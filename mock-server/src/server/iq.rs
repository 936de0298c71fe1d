//! The replies to what clients ask after their login, where everybody gets the same: the least that each real client
//! goes on with.

use compact_str::CompactString;
use squall_protocol::Node;

use crate::fault::IqKind;
use crate::server::SERVER_JID;

/// What a request is answered with.
#[derive(Debug, PartialEq)]
pub(crate) enum Reply {
    /// A result, with something inside or without.
    Result(Option<Node>),
    /// A refusal: its code, and its text for people.
    Error(&'static str, &'static str),
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

/// The kind of a request.
pub(crate) fn kind(request: &Node) -> IqKind {
    match request.get("xmlns") {
        Some("w:p") => IqKind::Ping,
        Some("passive") => IqKind::Passive,
        Some("encrypt") if request.find("count").is_some() => IqKind::Count,
        _ => IqKind::Other,
    }
}

/// The reply to a `get` or `set` request that is the same for everybody, or `None` where the kind is unknown.
pub(crate) fn reply(request: &Node) -> Option<Reply> {
    let result = |child| Some(Reply::Result(Some(child)));
    let empty = Some(Reply::Result(None));
    let get = request.get("type") == Some("get");
    match request.get("xmlns")? {
        "w:p" | "passive" => empty,
        "w" | "abt" if request.find("props").is_some() => result(
            Node::new("props")
                .attr("protocol", "1")
                .attr("hash", "mock"),
        ),
        "blocklist" => result(Node::new("list")),
        // Tokens that let somebody write: nobody here needs one.
        "privacy" if !get && request.find("tokens").is_some() => empty,
        "privacy" => {
            let last_seen = Node::new("category")
                .attr("name", "last")
                .attr("value", "all");
            result(Node::new("privacy").child(last_seen))
        }
        "w:profile:picture" if get => Some(Reply::Error("404", "item-not-found")),
        // What was changed while it was away is up to date now.
        "urn:xmpp:whatsapp:dirty" if !get => empty,
        // The history that a client asks for is empty here.
        _ if request.find("history").is_some() => empty,
        _ => None,
    }
}

/// The reply to a request of an unknown kind.
pub(crate) fn reply_to_unknown(policy: UnknownIq) -> Reply {
    match policy {
        UnknownIq::Empty => Reply::Result(None),
        UnknownIq::Error => Reply::Error("501", "feature-not-implemented"),
    }
}

impl Reply {
    /// The stanza.
    pub(crate) fn to(self, request: &Node) -> Node {
        match self {
            Self::Result(None) => head(request, "result"),
            Self::Result(Some(child)) => head(request, "result").child(child),
            Self::Error(code, text) => {
                let error = Node::new("error").attr("code", code).attr("text", text);
                head(request, "error").child(error)
            }
        }
    }
}

fn head(request: &Node, kind: &'static str) -> Node {
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
        let head = r#"<iq from="s.whatsapp.net" type="result" id="7""#;
        let text = reply(&request)?.to(&request).to_string();
        let rest = text.strip_prefix(head).expect(&text).to_owned();
        Some((super::kind(&request), rest))
    }

    #[test]
    fn what_everybody_is_answered_alike_is_answered() {
        let node = Node::new;
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
            ("set", "privacy", Some(node("tokens")), IqKind::Other, "/>"),
            (
                "set",
                "urn:xmpp:whatsapp:dirty",
                Some(node("clean")),
                IqKind::Other,
                "/>",
            ),
            ("get", "w:m", Some(node("history")), IqKind::Other, "/>"),
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
        assert_eq!(reply(&request), None);
        assert_eq!(
            reply_to_unknown(UnknownIq::Error).to(&request).to_string(),
            r#"<iq from="s.whatsapp.net" type="error" id="7"><error code="501" text="feature-not-implemented"/></iq>"#
        );
        assert_eq!(
            reply_to_unknown(UnknownIq::Empty).to(&request).to_string(),
            r#"<iq from="s.whatsapp.net" type="result" id="7"/>"#
        );
    }
}

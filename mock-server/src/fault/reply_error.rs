//! Replies that refuse.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Node;

use super::{AsSent, Fault, FaultCx, Injected, Outgoing, Replies, Verdict};

/// Requests are answered with an error in place of the result, as by a server that is asked too much too early
/// (`WhiskeySockets/Baileys#2008`: 429 rate-overlimit, 300 ms after a pairing). The acknowledgement of a message says that it
/// goes nowhere (463: the sender has no token for whom it writes to).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplyError {
    /// The error's code: 429, 404, 500.
    pub code: AsSent,
    /// The error's text, which servers add for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Which replies.
    #[serde(default)]
    pub iq: Replies,
    /// Only the so-manieth of them on each connection, counted from 1 since the fault began; without it each one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<std::num::NonZeroU32>,
}

impl ReplyError {
    /// The refusal that goes in place of this reply.
    fn refusal(&self, reply: &Node) -> Node {
        if reply.tag == "ack" {
            return reply.clone().attr("error", self.code.as_str());
        }
        let mut error = Node::new("error").attr("code", self.code.as_str());
        if let Some(text) = &self.text {
            error = error.attr("text", text);
        }
        let refusal = ["from", "id"].into_iter().fold(
            Node::new("iq").attr("type", "error"),
            |refusal, name| match reply.get(name) {
                Some(value) => refusal.attr(name, value),
                None => refusal,
            },
        );
        refusal.child(error)
    }
}

impl Fault for ReplyError {
    fn injected(&self) -> Injected {
        Injected::NextAct
    }

    fn on_stanza(&self, stanza: Outgoing<'_>, cx: &mut FaultCx<'_>) -> Verdict<Node> {
        if self.iq.concern(stanza, self.nth, cx.count) {
            Verdict::Instead(self.refusal(stanza.node))
        } else {
            Verdict::Pass
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::IqKind;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn the_reply_becomes_an_error_with_the_same_id_and_nothing_else_does() {
        let fault: ReplyError =
            serde_json::from_str(r#"{"code":429,"text":"rate-overlimit","iq":"count"}"#).unwrap();
        let node = Node::new("iq")
            .attr("from", "s.whatsapp.net")
            .attr("type", "result")
            .attr("id", "7")
            .child(Node::new("count"));
        let asked = |answers| {
            let stanza = Outgoing {
                node: &node,
                answers,
            };
            ask(|cx| fault.on_stanza(stanza, cx))
        };
        let Verdict::Instead(sent) = asked(Some(IqKind::Count)) else {
            panic!("no refusal")
        };
        assert_eq!(
            sent.to_string(),
            r#"<iq type="error" from="s.whatsapp.net" id="7"><error code="429" text="rate-overlimit"/></iq>"#
        );
        for other in [Some(IqKind::Ping), None] {
            assert_eq!(asked(other), Verdict::Pass);
        }
    }

    #[test]
    fn an_acknowledgement_carries_the_code_itself() {
        let fault: ReplyError = serde_json::from_str(r#"{"code":463,"iq":"message"}"#).unwrap();
        let node = Node::new("ack").attr("class", "message").attr("id", "7");
        let stanza = Outgoing {
            node: &node,
            answers: Some(IqKind::Message),
        };
        let sent = Node::new("ack").attr("class", "message").attr("id", "7");
        assert_eq!(
            ask(|cx| fault.on_stanza(stanza, cx)),
            Verdict::Instead(sent.attr("error", "463"))
        );
    }
}

//! Replies to another request.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Node;

use super::{Fault, FaultCx, Injected, Outgoing, Replies, Text, Verdict};

/// Requests are answered in time and under another id than theirs, so that the answers answer nothing. Digits are added to
/// the id: a number becomes one that no client has come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrongReplyId {
    /// Which replies.
    #[serde(default)]
    pub iq: Replies,
    /// Only the so-manieth of them on each connection, counted from 1 since the fault began; without it each one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<std::num::NonZeroU32>,
}

impl Fault for WrongReplyId {
    fn injected(&self) -> Injected {
        Injected::NextAct
    }

    fn on_stanza(&self, stanza: Outgoing<'_>, cx: &mut FaultCx<'_>) -> Verdict<Node> {
        if !self.iq.concern(stanza, self.nth, cx.count) {
            return Verdict::Pass;
        }
        let mut reply = stanza.node.clone();
        for (_, id) in reply.attrs.iter_mut().filter(|(name, _)| name == "id") {
            *id = Text::from(format!("{id}{MORE}"));
        }
        Verdict::Instead(reply)
    }
}

/// A billion requests further on, at 25 s each, are eight centuries.
const MORE: &str = "999999999";

#[cfg(test)]
mod tests {
    use super::super::IqKind;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn the_reply_goes_under_another_id_and_other_stanzas_as_they_are() {
        let fault: WrongReplyId = serde_json::from_str(r#"{"iq":"ping"}"#).unwrap();
        let node = Node::new("iq").attr("type", "result").attr("id", "7");
        let asked = |answers| {
            let stanza = Outgoing {
                node: &node,
                answers,
            };
            ask(|cx| fault.on_stanza(stanza, cx))
        };
        let wrong = Node::new("iq")
            .attr("type", "result")
            .attr("id", "7999999999");
        assert_eq!(asked(Some(IqKind::Ping)), Verdict::Instead(wrong));
        for other in [Some(IqKind::Count), None] {
            assert_eq!(asked(other), Verdict::Pass);
        }
    }
}

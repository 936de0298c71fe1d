//! Replies that never come.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Node;

use super::{Fault, FaultCx, Injected, Outgoing, Replies, Verdict};

/// Replies to requests never come; everything else goes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithholdReply {
    /// Which replies.
    #[serde(default)]
    pub iq: Replies,
    /// Only the so-manieth of them on each connection, counted from 1 since the fault began; without it each one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<std::num::NonZeroU32>,
}

impl Fault for WithholdReply {
    fn injected(&self) -> Injected {
        Injected::NextAct
    }

    fn on_stanza(&self, stanza: Outgoing<'_>, cx: &mut FaultCx<'_>) -> Verdict<Node> {
        if self.iq.concern(stanza, self.nth, cx.count) {
            Verdict::Withhold
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
    fn replies_of_its_kind_are_withheld_and_no_others() {
        let fault: WithholdReply = serde_json::from_str(r#"{"iq":"count"}"#).unwrap();
        let node = Node::new("iq");
        for (answers, verdict) in [
            (Some(IqKind::Count), Verdict::Withhold),
            (Some(IqKind::Ping), Verdict::Pass),
            (Some(IqKind::Other), Verdict::Pass),
            (None, Verdict::Pass),
        ] {
            let stanza = Outgoing {
                node: &node,
                answers,
            };
            assert_eq!(
                ask(|cx| fault.on_stanza(stanza, cx)),
                verdict,
                "{answers:?}"
            );
        }
    }
}

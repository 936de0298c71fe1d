//! A frame that does not authenticate.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Node;

use super::{Act, Fault, FaultCx, Injected};

/// The server sends a ping whose frame was damaged after encryption, so that it does not authenticate, and goes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CorruptFrame {}

impl Fault for CorruptFrame {
    fn injected(&self) -> Injected {
        Injected::AtOnce
    }

    fn acts(&self, cx: &mut FaultCx<'_>) -> Vec<Act> {
        *cx.count += 1;
        let ping = Node::new("iq")
            .attr("from", "s.whatsapp.net")
            .attr("type", "get")
            .attr("xmlns", "urn:xmpp:ping")
            .attr("id", format!("corrupt-{}", cx.count));
        vec![Act::Corrupt(Arc::new(ping))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::super::{Outgoing, Verdict};
    use super::*;

    #[test]
    fn it_sends_one_damaged_frame_and_damages_no_other() {
        let acts = ask(|cx| CorruptFrame {}.acts(cx));
        assert!(matches!(acts.as_slice(), [Act::Corrupt(_)]), "{acts:?}");
        let node = Node::new("iq");
        let stanza = Outgoing {
            node: &node,
            answers: None,
        };
        assert_eq!(
            ask(|cx| CorruptFrame {}.on_stanza(stanza, cx)),
            Verdict::Pass
        );
    }
}

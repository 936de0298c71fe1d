//! Replies that come late.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::{Millis, Node};

use super::{Fault, FaultCx, Injected, Outgoing, Replies, Verdict};

/// Replies to requests come late by a fixed time; what follows does not wait for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayReply {
    /// How late.
    pub by: Millis,
    /// Which replies.
    #[serde(default)]
    pub iq: Replies,
    /// Only the so-manieth of them on each connection, counted from 1 since the fault began; without it each one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nth: Option<std::num::NonZeroU32>,
}

impl Fault for DelayReply {
    fn injected(&self) -> Injected {
        Injected::NextAct
    }

    fn on_stanza(&self, stanza: Outgoing<'_>, cx: &mut FaultCx<'_>) -> Verdict<Node> {
        if self.iq.concern(stanza, self.nth, cx.count) {
            Verdict::After(self.by)
        } else {
            Verdict::Pass
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::IqKind::{self, Count, Passive, Ping};
    use super::super::testing::with_cx;
    use super::*;

    #[test]
    fn the_second_ping_reply_is_late_and_no_other() {
        let fault: DelayReply = serde_json::from_str(r#"{"by":"9s","iq":"ping","nth":2}"#).unwrap();
        let node = Node::new("iq");
        let mut count = 0;
        let mut late = |answers: Option<IqKind>| {
            let stanza = Outgoing {
                node: &node,
                answers,
            };
            with_cx(0, &mut count, |cx| fault.on_stanza(stanza, cx)).0 != Verdict::Pass
        };
        let asked = [
            Some(Ping),
            Some(Count),
            None,
            Some(Passive),
            Some(Ping),
            Some(Ping),
        ];
        assert_eq!(
            asked.map(&mut late),
            [false, false, false, false, true, false]
        );
    }
}

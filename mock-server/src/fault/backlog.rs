//! What gathered while the client was away, all at once.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::{Millis, Node};

use super::evenly::Evenly;
use super::{Act, Fault, FaultCx, Injected, SENDER};

/// The server sends so many receipts, evenly over a time, as after a long absence (`adiwajshing/Baileys#1292`: 7,771
/// stanzas, the client's pings starved behind them, and the server closed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backlog {
    /// How many.
    pub stanzas: std::num::NonZeroU32,
    /// Over what time, from the first to the last; 0 is all at once.
    #[serde(default)]
    pub over: Millis,
}

impl Backlog {
    /// The stanza with this index.
    fn stanza(cx: &FaultCx<'_>, index: u64) -> Node {
        Node::new("receipt")
            .attr("from", SENDER)
            .attr("id", format!("backlog-{index}"))
            .attr("t", cx.now.wall.as_second())
            .attr("offline", index)
    }
}

impl Fault for Backlog {
    fn injected(&self) -> Injected {
        Injected::AtOnce
    }

    fn acts(&self, cx: &mut FaultCx<'_>) -> Vec<Act> {
        self.on_timer(cx)
    }

    fn on_timer(&self, cx: &mut FaultCx<'_>) -> Vec<Act> {
        let evenly = Evenly {
            count: self.stanzas,
            over: self.over,
        };
        evenly
            .due(cx)
            .map(|index| Act::Send(Arc::new(Self::stanza(cx, index))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, with_cx};
    use super::*;
    use squall_protocol::Instant;

    #[test]
    fn stanzas_come_evenly_and_each_says_its_place() {
        let fault: Backlog = serde_json::from_str(r#"{"stanzas":3,"over":"10ms"}"#).unwrap();
        let mut count = 0;
        let (first, wake) = with_cx(0, &mut count, |cx| fault.acts(cx));
        assert_eq!((first.len(), wake), (1, Some(Instant::at(5))));
        let (rest, wake) = with_cx(10, &mut count, |cx| fault.on_timer(cx));
        let [_, Act::Send(last)] = rest.as_slice() else {
            panic!("{rest:?}")
        };
        assert_eq!((last.get("offline"), wake), (Some("2"), None));
    }

    #[test]
    fn without_a_time_all_come_at_once() {
        let fault: Backlog = serde_json::from_str(r#"{"stanzas":3}"#).unwrap();
        assert_eq!(ask(|cx| fault.acts(cx)).len(), 3);
    }
}

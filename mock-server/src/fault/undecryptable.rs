//! Messages that nobody can read.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::{Millis, Node};

use super::{Act, Fault, FaultCx, Injected, SENDER};

/// Messages that the client's application cannot decrypt come at a rate (`WhiskeySockets/Baileys#2234`: "Bad MAC" 168,000
/// times in two hours). The frames around them authenticate: nothing is wrong with the connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Undecryptable {
    /// How many a second.
    pub rate: std::num::NonZeroU32,
}

impl Undecryptable {
    fn message(cx: &FaultCx<'_>, index: u64) -> Node {
        let sealed = Node::new("enc")
            .attr("v", "2")
            .attr("type", "msg")
            .bytes(OF_NO_SESSION);
        Node::new("message")
            .attr("from", SENDER)
            .attr("id", format!("undecryptable-{index}"))
            .attr("type", "text")
            .attr("t", cx.now.wall.as_second())
            .child(sealed)
    }
}

impl Fault for Undecryptable {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn acts(&self, cx: &mut FaultCx<'_>) -> Vec<Act> {
        self.on_timer(cx)
    }

    fn on_timer(&self, cx: &mut FaultCx<'_>) -> Vec<Act> {
        let rate = u64::from(self.rate.get());
        let elapsed = cx.now.mono.since(cx.since).get();
        let due = 1 + elapsed.saturating_mul(rate) / A_SECOND;
        let acts = (*cx.count..due)
            .map(|index| Act::Send(Arc::new(Self::message(cx, index))))
            .collect();
        *cx.count = due;
        cx.wake_at(cx.since + Millis::new(due.saturating_mul(A_SECOND).div_ceil(rate)));
        acts
    }
}

/// In milliseconds.
const A_SECOND: u64 = 1_000;

/// A Signal message, by its version byte, of a session that the receiver does not have.
const OF_NO_SESSION: &[u8] = b"\x33 of no session";

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, with_cx};
    use super::super::{Outgoing, Verdict};
    use super::*;

    /// When each message was sent within the first second.
    fn times(rate: u32) -> Vec<u64> {
        let fault = Undecryptable {
            rate: rate.try_into().unwrap(),
        };
        let (mut at, mut count, mut times) = (0, 0, Vec::new());
        while at < 1_000 {
            let (acts, wake) = with_cx(at, &mut count, |cx| fault.on_timer(cx));
            times.extend(acts.iter().map(|_| at));
            at = wake.expect("it goes on").since_start().get();
        }
        times
    }

    #[test]
    fn messages_come_at_their_rate_for_as_long_as_it_stands() {
        assert_eq!(times(3), [0, 334, 667]);
        assert_eq!(times(25).len(), 25);
        assert_eq!(times(4_000)[..6], [0, 1, 1, 1, 1, 2]);
    }

    #[test]
    fn a_message_is_a_stanza_with_something_sealed_and_others_go_as_they_are() {
        let fault: Undecryptable = serde_json::from_str(r#"{"rate":25}"#).unwrap();
        let acts = ask(|cx| fault.acts(cx));
        let [Act::Send(message)] = acts.as_slice() else {
            panic!("{acts:?}")
        };
        assert!(message.tag == "message" && message.find("enc").is_some());
        let stanza = Outgoing {
            node: message,
            answers: None,
        };
        assert_eq!(ask(|cx| fault.on_stanza(stanza, cx)), Verdict::Pass);
    }
}

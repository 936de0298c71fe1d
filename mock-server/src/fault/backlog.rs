//! What gathered while the client was away, all at once.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::{Millis, Node};

use super::{Act, Fault, FaultCx, Injected};

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
    /// How many are due so long after the first.
    fn due(&self, elapsed: Millis) -> u64 {
        let all = u64::from(self.stanzas.get());
        match self.over.get() {
            0 => all,
            over if elapsed.get() >= over => all,
            over => 1 + (all - 1) * elapsed.get() / over,
        }
    }

    /// How long after the first the stanza with this index comes, the first being 0.
    fn comes_after(&self, index: u64) -> Millis {
        match u64::from(self.stanzas.get()) - 1 {
            0 => Millis::ZERO,
            gaps => Millis::new((self.over.get() * index).div_ceil(gaps)),
        }
    }

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
        let due = self.due(cx.now.mono.since(cx.since));
        let acts = (*cx.count..due)
            .map(|index| Act::Send(Arc::new(Self::stanza(cx, index))))
            .collect();
        *cx.count = due;
        if due < u64::from(self.stanzas.get()) {
            cx.wake_at(cx.since + self.comes_after(due));
        }
        acts
    }
}

/// A phone that is nobody's: 555-0100 is reserved for fiction.
const SENDER: &str = "12025550100@s.whatsapp.net";

#[cfg(test)]
mod tests {
    use super::super::testing::with_cx;
    use super::*;

    /// When each stanza was sent.
    fn times(fault: &Backlog) -> Vec<u64> {
        let (mut at, mut count, mut times) = (0, 0, Vec::new());
        loop {
            let (acts, wake) = with_cx(at, &mut count, |cx| fault.on_timer(cx));
            times.extend(acts.iter().map(|_| at));
            match wake {
                Some(next) => at = next.since_start().get(),
                None => return times,
            }
        }
    }

    #[test]
    fn stanzas_come_evenly_and_then_no_more() {
        let fault: Backlog = serde_json::from_str(r#"{"stanzas":5,"over":"10ms"}"#).unwrap();
        assert_eq!(times(&fault), [0, 3, 5, 8, 10]);
        let fault: Backlog = serde_json::from_str(r#"{"stanzas":8000,"over":"30s"}"#).unwrap();
        let times = times(&fault);
        assert_eq!((times.len(), times[0], times[7_999]), (8_000, 0, 30_000));
    }

    #[test]
    fn without_a_time_all_come_at_once() {
        let fault: Backlog = serde_json::from_str(r#"{"stanzas":3}"#).unwrap();
        assert_eq!(times(&fault), [0, 0, 0]);
    }
}

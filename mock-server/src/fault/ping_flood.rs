//! Many Pings.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Millis;

use super::evenly::Evenly;
use super::{Act, Fault, FaultCx, Injected};

/// The server sends so many WebSocket Pings, evenly over a time. Each is owed a Pong with its payload (RFC 6455, 5.5.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PingFlood {
    /// How many.
    pub pings: std::num::NonZeroU32,
    /// Over what time, from the first to the last; 0 is all at once.
    #[serde(default)]
    pub over: Millis,
}

impl Fault for PingFlood {
    fn injected(&self) -> Injected {
        Injected::AtOnce
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn acts(&self, cx: &mut FaultCx<'_>) -> Vec<Act> {
        self.on_timer(cx)
    }

    fn on_timer(&self, cx: &mut FaultCx<'_>) -> Vec<Act> {
        let evenly = Evenly {
            count: self.pings,
            over: self.over,
        };
        evenly
            .due(cx)
            .map(|index| Act::Ping(compact_str::format_compact!("flood-{index}")))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, with_cx};
    use super::super::{Control, Verdict};
    use super::*;
    use squall_protocol::Instant;

    #[test]
    fn each_ping_has_a_payload_of_its_own_and_its_time() {
        let fault: PingFlood = serde_json::from_str(r#"{"pings":3,"over":"2s"}"#).unwrap();
        let mut count = 0;
        let (first, wake) = with_cx(0, &mut count, |cx| fault.acts(cx));
        assert_eq!(first, [Act::Ping("flood-0".into())]);
        assert_eq!(wake, Some(Instant::at(1_000)));
        let (rest, wake) = with_cx(2_000, &mut count, |cx| fault.on_timer(cx));
        assert_eq!(
            rest,
            ["flood-1", "flood-2"].map(|name| Act::Ping(name.into()))
        );
        assert_eq!(wake, None);
    }

    #[test]
    fn it_touches_no_frame_of_others() {
        let fault: PingFlood = serde_json::from_str(r#"{"pings":3}"#).unwrap();
        for frame in [Control::Ping, Control::Pong] {
            assert_eq!(ask(|cx| fault.on_frame(frame, b"x", cx)), Verdict::Pass);
        }
    }
}

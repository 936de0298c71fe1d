//! A NAT with a short memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Instant;

use super::{Act, Carry, Fault, FaultCx, Handed, Injected, SomeTime};

/// A NAT forgets a connection over which nothing was sent for so long, either way, counted from when the fault is put on
/// or the client dials. RFC 5382, REQ-5, wants at least 2 h 4 min; home routers and mobile networks forget within minutes.
/// The connection is over then, though neither end knows: what was forgotten does not come back, not even when the fault is
/// taken off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdleTimeout {
    /// How long a connection may be idle.
    pub after: SomeTime,
    /// What becomes of the next message.
    #[serde(default)]
    pub then: Forgotten,
}

/// What a NAT does with a message of a connection that it does not know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Forgotten {
    /// It drops it, and every later one, either way.
    #[default]
    Silence,
    /// It answers with a reset, of which both ends hear.
    Reset,
}

/// The reset is on its way.
const RESET: u64 = u64::MAX;

impl Fault for IdleTimeout {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    /// `count` is the time of the last message, which no longer moves once the connection is forgotten.
    fn on_message(&self, _: Handed, cx: &mut FaultCx<'_>) -> Carry {
        if *cx.count == RESET {
            return Carry::Pass;
        }
        let last = cx.since.max(Instant::at(*cx.count));
        if cx.now.mono < last + self.after.get() {
            *cx.count = cx.now.mono.since_start().get();
            return Carry::Pass;
        }
        match self.then {
            Forgotten::Silence => Carry::Forget,
            Forgotten::Reset => {
                *cx.count = RESET;
                cx.wake_at(cx.now.mono);
                Carry::Hold
            }
        }
    }

    fn on_timer(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        vec![Act::Reset]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Direction::{ToClient, ToServer};
    use super::super::testing::{handed, with_cx};
    use super::*;
    use squall_protocol::Millis;

    fn fault(then: Forgotten) -> IdleTimeout {
        IdleTimeout {
            after: SomeTime::try_from(Millis::from_secs(30)).unwrap(),
            then,
        }
    }

    #[test]
    fn traffic_either_way_keeps_the_connection_known() {
        let (fault, mut last) = (fault(Forgotten::Silence), 0);
        for (n, way) in [ToServer, ToClient]
            .into_iter()
            .cycle()
            .take(100)
            .enumerate()
        {
            let at = 29_999 * u64::try_from(n + 1).unwrap();
            let (carry, _) = with_cx(at, &mut last, |cx| fault.on_message(handed(way), cx));
            assert_eq!(carry, Carry::Pass, "{at} ms");
        }
    }

    #[test]
    fn what_comes_when_the_time_is_over_is_lost_and_so_is_all_that_follows() {
        let (fault, mut last) = (fault(Forgotten::Silence), 0);
        for (at, way, carry) in [
            (10_000, ToServer, Carry::Pass),
            (40_000, ToClient, Carry::Forget),
            (40_001, ToServer, Carry::Forget),
            (41_000, ToClient, Carry::Forget),
        ] {
            let (got, _) = with_cx(at, &mut last, |cx| fault.on_message(handed(way), cx));
            assert_eq!(got, carry, "{at} ms");
        }
    }

    #[test]
    fn a_nat_that_resets_does_so_once_and_lets_the_reset_pass() {
        let (fault, mut last) = (fault(Forgotten::Reset), 0);
        let (carry, wake) = with_cx(30_000, &mut last, |cx| {
            fault.on_message(handed(ToServer), cx)
        });
        assert_eq!((carry, wake), (Carry::Hold, Some(Instant::at(30_000))));
        let (acts, _) = with_cx(30_000, &mut last, |cx| fault.on_timer(cx));
        assert_eq!(acts, [Act::Reset]);
        let (carry, wake) = with_cx(30_000, &mut last, |cx| {
            fault.on_message(handed(ToClient), cx)
        });
        assert_eq!((carry, wake), (Carry::Pass, None));
    }
}

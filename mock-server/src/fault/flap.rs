//! A network that comes and goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::{Instant, Millis};

use super::{Act, Carry, Connect, Fault, FaultCx, Handed, Injected, SomeTime};

/// The network goes down when the fault is put on, comes up again, and so on, by the same beat for every connection. While
/// it is down nothing passes either way and nobody is told; what was sent flows when it is up again, as TCP's
/// retransmissions do; a dial gets no answer, and its kernel tries again as under `partition`. That is an outage somewhere
/// between: where the client's own interface is down, a dial is refused at once, which is `refuse_connect`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Flap {
    /// How long the network is up each time.
    pub up: SomeTime,
    /// How long it is down each time, the first thing that it is.
    pub down: SomeTime,
}

impl Flap {
    /// When the network is up again, if it is down now.
    fn down_until(&self, cx: &FaultCx<'_>) -> Option<Instant> {
        let (up, down) = (self.up.get().get(), self.down.get().get());
        let since = (cx.now.mono - cx.put_on).get();
        let into = since % up.saturating_add(down);
        (into < down).then(|| cx.now.mono + Millis::new(down - into))
    }
}

impl Fault for Flap {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn keeps_back(&self) -> bool {
        true
    }

    fn on_connect(&self, cx: &mut FaultCx<'_>) -> Connect {
        match self.down_until(cx) {
            Some(_) => Connect::Silence,
            None => Connect::Accept,
        }
    }

    fn on_message(&self, _: Handed, cx: &mut FaultCx<'_>) -> Carry {
        match self.down_until(cx) {
            Some(up) => {
                cx.wake_at(up);
                Carry::Hold
            }
            None => Carry::Pass,
        }
    }

    fn on_timer(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        vec![Act::Flow]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Direction;
    use super::super::testing::{handed, with_cx};
    use super::*;

    fn fault() -> Flap {
        serde_json::from_str(r#"{"up":"50s","down":"10s"}"#).unwrap()
    }

    #[test]
    fn it_is_down_first_then_up_and_so_on_to_the_millisecond() {
        for (at, down) in [
            (0, true),
            (9_999, true),
            (10_000, false),
            (59_999, false),
            (60_000, true),
            (3_600_000, true),
            (3_610_000, false),
        ] {
            let (connect, _) = with_cx(at, &mut 0, |cx| fault().on_connect(cx));
            assert_eq!(connect == Connect::Silence, down, "{at} ms");
            let (carry, _) = with_cx(at, &mut 0, |cx| {
                fault().on_message(handed(Direction::ToServer), cx)
            });
            assert_eq!(carry == Carry::Hold, down, "{at} ms");
        }
    }

    #[test]
    fn what_it_holds_flows_when_the_network_is_up_again() {
        let (_, wake) = with_cx(63_000, &mut 0, |cx| {
            fault().on_message(handed(Direction::ToClient), cx)
        });
        assert_eq!(wake, Some(Instant::at(70_000)));
        let (acts, _) = with_cx(70_000, &mut 0, |cx| fault().on_timer(cx));
        assert_eq!(acts, [Act::Flow]);
    }

    #[test]
    fn a_network_that_is_never_up_or_never_down_is_refused() {
        for written in [r#"{"up":"0s","down":"1s"}"#, r#"{"up":"1s","down":"0s"}"#] {
            let error = serde_json::from_str::<Flap>(written).unwrap_err();
            assert!(error.to_string().contains("above zero"), "{error}");
        }
    }
}

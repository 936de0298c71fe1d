//! A slow link.

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Millis;

use super::{Carry, Fault, FaultCx, Handed, Injected};

/// Each message, either way, takes longer by `base` and a drawn part of `jitter`, on top of the link's own latency.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// What every message takes longer.
    pub base: Millis,
    /// The most that chance adds, each time anew and evenly.
    #[serde(default)]
    pub jitter: Millis,
}

impl Fault for Latency {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn on_message(&self, _: Handed, cx: &mut FaultCx<'_>) -> Carry {
        let drawn = match self.jitter.get() {
            0 => 0,
            most => cx.rng.random_range(0..=most),
        };
        match self.base.saturating_add(Millis::new(drawn)) {
            Millis::ZERO => Carry::Pass,
            longer => Carry::After(longer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Direction;
    use super::super::testing::{ask, handed, with_cx};
    use super::*;

    #[test]
    fn every_message_takes_longer_within_the_bounds() {
        let fault = Latency {
            base: Millis::new(40),
            jitter: Millis::new(10),
        };
        let mut drawn = std::collections::BTreeSet::new();
        for n in 0..200 {
            let (verdict, _) = with_cx(n, &mut 0, |cx| {
                fault.on_message(handed(Direction::ToClient), cx)
            });
            let Carry::After(longer) = verdict else {
                panic!("{verdict:?}")
            };
            drawn.insert(longer.get());
        }
        assert_eq!(drawn, (40..=50).collect());
    }

    #[test]
    fn no_latency_is_no_act() {
        let fault = Latency {
            base: Millis::ZERO,
            jitter: Millis::ZERO,
        };
        assert_eq!(
            ask(|cx| fault.on_message(handed(Direction::ToServer), cx)),
            Carry::Pass
        );
    }
}

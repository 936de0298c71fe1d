//! Pongs that nobody asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Millis;

use super::evenly::Evenly;
use super::{Act, Fault, FaultCx, Injected};

/// The server sends WebSocket Pongs that answer no Ping, which RFC 6455, 5.5.3, allows as a heartbeat. They show that the
/// other end lives, and settle nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnsolicitedPong {
    /// How many.
    #[serde(default = "one")]
    pub pongs: std::num::NonZeroU32,
    /// Over what time, from the first to the last; 0 is all at once.
    #[serde(default)]
    pub over: Millis,
}

const fn one() -> std::num::NonZeroU32 {
    std::num::NonZeroU32::MIN
}

impl Default for UnsolicitedPong {
    /// One, at once.
    fn default() -> Self {
        Self {
            pongs: one(),
            over: Millis::ZERO,
        }
    }
}

impl Fault for UnsolicitedPong {
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
            count: self.pongs,
            over: self.over,
        };
        evenly.due(cx).map(|_| Act::Pong(UNASKED.into())).collect()
    }
}

/// Longer than any number that a client would send as its Ping's payload.
const UNASKED: &str = "nobody asked";

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, with_cx};
    use super::super::{Control, Verdict};
    use super::*;

    #[test]
    fn one_comes_at_once_unless_more_are_wanted() {
        let fault: UnsolicitedPong = serde_json::from_str("{}").unwrap();
        let (acts, wake) = with_cx(0, &mut 0, |cx| fault.acts(cx));
        assert_eq!((acts, wake), (vec![Act::Pong(UNASKED.into())], None));
        let fault: UnsolicitedPong = serde_json::from_str(r#"{"pongs":9,"over":"1s"}"#).unwrap();
        let (acts, wake) = with_cx(0, &mut 0, |cx| fault.acts(cx));
        assert!(acts.len() == 1 && wake.is_some());
    }

    #[test]
    fn the_pongs_that_were_asked_for_go_as_they_are() {
        let fault: UnsolicitedPong = serde_json::from_str("{}").unwrap();
        assert_eq!(
            ask(|cx| fault.on_frame(Control::Pong, b"x", cx)),
            Verdict::Pass
        );
    }
}

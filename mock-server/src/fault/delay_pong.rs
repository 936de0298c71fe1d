//! Pongs that come late.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Millis;

use super::{Control, Fault, FaultCx, Injected, Verdict};

/// Answers the client's WebSocket Pings late, by a fixed time, in the order they came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayPong {
    /// How late.
    pub by: Millis,
}

impl Fault for DelayPong {
    fn injected(&self) -> Injected {
        Injected::NextAct
    }

    fn on_frame(&self, frame: Control, _: &[u8], _: &mut FaultCx<'_>) -> Verdict<Vec<u8>> {
        match frame {
            Control::Pong => Verdict::After(self.by),
            Control::Ping | Control::Close => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn a_pong_is_late_and_other_frames_are_not() {
        let by = Millis::from_secs(9);
        let fault = DelayPong { by };
        assert_eq!(
            ask(|cx| fault.on_frame(Control::Pong, &[], cx)),
            Verdict::After(by)
        );
        for frame in [Control::Ping, Control::Close] {
            assert_eq!(ask(|cx| fault.on_frame(frame, &[], cx)), Verdict::Pass);
        }
    }
}

//! Pongs that never come.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Control, Fault, FaultCx, Injected, Verdict};

/// The client's WebSocket Pings are never answered; everything else goes on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithholdPong {}

impl Fault for WithholdPong {
    fn injected(&self) -> Injected {
        Injected::NextAct
    }

    fn on_frame(&self, frame: Control, _: &[u8], _: &mut FaultCx<'_>) -> Verdict<Vec<u8>> {
        match frame {
            Control::Pong => Verdict::Withhold,
            Control::Ping | Control::Close => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn a_pong_is_withheld_and_other_frames_are_not() {
        assert_eq!(
            ask(|cx| WithholdPong {}.on_frame(Control::Pong, &[], cx)),
            Verdict::Withhold
        );
        for frame in [Control::Ping, Control::Close] {
            assert_eq!(
                ask(|cx| WithholdPong {}.on_frame(frame, &[], cx)),
                Verdict::Pass
            );
        }
    }
}

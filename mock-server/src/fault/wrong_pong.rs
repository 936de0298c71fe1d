//! Pongs to another Ping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Control, Fault, FaultCx, Injected, Verdict};

/// The client's WebSocket Pings are answered at once, with another payload than theirs (RFC 6455, 5.5.3, demands the same):
/// every bit of it inverted, so that a number becomes one that no client has come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrongPong {}

impl Fault for WrongPong {
    fn injected(&self) -> Injected {
        Injected::NextAct
    }

    fn on_frame(&self, frame: Control, payload: &[u8], _: &mut FaultCx<'_>) -> Verdict<Vec<u8>> {
        match (frame, payload) {
            // Nothing has no inverse.
            (Control::Pong, []) => Verdict::Instead(b"!".to_vec()),
            (Control::Pong, payload) => {
                Verdict::Instead(payload.iter().map(|byte| !byte).collect())
            }
            (Control::Ping | Control::Close, _) => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn a_pong_says_something_else_and_other_frames_go_as_they_are() {
        let asked = |frame, payload: &[u8]| ask(|cx| WrongPong {}.on_frame(frame, payload, cx));
        assert_eq!(
            asked(Control::Pong, &[0, 7]),
            Verdict::Instead(vec![255, 248])
        );
        assert_eq!(asked(Control::Pong, &[]), Verdict::Instead(vec![b'!']));
        for frame in [Control::Ping, Control::Close] {
            assert_eq!(asked(frame, &[3, 232]), Verdict::Pass);
        }
    }
}

//! A stream that comes in pieces.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Millis;

use super::{Carry, Fault, FaultCx, Handed, Injected, Slices, Ways};

/// The reader gets each message in pieces of so many bytes, each by a read of its own and so long after the one before. A
/// message is received when its last byte is. Some clients do not put up with all of it: tungstenite gives an upgrade up
/// whose answer comes in more than 64 pieces of fewer than 128 bytes on average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// How long each piece is, in bytes, above zero.
    pub bytes: NonZeroU64,
    /// How long after one piece the next arrives.
    #[serde(default)]
    pub gap: Millis,
    /// Which way.
    #[serde(default)]
    pub direction: Ways,
}

impl Fault for Slice {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn on_message(&self, message: Handed, _: &mut FaultCx<'_>) -> Carry {
        match self.direction.include(message.direction) && message.bytes > self.bytes.get() {
            true => Carry::Slice(Slices {
                bytes: self.bytes,
                gap: self.gap,
            }),
            false => Carry::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Direction;
    use super::super::testing::{ask, handed};
    use super::*;

    fn cuts(fault: &Slice, message: Handed) -> bool {
        ask(|cx| fault.on_message(message, cx)) != Carry::Pass
    }

    #[test]
    fn it_cuts_what_is_longer_than_a_piece_in_its_direction_alone() {
        let fault: Slice =
            serde_json::from_str(r#"{"bytes":99,"gap":"20ms","direction":"to_client"}"#).unwrap();
        assert!(cuts(&fault, handed(Direction::ToClient)));
        assert!(!cuts(&fault, handed(Direction::ToServer)));
        let short = Handed {
            bytes: 99,
            ..handed(Direction::ToClient)
        };
        assert!(!cuts(&fault, short), "it fits one piece");
    }

    #[test]
    fn pieces_of_nothing_are_refused() {
        assert!(serde_json::from_str::<Slice>(r#"{"bytes":0}"#).is_err());
    }
}

//! A transport cut off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, Fault, FaultCx, Injected};

/// The transport is reset (TCP RST): what is under way is lost, and each end is told as soon as word can reach it. While it stands, each new
/// connection is reset when its upgrade request arrives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reset {}

impl Fault for Reset {
    fn injected(&self) -> Injected {
        Injected::AtOnce
    }

    fn acts(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        vec![Act::Reset]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, handed};
    use super::super::{Carry, Direction};
    use super::*;

    #[test]
    fn it_resets_and_touches_no_message() {
        assert_eq!(ask(|cx| Reset {}.acts(cx)), [Act::Reset]);
        assert_eq!(
            ask(|cx| Reset {}.on_message(handed(Direction::ToClient), cx)),
            Carry::Pass
        );
    }
}

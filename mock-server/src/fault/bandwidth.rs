//! A narrow line.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Carry, Fault, FaultCx, Handed, Injected, Ways};

/// The line takes so many bytes a second. A message takes its size divided by that, and begins when the one before it is
/// through, so that a backlog makes a ping wait. Each connection has a line of its own, each direction too. What counts is
/// what the transport below the WebSocket carries; TCP's and TLS's own bytes are not among it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// How many bytes a second, above zero.
    pub bytes_per_second: NonZeroU64,
    /// Which way.
    #[serde(default)]
    pub direction: Ways,
}

impl Fault for Bandwidth {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn on_message(&self, message: Handed, _: &mut FaultCx<'_>) -> Carry {
        match self.direction.include(message.direction) {
            true => Carry::Rate(self.bytes_per_second),
            false => Carry::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Direction;
    use super::super::testing::{ask, handed};
    use super::*;

    #[test]
    fn it_narrows_the_line_in_its_direction_alone() {
        let fault: Bandwidth =
            serde_json::from_str(r#"{"bytes_per_second":2000,"direction":"to_server"}"#).unwrap();
        let narrow = Carry::Rate(fault.bytes_per_second);
        assert_eq!(
            ask(|cx| fault.on_message(handed(Direction::ToServer), cx)),
            narrow
        );
        assert_eq!(
            ask(|cx| fault.on_message(handed(Direction::ToClient), cx)),
            Carry::Pass
        );
    }

    #[test]
    fn a_line_that_takes_nothing_is_refused() {
        assert!(serde_json::from_str::<Bandwidth>(r#"{"bytes_per_second":0}"#).is_err());
    }
}

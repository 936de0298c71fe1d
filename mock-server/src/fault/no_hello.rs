//! A server that says nothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FaultCx, Hello, Injected};

/// The handshake is never answered; the WebSocket stays open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoHello {}

impl Fault for NoHello {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_hello(&self, _: &mut FaultCx<'_>) -> Hello {
        Hello::Silence
    }
}

#[cfg(test)]
mod tests {
    use super::super::Upgrade;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_is_silent_after_an_upgrade_that_it_lets_pass() {
        assert_eq!(ask(|cx| NoHello {}.on_upgrade(cx)), Upgrade::Switch);
        assert_eq!(ask(|cx| NoHello {}.on_hello(cx)), Hello::Silence);
    }
}

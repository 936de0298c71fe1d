//! A server that takes the request and is never heard of again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FaultCx, Injected, Upgrade};

/// The upgrade is never answered; the transport stays open.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StallUpgrade {}

impl Fault for StallUpgrade {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_upgrade(&self, _: &mut FaultCx<'_>) -> Upgrade {
        Upgrade::Stall
    }
}

#[cfg(test)]
mod tests {
    use super::super::Connect;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_stalls_the_upgrade_of_a_connection_that_opens() {
        assert_eq!(ask(|cx| StallUpgrade {}.on_connect(cx)), Connect::Accept);
        assert_eq!(ask(|cx| StallUpgrade {}.on_upgrade(cx)), Upgrade::Stall);
    }
}

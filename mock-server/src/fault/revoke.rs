//! The phone removes the companion.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, Fault, FaultCx, Injected, Login};

/// The device is removed from its account: a live connection gets `<stream:error code="401">` with a `device_removed`
/// conflict at once, and every login with its keys `<failure reason="401">`, until it is paired anew. Injected while
/// nobody is connected, it waits for the next login.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Revoke {}

impl Fault for Revoke {
    fn injected(&self) -> Injected {
        Injected::AtOnceOrNextDial
    }

    fn acts(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        vec![Act::Revoke]
    }

    fn on_login(&self, _: &mut FaultCx<'_>) -> Login {
        Login::Revoke
    }
}

#[cfg(test)]
mod tests {
    use super::super::Upgrade;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_revokes_who_is_in_and_who_comes_in_and_lets_an_upgrade_pass() {
        assert_eq!(ask(|cx| Revoke {}.acts(cx)), [Act::Revoke]);
        assert_eq!(ask(|cx| Revoke {}.on_login(cx)), Login::Revoke);
        assert_eq!(ask(|cx| Revoke {}.on_upgrade(cx)), Upgrade::Switch);
    }
}

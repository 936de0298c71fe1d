//! A server that has another key than last time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FaultCx, Hello, Injected};

/// The server takes another static key before it answers a handshake, certified by the same root, and keeps it: for every
/// client, and after the fault is off. A client that resumes with the key of before is answered by Noise XXfallback.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateKey {}

impl Fault for RotateKey {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_hello(&self, _: &mut FaultCx<'_>) -> Hello {
        Hello::AnotherKey
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::super::{Login, Upgrade};
    use super::*;

    #[test]
    fn it_changes_the_hello_and_lets_upgrade_and_login_pass() {
        assert_eq!(ask(|cx| RotateKey {}.on_hello(cx)), Hello::AnotherKey);
        assert_eq!(ask(|cx| RotateKey {}.on_upgrade(cx)), Upgrade::Switch);
        assert_eq!(ask(|cx| RotateKey {}.on_login(cx)), Login::Admit);
    }
}

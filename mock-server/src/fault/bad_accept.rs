//! A server that answers the upgrade without having read the question.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FaultCx, Injected, Upgrade};

/// The upgrade is answered with 101 and the Sec-WebSocket-Accept of another key, as by a cache between client and server.
/// RFC 6455, 4.1, has the client fail the connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BadAccept {}

impl Fault for BadAccept {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_upgrade(&self, _: &mut FaultCx<'_>) -> Upgrade {
        Upgrade::BadAccept
    }
}

#[cfg(test)]
mod tests {
    use super::super::Hello;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_answers_the_upgrade_wrongly_and_leaves_the_handshake_alone() {
        assert_eq!(ask(|cx| BadAccept {}.on_upgrade(cx)), Upgrade::BadAccept);
        assert_eq!(ask(|cx| BadAccept {}.on_hello(cx)), Hello::Honest);
    }
}

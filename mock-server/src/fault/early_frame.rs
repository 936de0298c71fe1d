//! A server that speaks sooner than the client can listen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FaultCx, FirstWord, Injected};

/// The server's first stanza comes right behind the handshake instead of after the login delay: where the client resumes,
/// together with the server's hello. A client that is still deriving its transport keys then loses the stanza, or reads it
/// with the wrong key (Baileys before 7.0.0-rc10).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyFrame {}

impl Fault for EarlyFrame {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_secured(&self, _: &mut FaultCx<'_>) -> FirstWord {
        FirstWord::AtOnce
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::super::{Hello, Login};
    use super::*;

    #[test]
    fn it_hastens_the_first_stanza_and_lets_hello_and_login_pass() {
        assert_eq!(ask(|cx| EarlyFrame {}.on_secured(cx)), FirstWord::AtOnce);
        assert_eq!(ask(|cx| EarlyFrame {}.on_hello(cx)), Hello::Honest);
        assert_eq!(ask(|cx| EarlyFrame {}.on_login(cx)), Login::Admit);
    }
}

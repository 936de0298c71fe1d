//! An end without a word.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, Fault, FaultCx, Injected};

/// The server ends the stream (TCP FIN) without a close frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Eof {}

impl Fault for Eof {
    fn injected(&self) -> Injected {
        Injected::AtOnce
    }

    fn acts(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        vec![Act::Eof]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Upgrade;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_ends_the_stream_and_lets_an_upgrade_pass() {
        assert_eq!(ask(|cx| Eof {}.acts(cx)), [Act::Eof]);
        assert_eq!(ask(|cx| Eof {}.on_upgrade(cx)), Upgrade::Switch);
    }
}

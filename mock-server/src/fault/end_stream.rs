//! The end of the stream, in so many words.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Node;

use super::{Act, Fault, FaultCx, Injected};

/// The server sends `<xmlstreamend/>` and closes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndStream {}

impl Fault for EndStream {
    fn injected(&self) -> Injected {
        Injected::AtOnce
    }

    fn acts(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        vec![Act::End(Arc::new(Node::new("xmlstreamend")))]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Login;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_ends_the_stream_and_lets_a_login_pass() {
        let acts = ask(|cx| EndStream {}.acts(cx));
        assert_eq!(acts, [Act::End(Arc::new(Node::new("xmlstreamend")))]);
        assert_eq!(ask(|cx| EndStream {}.on_login(cx)), Login::Admit);
    }
}

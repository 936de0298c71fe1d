//! A connection that is neither dead nor alive.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Node;

use super::{Fault, FaultCx, Injected, Outgoing, Verdict};

/// No request is answered and no message acknowledged any more, while WebSocket pongs and all other stanzas go on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Zombie {}

impl Fault for Zombie {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn on_stanza(&self, stanza: Outgoing<'_>, _: &mut FaultCx<'_>) -> Verdict<Node> {
        match stanza.answers {
            Some(_) => Verdict::Withhold,
            None => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::super::{Control, IqKind};
    use super::*;

    #[test]
    fn requests_stay_unanswered_while_all_else_goes_on() {
        let node = Node::new("iq");
        let stanza = |answers| Outgoing {
            node: &node,
            answers,
        };
        let ping = stanza(Some(IqKind::Ping));
        assert_eq!(ask(|cx| Zombie {}.on_stanza(ping, cx)), Verdict::Withhold);
        assert_eq!(
            ask(|cx| Zombie {}.on_stanza(stanza(None), cx)),
            Verdict::Pass
        );
        assert_eq!(
            ask(|cx| Zombie {}.on_frame(Control::Pong, &[], cx)),
            Verdict::Pass
        );
    }
}

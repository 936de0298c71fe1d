//! A network without a route.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Carry, Connect, Fault, FaultCx, Handed, Injected, Ways};

/// There is no route between client and server. What open connections send that way is kept back in silence, and flows
/// when the fault is taken off, as with `blackhole`; but here a dial gets no answer either, whichever way the route is
/// missing, since a connection opens only when its SYN and the answer to it both arrive. The client's kernel goes on
/// trying, 1, 3, 7, 15, 31 and 63 s after the dial, so that a dial is answered late where the route comes back in time.
/// Injected, it concerns the connections that are open, and no dial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Which way the route is missing.
    #[serde(default)]
    pub direction: Ways,
}

impl Fault for Partition {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn keeps_back(&self) -> bool {
        true
    }

    fn on_connect(&self, _: &mut FaultCx<'_>) -> Connect {
        Connect::Silence
    }

    fn on_message(&self, message: Handed, _: &mut FaultCx<'_>) -> Carry {
        match self.direction.include(message.direction) {
            true => Carry::Hold,
            false => Carry::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, handed};
    use super::super::{Direction, Upgrade};
    use super::*;

    #[test]
    fn a_dial_gets_no_answer_whichever_way_the_route_is_missing() {
        for direction in [Ways::Both, Ways::ToClient, Ways::ToServer] {
            let fault = Partition { direction };
            assert_eq!(ask(|cx| fault.on_connect(cx)), Connect::Silence);
        }
    }

    #[test]
    fn messages_are_kept_where_the_route_is_missing_and_pass_the_other_way() {
        let fault = Partition {
            direction: Ways::ToServer,
        };
        let carried = |way| ask(|cx| fault.on_message(handed(way), cx));
        assert_eq!(carried(Direction::ToServer), Carry::Hold);
        assert_eq!(carried(Direction::ToClient), Carry::Pass);
        assert_eq!(ask(|cx| fault.on_upgrade(cx)), Upgrade::Switch);
    }
}

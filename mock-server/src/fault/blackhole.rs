//! A link that has gone silent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Carry, Direction, Fault, FaultCx, Handed, Injected, Ways};

/// Messages are kept back in silence while both ends believe that the connection is up. What was kept flows when the
/// fault is taken off, in order, as TCP's retransmissions do. A dial still finds the server's kernel, which answers it: as
/// behind a middlebox, or with a server that hangs. Where dials get no answer either, that is `partition`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blackhole {
    /// Which way nothing passes.
    #[serde(default)]
    pub direction: Ways,
    /// Whether the server still reads; without it nothing reaches the server, whatever `direction` says. By default it
    /// reads what `direction` lets through.
    #[serde(default = "yes")]
    pub reads: bool,
}

fn yes() -> bool {
    true
}

impl Fault for Blackhole {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn keeps_back(&self) -> bool {
        true
    }

    fn on_message(&self, message: Handed, _: &mut FaultCx<'_>) -> Carry {
        let unread = message.direction == Direction::ToServer && !self.reads;
        match unread || self.direction.include(message.direction) {
            true => Carry::Hold,
            false => Carry::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, handed};
    use super::*;

    fn kept(direction: Ways, reads: bool) -> [bool; 2] {
        let fault = Blackhole { direction, reads };
        [Direction::ToClient, Direction::ToServer]
            .map(|way| ask(|cx| fault.on_message(handed(way), cx)) == Carry::Hold)
    }

    #[test]
    fn nothing_passes_in_its_direction_and_everything_in_the_other() {
        assert_eq!(kept(Ways::Both, true), [true, true]);
        assert_eq!(kept(Ways::ToClient, true), [true, false]);
        assert_eq!(kept(Ways::ToServer, true), [false, true]);
    }

    #[test]
    fn a_server_that_does_not_read_is_reached_by_nothing() {
        assert_eq!(kept(Ways::ToClient, false), [true, true]);
        assert_eq!(kept(Ways::ToServer, false), [false, true]);
    }

    #[test]
    fn by_default_it_is_both_ways() {
        let fault: Blackhole = serde_json::from_str("{}").unwrap();
        assert_eq!((fault.direction, fault.reads), (Ways::Both, true));
    }
}

//! A server that hangs, as far as its clients can tell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FaultCx, Injected, Read};

/// The server reads nothing any more from the WebSocket, and goes on writing: a worker that hangs. What the client sends
/// stays where it is, none of it delivered, and is read when the fault is taken off. The connection is up and the client's
/// kernel takes what it writes; what TCP's buffers hold, 144 KiB by Linux's defaults, is a day of pings and more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopReading {}

impl Fault for StopReading {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn keeps_back(&self) -> bool {
        true
    }

    fn on_read(&self, _: &mut FaultCx<'_>) -> Read {
        Read::Leave
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::super::{Upgrade, Write};
    use super::*;

    #[test]
    fn it_reads_nothing() {
        assert_eq!(ask(|cx| StopReading {}.on_read(cx)), Read::Leave);
    }

    #[test]
    fn it_writes_on_and_answers_upgrades() {
        assert_eq!(ask(|cx| StopReading {}.on_write(cx)), Write::Whole);
        assert_eq!(ask(|cx| StopReading {}.on_upgrade(cx)), Upgrade::Switch);
    }
}

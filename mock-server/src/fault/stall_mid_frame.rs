//! A server that stops in the middle of a word.

use std::num::NonZeroU64;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FaultCx, Injected, Write};

/// The server writes the first bytes of its next frame and then nothing more, neither the rest nor any other frame, though
/// it goes on reading. What it had to say follows when the fault is taken off. Part of a frame is no frame: to the client
/// it is silence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StallMidFrame {
    /// How many bytes of the frame go, its head of 2 to 10 bytes included; its last byte never does.
    #[serde(default = "head_and_a_byte")]
    pub bytes: NonZeroU64,
}

/// The head of a frame of up to 125 bytes, and a byte of what is in it.
fn head_and_a_byte() -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add(2)
}

impl Fault for StallMidFrame {
    fn injected(&self) -> Injected {
        Injected::WholeConnection
    }

    fn reports_once(&self) -> bool {
        true
    }

    fn keeps_back(&self) -> bool {
        true
    }

    fn on_write(&self, _: &mut FaultCx<'_>) -> Write {
        Write::Only(self.bytes.get())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ask, handed};
    use super::super::{Carry, Direction, Read};
    use super::*;

    #[test]
    fn it_lets_the_first_bytes_go() {
        let fault: StallMidFrame = serde_json::from_str("{}").unwrap();
        assert_eq!(ask(|cx| fault.on_write(cx)), Write::Only(3));
    }

    #[test]
    fn the_server_reads_and_the_link_carries() {
        let fault: StallMidFrame = serde_json::from_str(r#"{"bytes":1}"#).unwrap();
        assert_eq!(ask(|cx| fault.on_read(cx)), Read::Read);
        let carried = ask(|cx| fault.on_message(handed(Direction::ToClient), cx));
        assert_eq!(carried, Carry::Pass);
    }
}

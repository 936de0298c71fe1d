//! What is logged at an end has the device's private key in it, as a library prints the whole session that it closes.

use std::collections::VecDeque;

use squall_protocol::Now;
use squall_session::limiter::Permit;
use squall_session::{Cause, Event, Output};

use super::twist::Twist;
use super::{Mutant, UNCHANGED};
use crate::words::OracleName;

/// See the module's text.
pub(super) const MUTANT: Mutant = Mutant {
    name: "logs-its-key",
    about: "logs the session's private key with a frame that does not authenticate",
    incident: "adiwajshing/Baileys#1418",
    oracle: OracleName::NoSecret,
    scenario: "a frame that does not authenticate",
    twist: || Box::<LogsItsKey>::default(),
    ..UNCHANGED
};

#[derive(Default)]
struct LogsItsKey {
    key: [u8; 32],
}

impl Twist for LogsItsKey {
    fn on_output(
        &mut self,
        _: Now,
        mut output: Output<Permit>,
        out: &mut VecDeque<Output<Permit>>,
    ) {
        match &mut output {
            Output::Dial(dial) => self.key = dial.device.noise.secret(),
            Output::Event(Event::Disconnected(ended)) if ended.cause == Cause::BadMac => {
                let bytes: Vec<_> = self.key.iter().map(|byte| format!("{byte:02x}")).collect();
                // As Node.js prints it.
                ended.detail = format!("Closing session: privKey: <Buffer {}>", bytes.join(" "));
            }
            _ => {}
        }
        out.push_back(output);
    }
}

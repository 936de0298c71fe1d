//! A phone whose owner takes their time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Millis;

use super::{Fault, FaultCx, Injected};

/// The phone scans so long after the first QR code of a connection was shown, whatever its habit. It scans the code that is
/// shown then; where none is, the last that it saw, which is good for nothing any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanLate {
    /// How long after the first code. Six refs have had their time after 160 s.
    pub after: Millis,
}

/// When a phone scans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scan {
    /// When it always does.
    #[default]
    ByHabit,
    /// So long after it has seen the first code.
    After(Millis),
}

impl Fault for ScanLate {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_qr(&self, _: &mut FaultCx<'_>) -> Scan {
        Scan::After(self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Refs;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn the_scan_is_late_and_the_refs_are_as_ever() {
        let fault: ScanLate = serde_json::from_str(r#"{"after":"170s"}"#).unwrap();
        assert_eq!(
            ask(|cx| fault.on_qr(cx)),
            Scan::After(Millis::from_secs(170))
        );
        assert_eq!(ask(|cx| fault.on_refs(cx)), Refs::All);
    }
}

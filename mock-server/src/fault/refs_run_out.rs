//! A server with few refs left.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FaultCx, Injected, InvalidValue};

/// A device that registers is handed fewer refs than the six that WhatsApp hands out, or none. When they have had their
/// time, and 5 s more, the server ends the pairing with a close frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefsRunOut {
    /// How many are left: 0 to 5.
    #[serde(default)]
    #[schemars(range(max = 5))]
    pub refs: RefsLeft,
    /// Whether the server, instead of closing, offers as many again 5 s before they have had their time, and so on: a
    /// client that starts anew each time shows codes for ever (`adiwajshing/Baileys#1726`).
    #[serde(default)]
    pub renewed: bool,
}

/// How many refs are left: 0 to 5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
pub struct RefsLeft(u8);

impl RefsLeft {
    /// The number.
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl TryFrom<u8> for RefsLeft {
    type Error = InvalidValue;
    fn try_from(refs: u8) -> Result<Self, InvalidValue> {
        match refs {
            0..=5 => Ok(Self(refs)),
            _ => Err(InvalidValue::Refs(refs)),
        }
    }
}

impl From<RefsLeft> for u8 {
    fn from(refs: RefsLeft) -> Self {
        refs.0
    }
}

/// What a device that registers is handed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Refs {
    /// As many refs as WhatsApp hands out.
    #[default]
    All,
    /// So many, the last that there are.
    Left {
        /// How many.
        refs: RefsLeft,
        /// Whether as many are offered again; else the server closes after them.
        renewed: bool,
    },
}

impl Fault for RefsRunOut {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_refs(&self, _: &mut FaultCx<'_>) -> Refs {
        Refs::Left {
            refs: self.refs,
            renewed: self.renewed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::super::{Login, Scan};
    use super::*;

    #[test]
    fn few_refs_are_left_and_the_scan_and_a_login_are_left_alone() {
        let fault: RefsRunOut = serde_json::from_str(r#"{"refs":2}"#).unwrap();
        let left = |refs, renewed| Refs::Left {
            refs: RefsLeft(refs),
            renewed,
        };
        assert_eq!(ask(|cx| fault.on_refs(cx)), left(2, false));
        assert_eq!(ask(|cx| RefsRunOut::default().on_refs(cx)), left(0, false));
        assert_eq!(ask(|cx| fault.on_qr(cx)), Scan::ByHabit);
        assert_eq!(ask(|cx| fault.on_login(cx)), Login::Admit);
    }

    #[test]
    fn as_many_as_ever_are_not_few() {
        assert_eq!(RefsLeft::try_from(5), Ok(RefsLeft(5)));
        assert_eq!(RefsLeft::try_from(6), Err(InvalidValue::Refs(6)));
    }
}

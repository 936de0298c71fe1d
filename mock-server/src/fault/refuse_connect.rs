//! Nobody listens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Connect, Fault, FaultCx, Injected};

/// A dial finds nobody listening (ECONNREFUSED). Connections that are open stay so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseConnect {}

impl Fault for RefuseConnect {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_connect(&self, _: &mut FaultCx<'_>) -> Connect {
        Connect::Refuse
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_refuses_a_dial_and_does_nothing_to_an_open_connection() {
        assert_eq!(ask(|cx| RefuseConnect {}.on_connect(cx)), Connect::Refuse);
        assert!(ask(|cx| RefuseConnect {}.acts(cx)).is_empty());
    }
}

//! A server that cannot prove who it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::certificate::Defect;

use super::{Fault, FaultCx, Hello, Injected};

/// The handshake is answered with a certificate chain that a client must refuse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BadCertificate {
    /// What is wrong with it; by default it is signed by another root.
    #[serde(default = "wrong_root")]
    pub kind: Defect,
}

fn wrong_root() -> Defect {
    Defect::RootSignature
}

impl Fault for BadCertificate {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_hello(&self, _: &mut FaultCx<'_>) -> Hello {
        Hello::BadCertificate(self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Upgrade;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_spoils_the_hello_and_lets_the_upgrade_pass() {
        let kind = Defect::Expired;
        let fault = BadCertificate { kind };
        assert_eq!(ask(|cx| fault.on_hello(cx)), Hello::BadCertificate(kind));
        assert_eq!(ask(|cx| fault.on_upgrade(cx)), Upgrade::Switch);
    }
}

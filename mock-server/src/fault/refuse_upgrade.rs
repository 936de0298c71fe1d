//! No WebSocket for this client.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AsSent, Fault, FaultCx, HttpStatus, Injected, Upgrade};

/// The upgrade is answered with an HTTP status other than 101.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefuseUpgrade {
    /// The status.
    pub status: HttpStatus,
    /// The Retry-After header, as it is sent: seconds, a date, or what no honest server would say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<AsSent>,
}

impl Fault for RefuseUpgrade {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_upgrade(&self, _: &mut FaultCx<'_>) -> Upgrade {
        Upgrade::Refuse {
            status: self.status,
            retry_after: self.retry_after.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Hello;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_refuses_with_status_and_header_and_leaves_the_handshake_alone() {
        let fault: RefuseUpgrade =
            serde_json::from_str(r#"{"status":429,"retry_after":-5}"#).unwrap();
        assert_eq!(
            ask(|cx| fault.on_upgrade(cx)),
            Upgrade::Refuse {
                status: HttpStatus::try_from(429).unwrap(),
                retry_after: Some("-5".into()),
            }
        );
        assert_eq!(ask(|cx| fault.on_hello(cx)), Hello::Honest);
    }

    #[test]
    fn a_status_that_refuses_nothing_is_none() {
        for status in [101, 199, 600] {
            assert!(HttpStatus::try_from(status).is_err());
        }
    }
}

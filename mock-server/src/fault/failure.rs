//! A login refused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Node;

use super::{AsSent, Fault, FaultCx, Injected, Login};

/// A login is answered with `<failure>` in place of `<success>`, and the server closes. Every value is sent as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// The reason: 401, 402, 403, 405, 503; absent in what some clients have met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<AsSent>,
    /// With 402, the seconds until the ban ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expire: Option<AsSent>,
    /// With 402, why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<AsSent>,
}

impl Failure {
    /// The stanza.
    pub fn node(&self) -> Node {
        let mut node = Node::new("failure");
        for (name, value) in [
            ("reason", &self.reason),
            ("code", &self.code),
            ("expire", &self.expire),
        ] {
            if let Some(value) = value {
                node = node.attr(name, value.as_str());
            }
        }
        node.attr("location", crate::server::LOCATION)
    }
}

impl Fault for Failure {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_login(&self, _: &mut FaultCx<'_>) -> Login {
        Login::Fail(self.node())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_fails_a_login_and_does_nothing_to_who_is_logged_in() {
        let fault: Failure =
            serde_json::from_str(r#"{"reason":402,"code":"101","expire":-1}"#).unwrap();
        let Login::Fail(node) = ask(|cx| fault.on_login(cx)) else {
            panic!("admitted")
        };
        assert_eq!(
            node.to_string(),
            r#"<failure reason="402" code="101" expire="-1" location="mock"/>"#
        );
        assert!(ask(|cx| fault.acts(cx)).is_empty());
    }
}

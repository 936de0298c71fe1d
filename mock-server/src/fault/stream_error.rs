//! The server's last word.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use squall_protocol::Node;

use super::{Act, AsSent, Fault, FaultCx, Injected};

/// The server sends `<stream:error>` and closes. With no parameter at all the element is empty, which some clients have
/// met (`tulir/whatsmeow#1052`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamError {
    /// The code: 515, 503, 401.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<AsSent>,
    /// A `<conflict>` inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// The name of another element inside: `xml-not-well-formed`, `ack`, `ping`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub child: Option<String>,
    /// Whether the server closes after it. Without it the server goes on as if it had said nothing.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub closes: bool,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_true(closes: &bool) -> bool {
    *closes
}

impl Default for StreamError {
    fn default() -> Self {
        Self {
            code: None,
            conflict: None,
            child: None,
            closes: true,
        }
    }
}

/// The kinds of conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conflict {
    /// Another connection of the same device took over.
    Replaced,
    /// The device was removed from its account.
    DeviceRemoved,
}

impl StreamError {
    /// The stanza.
    pub fn node(&self) -> Node {
        let mut node = Node::new("stream:error");
        if let Some(code) = &self.code {
            node = node.attr("code", code.as_str());
        }
        if let Some(conflict) = self.conflict {
            let kind = match conflict {
                Conflict::Replaced => "replaced",
                Conflict::DeviceRemoved => "device_removed",
            };
            node = node.child(Node::new("conflict").attr("type", kind));
        }
        if let Some(child) = &self.child {
            node = node.child(Node::new(child.as_str()));
        }
        node
    }
}

impl Fault for StreamError {
    fn injected(&self) -> Injected {
        Injected::AtOnce
    }

    fn acts(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        let node = Arc::new(self.node());
        vec![if self.closes {
            Act::End(node)
        } else {
            Act::Send(node)
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Login;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_says_what_it_is_told_and_lets_a_login_pass() {
        for (written, sent) in [
            (r#"{"code":"515"}"#, r#"<stream:error code="515"/>"#),
            (
                r#"{"code":401,"conflict":"device_removed"}"#,
                r#"<stream:error code="401"><conflict type="device_removed"/></stream:error>"#,
            ),
            (
                r#"{"child":"xml-not-well-formed"}"#,
                "<stream:error><xml-not-well-formed/></stream:error>",
            ),
            ("{}", "<stream:error/>"),
        ] {
            let fault: StreamError = serde_json::from_str(written).unwrap();
            let acts = ask(|cx| fault.acts(cx));
            let [Act::End(node)] = acts.as_slice() else {
                panic!("{acts:?}")
            };
            assert_eq!(node.to_string(), sent);
            assert_eq!(ask(|cx| fault.on_login(cx)), Login::Admit);
        }
    }

    #[test]
    fn it_goes_on_where_it_is_told_not_to_close() {
        let fault: StreamError = serde_json::from_str(r#"{"code":"401","closes":false}"#).unwrap();
        let acts = ask(|cx| fault.acts(cx));
        let [Act::Send(node)] = acts.as_slice() else {
            panic!("{acts:?}")
        };
        assert_eq!(node.to_string(), r#"<stream:error code="401"/>"#);
    }
}

//! A close frame from the server.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, CloseCode, CloseReason, Fault, FaultCx, Injected};

/// The server sends a close frame and waits for the client's; it lets go of the transport 10 s later at the latest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// The close code; without it the frame is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<CloseCode>,
    /// The reason; without a code there is no room for one.
    #[serde(default)]
    pub reason: CloseReason,
}

impl Fault for Close {
    fn injected(&self) -> Injected {
        Injected::AtOnce
    }

    fn acts(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        vec![Act::Close(self.code, self.reason.clone())]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::super::{Control, Verdict};
    use super::*;

    #[test]
    fn it_closes_with_its_code_and_touches_no_pong() {
        let fault: Close = serde_json::from_str(r#"{"code":1011,"reason":"oops"}"#).unwrap();
        let code = CloseCode::on_wire(1011).unwrap();
        let reason = CloseReason::try_from("oops".to_owned()).unwrap();
        assert_eq!(ask(|cx| fault.acts(cx)), [Act::Close(Some(code), reason)]);
        assert_eq!(
            ask(|cx| fault.on_frame(Control::Pong, &[], cx)),
            Verdict::Pass
        );
    }
}

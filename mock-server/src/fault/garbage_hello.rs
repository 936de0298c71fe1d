//! A server that speaks something else.

use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FaultCx, Hello, Injected};

/// The handshake is answered with a frame of 32 drawn bytes that are no hello.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GarbageHello {}

impl Fault for GarbageHello {
    fn injected(&self) -> Injected {
        Injected::NextDial
    }

    fn on_hello(&self, cx: &mut FaultCx<'_>) -> Hello {
        let mut bytes = [0; 32];
        cx.rng.fill_bytes(&mut bytes);
        bytes[0] = NO_FIELD;
        Hello::Garbage(bytes)
    }
}

/// Protobuf wire type 7 does not exist, so that no drawing makes a message of it.
const NO_FIELD: u8 = 0x0F;

#[cfg(test)]
mod tests {
    use super::super::Login;
    use super::super::testing::ask;
    use super::*;

    #[test]
    fn it_answers_garbage_and_lets_a_login_pass() {
        let Hello::Garbage(bytes) = ask(|cx| GarbageHello {}.on_hello(cx)) else {
            panic!("an honest hello")
        };
        assert_eq!(bytes[0] & 7, 7);
        assert_eq!(ask(|cx| GarbageHello {}.on_login(cx)), Login::Admit);
    }
}

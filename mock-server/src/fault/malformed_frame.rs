//! A frame that RFC 6455 forbids.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, Fault, FaultCx, Injected};

/// The server sends a frame that RFC 6455 forbids, and goes on as if nothing were wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MalformedFrame {
    /// What is wrong with it.
    pub kind: Malformation,
}

/// What is wrong with a frame. Each names the paragraph of RFC 6455 that it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Malformation {
    /// A reserved bit is set though no extension was negotiated (5.2).
    ReservedBits,
    /// An opcode that means nothing yet (5.2).
    ReservedOpcode,
    /// A frame from the server is masked (5.1).
    Masked,
    /// A control frame says that more of it follows (5.5).
    FragmentedControl,
    /// A control frame holds more than 125 bytes (5.5).
    OversizedControl,
    /// A continuation of nothing (5.4).
    LoneContinuation,
    /// A text message that is not UTF-8 (8.1).
    BadUtf8,
    /// A length with its highest bit set (5.2).
    HugeLength,
    /// A close frame with half a close code (5.5.1).
    OneByteClose,
}

impl Malformation {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::ReservedBits,
        Self::ReservedOpcode,
        Self::Masked,
        Self::FragmentedControl,
        Self::OversizedControl,
        Self::LoneContinuation,
        Self::BadUtf8,
        Self::HugeLength,
        Self::OneByteClose,
    ];

    /// The frame, as it goes on the wire.
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Self::ReservedBits => vec![0xC2, 2, b'h', b'i'],
            Self::ReservedOpcode => vec![0x83, 0],
            Self::Masked => vec![0x82, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2],
            Self::FragmentedControl => vec![0x09, 0],
            Self::OversizedControl => {
                let mut frame = vec![0x89, 126, 0, 126];
                frame.resize(4 + 126, 0);
                frame
            }
            Self::LoneContinuation => vec![0x80, 2, b'h', b'i'],
            Self::BadUtf8 => vec![0x81, 2, 0xC3, 0x28],
            Self::HugeLength => vec![0x82, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
            Self::OneByteClose => vec![0x88, 1, 3],
        }
    }
}

impl Fault for MalformedFrame {
    fn injected(&self) -> Injected {
        Injected::AtOnce
    }

    fn acts(&self, _: &mut FaultCx<'_>) -> Vec<Act> {
        vec![Act::Malformed(self.kind)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::ask;
    use super::super::{Control, Verdict};
    use super::*;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};

    #[test]
    fn it_sends_its_frame_and_touches_no_other() {
        for kind in Malformation::ALL {
            let fault = MalformedFrame { kind };
            assert_eq!(ask(|cx| fault.acts(cx)), [Act::Malformed(kind)]);
            assert_eq!(
                ask(|cx| fault.on_frame(Control::Pong, &[], cx)),
                Verdict::Pass
            );
        }
    }

    #[test]
    fn every_kind_is_a_violation_to_a_real_client() {
        for kind in Malformation::ALL {
            let mut bytes = std::io::Cursor::new(kind.bytes());
            let mut client = WebSocket::from_raw_socket(&mut bytes, Role::Client, None);
            let error = client.read().unwrap_err();
            assert!(
                !matches!(error, tokio_tungstenite::tungstenite::Error::Io(_)),
                "{kind:?}: {error}"
            );
        }
    }
}

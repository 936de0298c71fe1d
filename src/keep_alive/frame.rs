//! How many bytes a message takes on the wire, by the codecs that write it there.

use squall_protocol::codec::{self, Dictionary};
use squall_protocol::frame::HEADER_LENGTH;
use squall_protocol::noise::TAG_LENGTH;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::trace::{Message, Side};

/// What a TLS 1.3 record adds to what it carries: a header of 5 bytes, the true content type in 1, and an AEAD tag of 16
/// (RFC 8446, 5.1 and 5.2; no padding).
pub const TLS_RECORD: usize = 5 + 1 + 16;

/// Bytes of this message as a WebSocket frame from this side: header, the client's mask, and payload. A stanza is encoded
/// by a client in token dictionary 3 and by the mock server without tokens, sealed with a tag of 16 bytes, and has 3 bytes
/// of length before it. `None` for what is no
/// frame of an open connection.
pub fn length(message: &Message, from: Side) -> Option<usize> {
    let mut frame = match message {
        Message::Stanza(node) => {
            let mut bytes = vec![0; HEADER_LENGTH];
            match from {
                Side::Client => codec::encode_with(node, Dictionary::v3(), &mut bytes).ok()?,
                Side::Server => codec::encode(node, &mut bytes).ok()?,
            }
            bytes.resize(bytes.len() + TAG_LENGTH, 0);
            Frame::message(bytes, OpCode::Data(Data::Binary), true)
        }
        Message::Ping(payload) => Frame::ping(payload.clone()),
        Message::Pong(payload) => Frame::pong(payload.clone()),
        _ => return None,
    };
    if from == Side::Client {
        frame.header_mut().mask = Some([0; 4]);
    }
    Some(frame.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep_alive::Policy;

    #[test]
    fn a_websocket_ping_of_eight_bytes_is_fourteen_from_a_client_and_its_pong_ten() {
        let payload = vec![0; 8];
        assert_eq!(
            length(&Message::Ping(payload.clone()), Side::Client),
            Some(2 + 4 + 8)
        );
        assert_eq!(length(&Message::Pong(payload), Side::Server), Some(2 + 8));
    }

    #[test]
    fn a_stanza_is_as_long_as_what_a_sealer_writes_and_its_frame_around_it() {
        let ping = Policy::session().iq_ping(7);
        let Message::Stanza(node) = &ping else {
            panic!("an IQ ping is a stanza")
        };
        let mut encoded = Vec::new();
        codec::encode_with(node, Dictionary::v3(), &mut encoded).expect("a small node");
        let sealed = 3 + encoded.len() + 16;
        assert!(sealed < 126, "one byte of length in the WebSocket header");
        assert_eq!(length(&ping, Side::Client), Some(2 + 4 + sealed));
        // The server writes no tokens.
        let mut plain = Vec::new();
        codec::encode(node, &mut plain).expect("a small node");
        assert!(plain.len() > encoded.len());
        assert_eq!(length(&ping, Side::Server), Some(2 + 3 + plain.len() + 16));
    }

    #[test]
    fn what_is_no_frame_has_no_length() {
        assert_eq!(length(&Message::UpgradeRequest, Side::Client), None);
        assert_eq!(length(&Message::Reset, Side::Server), None);
    }
}

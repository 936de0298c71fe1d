//! Splits the bytes of one direction into messages: an HTTP head, then WebSocket frames.
//!
//! A control frame says in clear what it is. What a binary frame carries is encrypted: whoever writes one says so just
//! before, with a label. So the trace holds what was really written, pongs that a library sends by itself included.

use std::collections::VecDeque;

use compact_str::{CompactString, format_compact};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::trace::{Message, Side};

/// Cuts one direction's bytes into messages.
pub(crate) struct Splitter {
    from: Side,
    at: At,
    /// What the next binary frames carry, in order.
    labels: VecDeque<Message>,
    /// The Sec-WebSocket-Key that the client sent, for the server's direction.
    key: Option<CompactString>,
}

/// Where in the stream the next byte belongs.
enum At {
    /// In the HTTP head.
    Head(Vec<u8>),
    /// In the head of a frame.
    FrameHead { have: [u8; 14], len: usize },
    /// In the payload of a frame.
    Payload {
        frame: FrameHead,
        left: u64,
        kept: Vec<u8>,
    },
    /// Behind something that is no message any more: the body of a refusal, or bytes after an invalid frame.
    Raw,
}

#[derive(Clone, Copy)]
struct FrameHead {
    opcode: u8,
    mask: Option<[u8; 4]>,
}

/// What a binary frame is called that nobody labelled.
pub(crate) const UNLABELLED: &str = "unlabelled";

/// RFC 6455, 5.5: a control frame's payload has at most 125 bytes.
const CONTROL_MAX: u64 = 125;
/// Longer than any frame of this protocol, whose own length field has 24 bits.
const PAYLOAD_MAX: u64 = 1 << 25;

impl Splitter {
    /// A splitter for what `from` writes.
    pub(crate) fn new(from: Side) -> Self {
        Self {
            from,
            at: At::Head(Vec::new()),
            labels: VecDeque::new(),
            key: None,
        }
    }

    /// Says what the next binary frame carries.
    pub(crate) fn label(&mut self, message: Message) {
        self.labels.push_back(message);
    }

    /// Tells the server's direction which key the client sent.
    pub(crate) fn expect_accept_for(&mut self, key: CompactString) {
        self.key = Some(key);
    }

    /// Takes what was written and calls `each` with the length of every piece: with a message where one is complete,
    /// without where a message goes on. The lengths add up to that of `bytes`.
    pub(crate) fn split(
        &mut self,
        bytes: &[u8],
        mut each: impl FnMut(usize, Option<Message>),
    ) -> Option<CompactString> {
        let mut key = None;
        let mut start = 0;
        let mut at = 0;
        while at < bytes.len() {
            let (used, message) = self.take(&bytes[at..], &mut key);
            at += used;
            if let Some(message) = message {
                each(at - start, Some(message));
                start = at;
            }
        }
        if start < at {
            each(at - start, None);
        }
        key
    }

    /// Takes some bytes, at most to the end of the message that they belong to.
    fn take(&mut self, bytes: &[u8], key: &mut Option<CompactString>) -> (usize, Option<Message>) {
        match &mut self.at {
            At::Raw => (bytes.len(), None),
            At::Head(head) => {
                for (n, byte) in bytes.iter().enumerate() {
                    head.push(*byte);
                    if head.ends_with(b"\r\n\r\n") {
                        let head = std::mem::take(head);
                        return (n + 1, Some(self.on_head(&head, key)));
                    }
                }
                (bytes.len(), None)
            }
            At::FrameHead { have, len } => {
                let mut used = 0;
                loop {
                    match parse_head(&have[..*len], self.from) {
                        Parsed::Whole { frame, payload } => {
                            self.at = At::Payload {
                                frame,
                                left: payload,
                                kept: Vec::new(),
                            };
                            if payload > 0 {
                                return (used, None);
                            }
                            return (used, Some(self.on_frame()));
                        }
                        Parsed::Invalid(why) => {
                            self.at = At::Raw;
                            return (bytes.len(), Some(Message::Malformed(why)));
                        }
                        Parsed::More => {
                            let Some(byte) = bytes.get(used) else {
                                return (used, None);
                            };
                            have[*len] = *byte;
                            *len += 1;
                            used += 1;
                        }
                    }
                }
            }
            At::Payload { frame, left, kept } => {
                let used = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                if frame.opcode >= 8 || frame.opcode == 1 {
                    kept.extend_from_slice(&bytes[..used]);
                }
                *left -= used as u64;
                let whole = *left == 0;
                (used, whole.then(|| self.on_frame()))
            }
        }
    }

    fn on_head(&mut self, head: &[u8], key: &mut Option<CompactString>) -> Message {
        let head = String::from_utf8_lossy(head);
        let header = |name: &str| {
            head.lines().skip(1).find_map(|line| {
                let (found, value) = line.split_once(':')?;
                found
                    .eq_ignore_ascii_case(name)
                    .then(|| CompactString::from(value.trim()))
            })
        };
        if self.from == Side::Client {
            self.at = At::FrameHead {
                have: [0; 14],
                len: 0,
            };
            *key = header("sec-websocket-key");
            return Message::UpgradeRequest;
        }
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .unwrap_or(0);
        self.at = if status == 101 {
            At::FrameHead {
                have: [0; 14],
                len: 0,
            }
        } else {
            At::Raw
        };
        let valid = match (&self.key, header("sec-websocket-accept")) {
            (Some(key), Some(accept)) => derive_accept_key(key.as_bytes()) == accept.as_str(),
            _ => false,
        };
        Message::UpgradeResponse {
            status,
            retry_after: header("retry-after"),
            valid,
        }
    }

    /// The frame at hand is complete.
    fn on_frame(&mut self) -> Message {
        let next = At::FrameHead {
            have: [0; 14],
            len: 0,
        };
        let At::Payload {
            frame, mut kept, ..
        } = std::mem::replace(&mut self.at, next)
        else {
            unreachable!("a frame is complete only behind its head")
        };
        if let Some(mask) = frame.mask {
            kept.iter_mut()
                .zip(mask.iter().cycle())
                .for_each(|(byte, mask)| *byte ^= mask);
        }
        match frame.opcode {
            2 => self
                .labels
                .pop_front()
                .unwrap_or_else(|| Message::Handshake(UNLABELLED.into())),
            8 => match kept.as_slice() {
                [] => Message::Close {
                    code: None,
                    reason: CompactString::default(),
                },
                [high, low, reason @ ..] if std::str::from_utf8(reason).is_ok() => Message::Close {
                    code: Some(u16::from_be_bytes([*high, *low])),
                    reason: CompactString::from_utf8_lossy(reason),
                },
                _ => self.malformed("a close frame with an unreadable reason"),
            },
            9 => Message::Ping(kept),
            10 => Message::Pong(kept),
            _ if std::str::from_utf8(&kept).is_err() => {
                self.malformed("a text frame that is not UTF-8")
            }
            _ => self.malformed("a text frame"),
        }
    }

    fn malformed(&mut self, why: &str) -> Message {
        self.at = At::Raw;
        Message::Malformed(why.into())
    }
}

enum Parsed {
    More,
    Whole { frame: FrameHead, payload: u64 },
    Invalid(CompactString),
}

/// Reads the head of a frame (RFC 6455, 5.2).
fn parse_head(have: &[u8], from: Side) -> Parsed {
    let [first, second, ..] = *have else {
        return Parsed::More;
    };
    let opcode = first & 0x0f;
    let whole = first & 0x80 != 0;
    let masked = second & 0x80 != 0;
    let invalid = |why: &str| Parsed::Invalid(why.into());
    if first & 0x70 != 0 {
        return invalid("reserved bits set");
    }
    match opcode {
        0 => return invalid("a continuation of nothing"),
        1 | 2 | 8 | 9 | 10 => {}
        other => return Parsed::Invalid(format_compact!("reserved opcode {other}")),
    }
    if masked != (from == Side::Client) {
        return invalid(if masked {
            "a masked frame from the server"
        } else {
            "an unmasked frame from the client"
        });
    }
    if !whole {
        return invalid(if opcode >= 8 {
            "a fragmented control frame"
        } else {
            "a fragmented message"
        });
    }
    let (length_bytes, short) = match second & 0x7f {
        126 => (2, 0),
        127 => (8, 0),
        short => (0, u64::from(short)),
    };
    let mask_bytes = if masked { 4 } else { 0 };
    if have.len() < 2 + length_bytes {
        return Parsed::More;
    }
    let payload = if length_bytes == 0 {
        short
    } else {
        have[2..2 + length_bytes]
            .iter()
            .fold(0, |n, b| n << 8 | u64::from(*b))
    };
    if opcode >= 8 && payload > CONTROL_MAX {
        return invalid("a control frame above 125 bytes");
    }
    if payload > PAYLOAD_MAX {
        return invalid("a frame longer than any message");
    }
    if have.len() < 2 + length_bytes + mask_bytes {
        return Parsed::More;
    }
    if opcode == 8 && payload == 1 {
        return invalid("a close frame of one byte");
    }
    let mask = masked.then(|| {
        let at = 2 + length_bytes;
        [have[at], have[at + 1], have[at + 2], have[at + 3]]
    });
    Parsed::Whole {
        frame: FrameHead { opcode, mask },
        payload,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(splitter: &mut Splitter, bytes: &[u8]) -> Vec<(usize, Option<Message>)> {
        let mut pieces = Vec::new();
        splitter.split(bytes, |len, message| pieces.push((len, message)));
        assert_eq!(
            pieces.iter().map(|(len, _)| len).sum::<usize>(),
            bytes.len()
        );
        pieces
    }

    fn upgraded(from: Side) -> Splitter {
        let mut splitter = Splitter::new(from);
        splitter.at = At::FrameHead {
            have: [0; 14],
            len: 0,
        };
        splitter
    }

    #[test]
    fn a_head_and_the_frame_behind_it_are_two_messages() {
        let mut splitter = Splitter::new(Side::Server);
        splitter.expect_accept_for("dGhlIHNhbXBsZSBub25jZQ==".into());
        // The key and its answer are the example of RFC 6455, 1.3.
        let mut bytes =
            b"HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n".to_vec();
        let head = bytes.len();
        bytes.extend([0x89, 0x02, b'h', b'i']);
        let response = Message::UpgradeResponse {
            status: 101,
            retry_after: None,
            valid: true,
        };
        assert_eq!(
            split(&mut splitter, &bytes),
            [
                (head, Some(response)),
                (4, Some(Message::Ping(b"hi".to_vec())))
            ]
        );
    }

    #[test]
    fn a_masked_control_frame_is_read_after_unmasking() {
        let mut splitter = upgraded(Side::Client);
        let bytes = [0x8a, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2];
        assert_eq!(
            split(&mut splitter, &bytes),
            [(8, Some(Message::Pong(b"hi".to_vec())))]
        );
    }

    #[test]
    fn a_frame_may_come_in_any_number_of_writes() {
        let mut splitter = upgraded(Side::Server);
        splitter.label(Message::Handshake("server_hello".into()));
        let mut bytes = vec![0x82, 126, 0x01, 0x00];
        bytes.extend([7; 256]);
        for byte in &bytes[..bytes.len() - 1] {
            assert_eq!(split(&mut splitter, &[*byte]), [(1, None)]);
        }
        assert_eq!(
            split(&mut splitter, &[7]),
            [(1, Some(Message::Handshake("server_hello".into())))]
        );
    }

    #[test]
    fn an_invalid_frame_is_one_message_and_the_last_one() {
        for (bytes, why) in [
            (&[0xc2, 0x00][..], "reserved bits set"),
            (&[0x83, 0x00], "reserved opcode 3"),
            (&[0x82, 0x80, 0, 0, 0, 0], "a masked frame from the server"),
            (&[0x09, 0x00], "a fragmented control frame"),
            (&[0x89, 126, 0, 126], "a control frame above 125 bytes"),
            (&[0x80, 0x00], "a continuation of nothing"),
            (&[0x81, 0x01, 0xff], "a text frame that is not UTF-8"),
            (
                &[0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
                "a frame longer than any message",
            ),
            (&[0x88, 0x01, 0x03], "a close frame of one byte"),
        ] {
            let mut splitter = upgraded(Side::Server);
            assert_eq!(
                split(&mut splitter, bytes).last(),
                Some(&(bytes.len(), Some(Message::Malformed(why.into()))))
            );
            assert_eq!(
                split(&mut splitter, &[0x89, 0x00]),
                [(2, None)],
                "after {why}"
            );
        }
    }

    #[test]
    fn a_refusal_is_its_head() {
        let mut splitter = Splitter::new(Side::Server);
        let head = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 120\r\n\r\n";
        let mut bytes = head.to_vec();
        bytes.extend(b"slow down");
        let response = Message::UpgradeResponse {
            status: 429,
            retry_after: Some("120".into()),
            valid: false,
        };
        assert_eq!(
            split(&mut splitter, &bytes),
            [(head.len(), Some(response)), (9, None)]
        );
    }
}

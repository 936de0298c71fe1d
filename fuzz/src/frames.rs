//! The two layers of framing: WebSocket frames behind an HTTP head, as the wire engine records them, and the frames of
//! three bytes of length that are inside of them.
//!
//! An input is one byte that says whose stream it is, one that says into pieces of what length it is cut, and the stream.

use std::mem::discriminant;

use compact_str::format_compact;
use squall::trace::{Message, Side};
use squall_protocol::frame::{
    FrameError, FrameReader, HEADER_LENGTH, INTRO, MAX_BODY, write_frame,
};

// It is the engine's own affair and not public, so the file is taken as it stands.
#[path = "../../src/engine/link/splitter.rs"]
mod splitter;

use splitter::Splitter;

/// The key of the example of RFC 6455, 1.3; the answer to it begins with `s3pPLMBi`.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// More binary frames than this are recorded without a label.
const LABELS: usize = 64;

pub(crate) fn run(bytes: &[u8]) {
    let [whose, length, stream @ ..] = bytes else {
        return;
    };
    let length = usize::from(*length).max(1);
    match whose % 4 {
        0 => framed(FrameReader::of_server, stream, length),
        1 => framed(FrameReader::of_client, stream, length),
        2 => split(Side::Server, stream, length),
        _ => split(Side::Client, stream, length),
    }
}

/// However a stream is cut, the same frames come out of it, and it ends the same way; and they can be written again.
fn framed(reader: impl Fn(usize) -> FrameReader, stream: &[u8], length: usize) {
    // A limit that nothing reaches, and one that short streams pass.
    for limit in [MAX_BODY, 100] {
        let (bodies, end) = pop_all(&mut reader(limit), [stream]);
        let pieces = pop_all(&mut reader(limit), stream.chunks(length));
        assert_eq!(bodies, pieces.0);
        // How much of a bad opening an error shows depends on how much had come.
        assert_eq!(
            end.map(|end| discriminant(&end)),
            pieces.1.map(|end| discriminant(&end))
        );
        let held: usize = bodies.iter().map(|body| body.len() + HEADER_LENGTH).sum();
        assert!(held <= stream.len(), "{held} bytes of {}", stream.len());

        let mut written = INTRO.to_vec();
        for body in &bodies {
            write_frame(&mut written, body).expect("it came out of a frame");
        }
        let again = pop_all(&mut FrameReader::of_client(limit), [&written[..]]);
        assert_eq!(again, (bodies, None));
    }
}

/// What comes out of a stream that arrives in these pieces, and the error that ends it.
fn pop_all<'a>(
    reader: &mut FrameReader,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Vec<u8>>, Option<FrameError>) {
    let mut bodies = Vec::new();
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.pop() {
                Ok(Some(body)) => bodies.push(body.to_vec()),
                Ok(None) => break,
                Err(error) => return (bodies, Some(error)),
            }
        }
    }
    (bodies, None)
}

/// However a stream is cut, the same messages are recorded of it, and every byte is counted once.
fn split(from: Side, stream: &[u8], length: usize) {
    let whole = messages(from, [stream]);
    assert_eq!(whole, messages(from, stream.chunks(length)));
    let (last, before) = match whole.split_last() {
        Some((last, before)) => (Some(last), before),
        None => (None, &[][..]),
    };
    let malformed = |message: &Message| matches!(message, Message::Malformed(_));
    assert!(
        !before.iter().any(malformed),
        "a malformed frame is the last message"
    );
    if let Some(Message::Ping(payload) | Message::Pong(payload)) = last {
        assert!(payload.len() <= 125, "RFC 6455, 5.5");
    }
}

fn messages<'a>(from: Side, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Message> {
    let mut splitter = Splitter::new(from);
    for number in 0..LABELS {
        splitter.label(Message::Handshake(format_compact!("label {number}")));
    }
    if from == Side::Server {
        splitter.expect_accept_for(KEY.into());
    }
    let mut messages = Vec::new();
    for piece in pieces {
        let mut counted = 0;
        splitter.split(piece, |length, message| {
            counted += length;
            messages.extend(message);
        });
        assert_eq!(counted, piece.len());
    }
    messages
}

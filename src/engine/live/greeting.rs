//! What a stranger wants, by the first bytes that it sends: the WebSocket, or another page of the same server.

use std::io;
use std::sync::Arc;

use squall_protocol::Millis;
use tokio::io::AsyncReadExt;

use crate::engine::conductor::{Class, Conductor};
use crate::engine::live::socket::{Begun, Socket};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// To speak the protocol, well or badly: it goes over a link, is counted and subject to faults.
    Protocol,
    /// Another page: that is not a client's connection, and nothing befalls it.
    Page,
}

/// Reads until that can be told. Whoever says nothing for long, or nothing that is HTTP, is a client too.
pub(super) async fn read(
    conductor: &Arc<Conductor>,
    mut socket: Socket,
) -> io::Result<(Wants, Begun)> {
    let mut head = Vec::with_capacity(64);
    let patience = conductor.sleep_until(conductor.now() + PATIENCE, Class::Timer);
    let reading = async {
        loop {
            if let Some(wants) = wants(&head) {
                return Ok(wants);
            }
            if socket.read_buf(&mut head).await? == 0 {
                return Ok(Wants::Protocol);
            }
        }
    };
    let wants = tokio::select! {
        biased;
        wants = reading => wants,
        () = patience => Ok(Wants::Protocol),
    };
    wants.map(|wants| (wants, Begun::new(head, socket)))
}

/// What these first bytes ask for; nothing, while that cannot be told.
fn wants(head: &[u8]) -> Option<Wants> {
    let mut words = head.split(|byte| *byte == b' ');
    let method = words.next().unwrap_or_default();
    if method.len() > LONGEST_METHOD || !method.iter().all(u8::is_ascii_uppercase) {
        return Some(Wants::Protocol);
    }
    let path = words.next()?;
    let end = path.iter().position(|byte| b"?#\r\n".contains(byte));
    match (end, words.next()) {
        (None, None) if CHAT.starts_with(path) => None,
        (end, _) if &path[..end.unwrap_or(path.len())] == CHAT => Some(Wants::Protocol),
        _ => Some(Wants::Page),
    }
}

/// The one path that is a client's.
const CHAT: &[u8] = b"/ws/chat";
/// `OPTIONS` and `CONNECT` are the longest methods of RFC 9110.
const LONGEST_METHOD: usize = 7;
/// A client speaks first, and at once.
const PATIENCE: Millis = Millis::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_tell_a_client_from_a_reader_of_pages() {
        for (head, expected) in [
            ("", None),
            ("GE", None),
            ("GET /", None),
            ("GET /ws/cha", None),
            ("GET /ws/chat", None),
            ("GET /ws/chat ", Some(Wants::Protocol)),
            ("GET /ws/chat?x=1", Some(Wants::Protocol)),
            ("GET /ws/chats", Some(Wants::Page)),
            ("GET / HTTP/1.1", Some(Wants::Page)),
            ("POST /admin/faults HTTP/1.1", Some(Wants::Page)),
            ("WA\u{6}\u{3}", Some(Wants::Protocol)),
            ("\u{16}\u{3}\u{1}", Some(Wants::Protocol)),
            ("LONGMETHOD", Some(Wants::Protocol)),
        ] {
            assert_eq!(wants(head.as_bytes()), expected, "{head:?}");
        }
    }
}

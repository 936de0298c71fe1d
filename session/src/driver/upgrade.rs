//! The upgrade request, built here so that the same seed sends the same bytes, and what became of it.

use std::future::Future;
use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::Rng;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::DriverConfig;
use crate::machine::{Closed, LinkInput, Refusal};

/// Sends the upgrade request over a fresh transport and awaits the answer.
pub(super) fn start<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    config: &mut DriverConfig,
) -> impl Future<Output = Result<WebSocketStream<S>, Error>> + Send + 'static {
    let request = request(config);
    async move {
        let (web_socket, _) =
            client_async_with_config(request?, stream, Some(web_socket_config())).await?;
        Ok(web_socket)
    }
}

/// What a failed upgrade was. What ends the transport is an end of the link, whatever was expected on it; what answers
/// wrongly is a refusal.
pub(super) fn failed(error: Error) -> LinkInput {
    match error {
        Error::Http(response) => LinkInput::Refused(Refusal::Http {
            status: response.status().as_u16(),
            retry_after: response
                .headers()
                .get(http::header::RETRY_AFTER)
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        }),
        Error::Io(error) => LinkInput::Closed(broken(&error)),
        Error::ConnectionClosed | Error::Protocol(ProtocolError::HandshakeIncomplete) => {
            LinkInput::Closed(Closed::Eof)
        }
        other => LinkInput::Refused(Refusal::Upgrade(other.to_string())),
    }
}

/// How a transport ended that gave this error.
pub(super) fn broken(error: &io::Error) -> Closed {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Closed::Eof,
        _ => Closed::Reset,
    }
}

fn request(config: &mut DriverConfig) -> Result<Request, Error> {
    let mut key = [0; 16];
    config.rng.fill_bytes(&mut key);
    let authority = config.authority.as_str();
    let request = Request::get(format!("ws://{authority}{PATH}"))
        .header("Host", authority)
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", BASE64_STANDARD.encode(key))
        .header("Origin", ORIGIN)
        .body(())?;
    Ok(request)
}

fn web_socket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_QUEUE)
}

/// Where WhatsApp's web client connects to.
const PATH: &str = "/ws/chat";

/// What its origin says.
const ORIGIN: &str = "https://web.whatsapp.com";

/// tungstenite fills the whole buffer with zeros before each read, and a stanza is mostly far below this.
const READ_BUFFER: usize = 1_024;

/// A server that sends requests and reads no answer must not fill the memory: about 300,000 unread answers.
const WRITE_QUEUE: usize = 16 << 20;

//! An open WebSocket: the Noise handshake over it, then stanzas, one frame each way at a time.
//!
//! A write never waits: what the transport does not take stays queued, and each poll tries again after it has read.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};
use jiff::Timestamp;
use squall_protocol::Node;
use squall_protocol::codec::Dictionary;
use squall_protocol::frame::{self, FrameReader};
use squall_protocol::noise::{Initiator, Transport, TransportError};
use squall_protocol::pairing::Device;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};

use super::{DriverConfig, Label, upgrade};
use crate::machine::{Closed, LinkInput};

pub(super) struct Socket<S> {
    web_socket: WebSocketStream<S>,
    /// Something was written that may not have left yet.
    unflushed: bool,
    /// The transport has taken nothing for so long that the queue is full.
    stuck: bool,
    frames: FrameReader,
    secrecy: Secrecy,
    attention: Attention,
}

/// How far the Noise handshake is.
enum Secrecy {
    /// Nothing was said.
    Silent(Box<Device>),
    /// The client hello was sent.
    Greeted(Box<(Initiator, Device)>),
    /// Both sides are known.
    Secure(Box<Transport>),
    /// It failed.
    Failed,
}

/// What is still heard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attention {
    /// Everything.
    Full,
    /// Only the end: what was received does not authenticate or decode.
    End,
    /// Only the end of the transport: what was received is no WebSocket frame.
    TransportEnd,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) fn new(web_socket: WebSocketStream<S>, device: &Device) -> Self {
        Self {
            web_socket,
            unflushed: false,
            stuck: false,
            frames: FrameReader::of_server(frame::MAX_BODY),
            secrecy: Secrecy::Silent(Box::new(device.clone())),
            attention: Attention::Full,
        }
    }

    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        wall: Timestamp,
        config: &mut DriverConfig,
        sending: &mut dyn FnMut(Label),
    ) -> Poll<LinkInput> {
        if matches!(self.secrecy, Secrecy::Silent(_)) {
            self.greet(config, sending);
        }
        loop {
            if self.attention == Attention::TransportEnd {
                return self.poll_transport_end(cx);
            }
            if self.attention == Attention::Full
                && let Some(input) = self.pop_frame(wall, config, sending)
            {
                return Poll::Ready(input);
            }
            let Poll::Ready(read) = Pin::new(&mut self.web_socket).poll_next(cx) else {
                return self.flush(cx);
            };
            if let Some(input) = self.on_message(cx, read) {
                return Poll::Ready(input);
            }
        }
    }

    pub(super) fn send(&mut self, node: Node, sending: impl FnOnce(Label)) {
        let Secrecy::Secure(transport) = &mut self.secrecy else {
            return;
        };
        let mut bytes = Vec::with_capacity(USUAL_STANZA);
        // A node of our own always fits; if a machine made one that does not, nothing is sent of it.
        if transport
            .sealer
            .seal_node_with(&node, Dictionary::v3(), &mut bytes)
            .is_ok()
        {
            sending(Label::Stanza(Arc::new(node)));
            self.write(Message::Binary(bytes.into()));
        }
    }

    pub(super) fn ping(&mut self, payload: Vec<u8>) {
        self.write(Message::Ping(Bytes::from(payload)));
    }

    pub(super) fn close(&mut self, code: u16) {
        self.write(Message::Close(Some(CloseFrame {
            code: code.into(),
            reason: "".into(),
        })));
    }

    /// Says who speaks which protocol, and opens the Noise handshake.
    fn greet(&mut self, config: &mut DriverConfig, sending: &mut dyn FnMut(Label)) {
        let Secrecy::Silent(device) = std::mem::replace(&mut self.secrecy, Secrecy::Failed) else {
            return;
        };
        let (initiator, hello) =
            Initiator::new(&frame::INTRO, device.noise.clone(), &mut config.rng);
        self.secrecy = Secrecy::Greeted(Box::new((initiator, *device)));
        sending(Label::Handshake("client_hello"));
        self.write_frame(frame::INTRO.to_vec(), &hello);
    }

    /// What the next whole frame that has arrived is.
    fn pop_frame(
        &mut self,
        wall: Timestamp,
        config: &DriverConfig,
        sending: &mut dyn FnMut(Label),
    ) -> Option<LinkInput> {
        let body = match self.frames.pop() {
            Ok(None) => return None,
            Ok(Some(body)) => body,
            Err(error) => {
                self.attention = Attention::End;
                return Some(LinkInput::Closed(Closed::BadNode(error.to_string())));
            }
        };
        if let Secrecy::Secure(transport) = &mut self.secrecy {
            let failure = match transport.opener.open_node(body) {
                Ok(node) => return Some(LinkInput::Stanza(node)),
                Err(TransportError::Authentication { .. }) => Closed::BadMac,
                Err(other) => Closed::BadNode(other.to_string()),
            };
            self.attention = Attention::End;
            return Some(LinkInput::Closed(failure));
        }
        let Secrecy::Greeted(greeted) = std::mem::replace(&mut self.secrecy, Secrecy::Failed)
        else {
            return None;
        };
        let (initiator, device) = *greeted;
        match conclude(initiator, &device, body, config, wall) {
            Ok((finish, transport)) => {
                self.secrecy = Secrecy::Secure(Box::new(transport));
                sending(Label::Handshake("client_finish"));
                self.write_frame(Vec::new(), &finish);
                Some(LinkInput::Secured)
            }
            Err(error) => {
                self.attention = Attention::End;
                Some(LinkInput::HandshakeFailed(error))
            }
        }
    }

    fn on_message(
        &mut self,
        cx: &mut Context<'_>,
        read: Option<Result<Message, Error>>,
    ) -> Option<LinkInput> {
        let heard = self.attention == Attention::Full;
        match read {
            Some(Ok(Message::Binary(bytes))) => {
                if heard {
                    self.frames.push(&bytes);
                }
                None
            }
            Some(Ok(Message::Ping(_))) => {
                // tungstenite has queued the pong; it leaves in this millisecond, whatever else is to be read.
                self.flush_now(cx);
                heard.then_some(LinkInput::Ping)
            }
            Some(Ok(Message::Pong(payload))) => heard.then(|| LinkInput::Pong(payload.to_vec())),
            Some(Ok(Message::Close(frame))) => {
                self.flush_now(cx);
                let (code, reason) = match frame {
                    Some(frame) => (Some(frame.code.into()), frame.reason.to_string()),
                    None => (None, String::new()),
                };
                Some(LinkInput::Closed(Closed::Frame { code, reason }))
            }
            Some(Ok(Message::Text(_))) => heard.then(|| {
                self.attention = Attention::End;
                let why = "a text message, and only binary ones are expected".to_owned();
                LinkInput::Closed(Closed::InvalidFrame(why))
            }),
            Some(Ok(Message::Frame(_))) => None,
            Some(Err(Error::Io(error))) => Some(LinkInput::Closed(upgrade::broken(&error))),
            None
            | Some(Err(
                Error::ConnectionClosed
                | Error::AlreadyClosed
                | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake),
            )) => Some(LinkInput::Closed(Closed::Eof)),
            Some(Err(invalid)) => {
                self.attention = Attention::TransportEnd;
                heard.then(|| LinkInput::Closed(Closed::InvalidFrame(invalid.to_string())))
            }
        }
    }

    /// Reads and forgets what still comes, until the transport ends.
    fn poll_transport_end(&mut self, cx: &mut Context<'_>) -> Poll<LinkInput> {
        loop {
            let mut scratch = [0; 256];
            let mut scratch = ReadBuf::new(&mut scratch);
            let stream = Pin::new(self.web_socket.get_mut());
            let Poll::Ready(read) = stream.poll_read(cx, &mut scratch) else {
                return self.flush(cx);
            };
            match read {
                Ok(()) if scratch.filled().is_empty() => {
                    return Poll::Ready(LinkInput::Closed(Closed::Eof));
                }
                Ok(()) => {}
                Err(error) => return Poll::Ready(LinkInput::Closed(upgrade::broken(&error))),
            }
        }
    }

    /// Nothing is left to read: sends what is queued, and finds a transport that takes nothing any more.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<LinkInput> {
        if self.stuck {
            return Poll::Ready(LinkInput::Closed(Closed::Reset));
        }
        if !self.unflushed {
            return Poll::Pending;
        }
        match ready!(Pin::new(&mut self.web_socket).poll_flush(cx)) {
            Err(Error::Io(error)) => Poll::Ready(LinkInput::Closed(upgrade::broken(&error))),
            _ => {
                self.unflushed = false;
                Poll::Pending
            }
        }
    }

    /// Sends what is queued, as far as the transport takes it.
    pub(super) fn flush_now(&mut self, cx: &mut Context<'_>) {
        self.unflushed = !matches!(
            Pin::new(&mut self.web_socket).poll_flush(cx),
            Poll::Ready(Ok(()))
        );
    }

    fn write_frame(&mut self, mut bytes: Vec<u8>, body: &[u8]) {
        if frame::write_frame(&mut bytes, body).is_ok() {
            self.write(Message::Binary(bytes.into()));
        }
    }

    /// Queues a message. A transport that fails is told by the next read or flush, after everything that it had to say.
    fn write(&mut self, message: Message) {
        let queued = Pin::new(&mut self.web_socket).start_send(message);
        // A sealed frame that is lost would make every later one unreadable.
        self.stuck |= matches!(queued, Err(Error::WriteBufferFull(_)));
        self.unflushed = true;
    }
}

/// Checks the server's hello and its certificates, and says who the client is.
fn conclude(
    initiator: Initiator,
    device: &Device,
    hello: &[u8],
    config: &DriverConfig,
    wall: Timestamp,
) -> Result<(Vec<u8>, Transport), String> {
    let payload = device
        .client_payload(0)
        .map_err(|error| error.to_string())?;
    initiator
        .on_server_hello(hello, &config.root, wall)
        .and_then(|server| server.finish(&payload))
        .map_err(|error| error.to_string())
}

/// A ping, its answer and most IQs are shorter than this in bytes.
const USUAL_STANZA: usize = 128;

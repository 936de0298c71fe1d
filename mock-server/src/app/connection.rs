//! One connection from its upgrade to its end: reads first, then writes what is queued. A write that cannot go on blocks
//! no read.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use compact_str::CompactString;
use futures_util::{Sink, Stream};
use squall_protocol::Node;
use squall_protocol::codec::Dictionary;
use squall_protocol::frame::{self, FrameReader};
use squall_protocol::noise::{Answered, AwaitingFinish, Client, Responder, Transport};
use squall_protocol::pairing::Login;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as Code;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::traffic::Traffic;
use super::{FrameFaults, Label, MockServer, Received};
use crate::fault::{CloseCode, CloseReason, Hello, Malformation};
use crate::id::ConnectionId;
use crate::server::{Closed, Input};

/// Something to write.
#[derive(Debug)]
pub(super) enum Wire {
    /// A handshake message: its name, and its frame.
    Handshake(&'static str, Vec<u8>),
    /// A stanza.
    Stanza(Arc<Node>),
    /// A stanza whose frame is damaged.
    Corrupt(Arc<Node>),
    /// A Ping with this payload.
    Ping(CompactString),
    /// A Pong with this payload, which answers nothing.
    Pong(CompactString),
    /// An invalid frame.
    Malformed(Malformation),
    /// A close frame.
    Close(Option<CloseCode>, CloseReason),
    /// The end of the stream.
    Eof,
    /// Nothing: what was left unread or unwritten is looked at again.
    Look,
}

/// Moves one connection's bytes.
pub(super) struct Driver<S> {
    server: MockServer,
    id: ConnectionId,
    traffic: Arc<Traffic>,
    socket: WebSocketStream<FrameFaults<S>>,
    frames: FrameReader,
    phase: Phase,
    /// The tokens that the client writes in, as its intro header says.
    dictionary: &'static Dictionary,
    queue: VecDeque<Wire>,
    inbox: UnboundedReceiver<Wire>,
    /// The client's close frame came, with this code.
    closing: Option<Option<u16>>,
    unflushed: bool,
}

/// How far the Noise handshake has come.
enum Phase {
    /// The client is to say hello.
    Hello,
    /// The client is to conclude.
    Finish(Box<AwaitingFinish>),
    /// Stanzas.
    Open(Box<Transport>),
    /// What comes is ignored, by a fault.
    Deaf,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// A connection whose 101 was just written; `read` came with the request already.
    pub(super) async fn new(
        server: MockServer,
        id: ConnectionId,
        stream: S,
        read: &[u8],
        inbox: UnboundedReceiver<Wire>,
    ) -> Self {
        let config = WebSocketConfig::default()
            // Each read zero-fills the whole buffer: at the default of 128 KiB that is most of what a ping costs.
            .read_buffer_size(1024)
            // A message goes at once, so that what is told of it is told just before.
            .write_buffer_size(0)
            .max_message_size(Some(MAX_MESSAGE));
        let stream = FrameFaults::new(stream, server.clone(), id);
        let socket =
            WebSocketStream::from_partially_read(stream, read.to_vec(), Role::Server, Some(config))
                .await;
        Self {
            traffic: server.traffic(id),
            server,
            id,
            socket,
            frames: FrameReader::of_client(MAX_FRAME),
            phase: Phase::Hello,
            dictionary: Dictionary::v3(),
            queue: VecDeque::new(),
            inbox,
            closing: None,
            unflushed: false,
        }
    }

    /// Runs it to its end.
    pub(super) async fn run(mut self) -> Closed {
        let how = poll_fn(|cx| self.poll(cx)).await;
        if how == Closed::ByServer {
            let socket = self.socket.get_mut();
            // A client that does not read cannot keep it open: dropping the stream ends it as well.
            poll_fn(|cx| {
                let _ = Pin::new(&mut *socket).poll_shutdown(cx);
                Poll::Ready(())
            })
            .await;
        }
        how
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        for _ in 0..READS_IN_A_ROW {
            if !self.server.reads(self.id) {
                return self.poll_queued(cx);
            }
            let message = match Pin::new(&mut self.socket).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.end_by(&error)),
                Poll::Ready(None) => return Poll::Ready(self.end_by_client()),
                Poll::Pending => return self.poll_queued(cx),
            };
            self.traffic.received.frames.add(1);
            let taken = match message {
                Message::Binary(bytes) => {
                    self.frames.push(&bytes);
                    self.on_frames()
                }
                Message::Close(frame) => {
                    self.closing = Some(frame.map(|frame| frame.code.into()));
                    Ok(())
                }
                Message::Text(_) => Err("a text message".to_owned()),
                Message::Ping(_) => {
                    self.traffic.web_socket_pings.add(1);
                    Ok(())
                }
                Message::Pong(_) | Message::Frame(_) => Ok(()),
            };
            if let Err(violation) = taken {
                return Poll::Ready(Closed::Violation(violation));
            }
            if let Poll::Ready(how) = self.poll_write(cx) {
                return Poll::Ready(how);
            }
        }
        // Others have a turn, and so do the timers.
        cx.waker().wake_by_ref();
        self.poll_queued(cx)
    }

    /// Writes what others queued for this connection.
    fn poll_queued(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        let mut look = false;
        while let Poll::Ready(Some(wire)) = self.inbox.poll_recv(cx) {
            match wire {
                Wire::Look => look = true,
                wire => self.queue.push_back(wire),
            }
        }
        if look {
            // What is to be looked at is looked at in the next turn, from the beginning.
            cx.waker().wake_by_ref();
        }
        self.poll_write(cx)
    }

    /// Writes what is queued, as far as it goes.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Closed> {
        while !self.queue.is_empty() {
            match Pin::new(&mut self.socket).poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(self.end_by(&error)),
                // The client does not read. What ends the stream need not wait for that.
                Poll::Pending if matches!(self.queue.back(), Some(Wire::Eof)) => {
                    return Poll::Ready(Closed::ByServer);
                }
                Poll::Pending if self.queue.len() > MAX_QUEUED => {
                    return Poll::Ready(Closed::Violation("it reads nothing".to_owned()));
                }
                Poll::Pending => return Poll::Pending,
            }
            let Some(wire) = self.queue.pop_front() else {
                break;
            };
            if let Wire::Eof = wire {
                return Poll::Ready(Closed::ByServer);
            }
            if let Err(error) = self.write(wire) {
                return Poll::Ready(self.end_by(&error));
            }
            self.unflushed = true;
        }
        if self.unflushed {
            match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                Poll::Ready(Err(error)) => return Poll::Ready(self.end_by(&error)),
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    fn write(&mut self, wire: Wire) -> Result<(), Error> {
        let world = &self.server.0.world;
        let message = match wire {
            Wire::Stanza(node) => {
                let bytes = sealed(&mut self.phase, &node);
                world.sending(self.id, Label::Stanza(node));
                Message::Binary(bytes.into())
            }
            Wire::Handshake(name, bytes) => {
                world.sending(self.id, Label::Handshake(name));
                Message::Binary(bytes.into())
            }
            Wire::Corrupt(node) => {
                let mut bytes = sealed(&mut self.phase, &node);
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
                world.sending(self.id, Label::Corrupt(node));
                Message::Binary(bytes.into())
            }
            Wire::Ping(payload) => Message::Ping(payload.as_bytes().to_vec().into()),
            Wire::Pong(payload) => {
                self.socket.get_mut().pong(payload.as_bytes());
                return Ok(());
            }
            Wire::Malformed(kind) => {
                world.sending(self.id, Label::Malformed(kind));
                self.socket.get_mut().malform(kind);
                return Ok(());
            }
            Wire::Close(code, reason) => Message::Close(code.map(|code| CloseFrame {
                code: Code::from(code.get()),
                reason: reason.as_str().into(),
            })),
            Wire::Eof | Wire::Look => return Ok(()),
        };
        Pin::new(&mut self.socket).start_send(message)
    }

    /// Takes every whole frame that has come.
    fn on_frames(&mut self) -> Result<(), String> {
        loop {
            let intro = self.frames.intro();
            let body = match self.frames.pop() {
                Ok(Some(body)) => body,
                Ok(None) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            };
            match &mut self.phase {
                Phase::Open(transport) => {
                    let node = transport
                        .opener
                        .open_node_with(body, self.dictionary)
                        .map_err(|error| error.to_string())?;
                    self.traffic.stanza(&node);
                    let id = self.id;
                    let world = &self.server.0.world;
                    world.received(id, Received::Stanza(&node));
                    self.server
                        .with(Some((id, &mut self.queue)), |server, now| {
                            server.handle_input(now, Input::Stanza(id, node));
                        });
                }
                Phase::Deaf => {}
                Phase::Hello => {
                    let body = body.to_vec();
                    let prologue = match intro {
                        Some(intro) => intro,
                        None => self.frames.intro().ok_or("no intro header")?,
                    };
                    self.on_hello(&prologue, &body)?;
                }
                Phase::Finish(_) => {
                    let body = body.to_vec();
                    self.on_finish(&body)?;
                }
            }
        }
    }

    fn on_hello(&mut self, prologue: &[u8], body: &[u8]) -> Result<(), String> {
        self.received("client_hello");
        let version = prologue.last().copied().unwrap_or_default();
        self.dictionary = Dictionary::of_version(version)
            .ok_or_else(|| format!("token dictionary {version} is unknown; 2 and 3 are known"))?;
        let id = self.id;
        let mut queue = std::mem::take(&mut self.queue);
        let (hello, keys, chain, mut rng) =
            self.server.with(Some((id, &mut queue)), |server, now| {
                let hello = server.on_hello(now, id);
                let chain = match hello {
                    Hello::Honest | Hello::AnotherKey => Ok(server.certificate_chain(now, None)),
                    Hello::BadCertificate(defect) => {
                        Ok(server.certificate_chain(now, Some(defect)))
                    }
                    Hello::Garbage(bytes) => Err(Some(bytes)),
                    Hello::Silence => Err(None),
                };
                (
                    hello,
                    server.keys().clone(),
                    chain,
                    server.connection_rng(id),
                )
            });
        self.queue = queue;
        if hello == Hello::AnotherKey {
            self.server.0.world.key_rotated(&keys);
        }
        let chain = match chain {
            Ok(chain) => chain,
            Err(garbage) => {
                self.phase = Phase::Deaf;
                return match garbage {
                    Some(garbage) => self.answer("garbage_hello", &garbage),
                    None => Ok(()),
                };
            }
        };
        let (answered, answer) = Responder::new(prologue, keys, chain)
            .on_client_hello(body, &mut rng)
            .map_err(|error| error.to_string())?;
        self.answer("server_hello", &answer)?;
        match answered {
            Answered::Awaiting(finish) => {
                self.phase = Phase::Finish(Box::new(finish));
                Ok(())
            }
            Answered::Resumed(client) => self.secured(client),
        }
    }

    fn received(&self, name: &'static str) {
        let world = &self.server.0.world;
        world.received(self.id, Received::Handshake(name));
    }

    /// Queues a message of the handshake.
    fn answer(&mut self, name: &'static str, body: &[u8]) -> Result<(), String> {
        let mut frame = Vec::with_capacity(frame::HEADER_LENGTH + body.len());
        frame::write_frame(&mut frame, body).map_err(|error| error.to_string())?;
        self.queue.push_back(Wire::Handshake(name, frame));
        Ok(())
    }

    fn on_finish(&mut self, body: &[u8]) -> Result<(), String> {
        self.received("client_finish");
        let Phase::Finish(finish) = std::mem::replace(&mut self.phase, Phase::Deaf) else {
            return Ok(());
        };
        let client = finish
            .on_client_finish(body)
            .map_err(|error| error.to_string())?;
        self.secured(client)
    }

    /// The transport is up, and the client has said who it is.
    fn secured(&mut self, client: Client) -> Result<(), String> {
        let login = Login::parse(&client.payload).map_err(|error| error.to_string())?;
        self.phase = Phase::Open(Box::new(client.transport));
        let id = self.id;
        self.server
            .with(Some((id, &mut self.queue)), |server, now| {
                server.handle_input(now, Input::Secured(id, login, client.static_key));
            });
        Ok(())
    }

    /// The stream ended after a close frame, or without.
    fn end_by_client(&self) -> Closed {
        match self.closing {
            Some(code) => Closed::Frame { code },
            None => Closed::Eof,
        }
    }

    fn end_by(&self, error: &Error) -> Closed {
        use tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake;
        match error {
            Error::ConnectionClosed | Error::AlreadyClosed => self.end_by_client(),
            Error::Protocol(ResetWithoutClosingHandshake) => self.end_by_client(),
            Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Closed::Eof,
            Error::Io(_) => Closed::Reset,
            violation => Closed::Violation(violation.to_string()),
        }
    }
}

/// The frame of a stanza. Before the transport is up there is nothing to send one with, and the machine sends none.
fn sealed(phase: &mut Phase, node: &Node) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ROOM);
    let Phase::Open(transport) = phase else {
        unreachable!("a stanza before the Noise transport: {node}")
    };
    transport
        .sealer
        .seal_node(node, &mut bytes)
        .unwrap_or_else(|error| panic!("the server's own stanza has no encoding: {error}: {node}"));
    bytes
}

/// Turns of reading before others have one.
const READS_IN_A_ROW: usize = 64;
/// More than any client sends in one frame before media: 812 pre-keys are 45 KiB.
const MAX_FRAME: usize = 1 << 20;
/// A WebSocket message may carry several frames.
const MAX_MESSAGE: usize = 1 << 21;
/// Twice the greatest backlog that was ever reported (`adiwajshing/Baileys#1292`), times four.
const MAX_QUEUED: usize = 1 << 16;
/// Most stanzas of the server fit.
const ROOM: usize = 128;

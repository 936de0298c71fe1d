//! One link in the order of its life: connect, upgrade, then the open socket.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use jiff::Timestamp;
use squall_protocol::Node;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;

use super::socket::Socket;
use super::{DriverConfig, Label, upgrade};
use crate::id::LinkId;
use crate::machine::{Closed, Dial, LinkInput, Refusal};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A link that was dialed and not yet let go of.
pub(super) struct Link<S> {
    dial: Dial,
    stage: Stage<S>,
}

enum Stage<S> {
    Connecting(Boxed<io::Result<S>>),
    Upgrading(Boxed<Result<WebSocketStream<S>, tungstenite::Error>>),
    Open(Box<Socket<S>>),
    /// Its end was told.
    Ended,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Link<S> {
    pub(super) fn new(dial: Dial, connecting: Boxed<io::Result<S>>) -> Self {
        Self {
            dial,
            stage: Stage::Connecting(connecting),
        }
    }

    pub(super) fn id(&self) -> LinkId {
        self.dial.link
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    /// The next thing that happens on it.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        wall: Timestamp,
        config: &mut DriverConfig,
        sending: &mut dyn FnMut(Label),
    ) -> Poll<LinkInput> {
        match &mut self.stage {
            Stage::Connecting(connecting) => match ready!(connecting.as_mut().poll(cx)) {
                Ok(stream) => {
                    let upgrading = upgrade::start(stream, config);
                    self.stage = Stage::Upgrading(Box::pin(upgrading));
                    Poll::Ready(LinkInput::Connected)
                }
                Err(error) => {
                    self.stage = Stage::Ended;
                    Poll::Ready(LinkInput::Refused(Refusal::Connect(error.to_string())))
                }
            },
            Stage::Upgrading(upgrading) => match ready!(upgrading.as_mut().poll(cx)) {
                Ok(web_socket) => {
                    let socket = Socket::new(web_socket, &self.dial.device);
                    self.stage = Stage::Open(Box::new(socket));
                    Poll::Ready(LinkInput::Upgraded)
                }
                Err(error) => {
                    self.stage = Stage::Ended;
                    Poll::Ready(upgrade::failed(error))
                }
            },
            Stage::Open(socket) => {
                let input = ready!(socket.poll(cx, wall, config, sending));
                if let LinkInput::Closed(Closed::Frame { .. } | Closed::Eof | Closed::Reset) = input
                {
                    self.stage = Stage::Ended;
                }
                Poll::Ready(input)
            }
            Stage::Ended => Poll::Pending,
        }
    }

    /// Sends what is queued, as far as the transport takes it, while there is still something to be read.
    pub(super) fn flush(&mut self, cx: &mut Context<'_>) {
        if let Stage::Open(socket) = &mut self.stage {
            socket.flush_now(cx);
        }
    }

    pub(super) fn send(&mut self, node: Node, sending: impl FnOnce(Label)) {
        if let Stage::Open(socket) = &mut self.stage {
            socket.send(node, sending);
        }
    }

    pub(super) fn ping(&mut self, payload: Vec<u8>) {
        if let Stage::Open(socket) = &mut self.stage {
            socket.ping(payload);
        }
    }

    pub(super) fn close(&mut self, code: u16) {
        if let Stage::Open(socket) = &mut self.stage {
            socket.close(code);
        }
    }
}

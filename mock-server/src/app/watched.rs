//! A listener whose connections tell the app who dials, and the server when they are gone, whatever they spoke.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::MockServer;
use crate::id::{ConnectionId, Peer};
use crate::server::Closed;

/// A listener under the app. Axum's own way to tell who dials takes no generic listener.
#[derive(Debug)]
pub struct Watching<L> {
    listener: L,
    server: MockServer,
}

impl<L> Watching<L> {
    /// Watches this listener's connections for this server.
    pub fn new(listener: L, server: MockServer) -> Self {
        Self { listener, server }
    }
}

impl<L: Listener<Addr = Peer>> Listener for Watching<L> {
    type Io = Watched<L::Io>;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Peer) {
        let (stream, peer) = self.listener.accept().await;
        let watched = Watched {
            stream: Some(stream),
            server: self.server.clone(),
            connection: peer.connection,
        };
        (watched, peer)
    }

    fn local_addr(&self) -> io::Result<Peer> {
        self.listener.local_addr()
    }
}

impl<L: Listener<Addr = Self>> Connected<IncomingStream<'_, Watching<L>>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Watching<L>>) -> Self {
        stream.remote_addr().clone()
    }
}

/// A stream that tells the server when it is dropped.
pub struct Watched<S> {
    /// Taken out once a WebSocket tells its own end.
    stream: Option<S>,
    server: MockServer,
    connection: ConnectionId,
}

impl<S> Watched<S> {
    /// The stream, no longer watched.
    pub(super) fn into_inner(mut self) -> S {
        self.stream.take().expect("only this takes it out")
    }
}

impl<S: Unpin> Watched<S> {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut S> {
        let stream = self.get_mut().stream.as_mut();
        Pin::new(stream.expect("taken out only when it is consumed"))
    }
}

impl<S> Drop for Watched<S> {
    fn drop(&mut self) {
        if self.stream.is_some() {
            self.server.closed(self.connection, Closed::Eof);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream
            .as_ref()
            .is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(cx)
    }
}

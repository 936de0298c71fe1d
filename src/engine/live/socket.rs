//! A socket as the kernel gives it, or TLS over one; and the bytes of it that were read too early.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::{client, server};

/// What carries a connection.
pub(crate) enum Socket {
    /// In clear.
    Tcp(TcpStream),
    /// TLS, and we are the server.
    TlsServer(Box<server::TlsStream<TcpStream>>),
    /// TLS, and we are the client.
    TlsClient(Box<client::TlsStream<TcpStream>>),
}

impl Socket {
    /// Dropped from now on, it resets the connection instead of ending it.
    pub(crate) fn resets(&self) {
        // A socket that is gone already cannot be reset, and need not be.
        let _ = self.tcp().set_zero_linger();
    }

    /// The port at this end.
    pub(crate) fn local_port(&self) -> io::Result<u16> {
        Ok(self.tcp().local_addr()?.port())
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Tcp(tcp) => tcp,
            Self::TlsServer(tls) => tls.get_ref().0,
            Self::TlsClient(tls) => tls.get_ref().0,
        }
    }
}

macro_rules! each {
    ($socket:expr, $stream:ident => $does:expr) => {
        match $socket {
            Socket::Tcp($stream) => {
                let $stream = Pin::new($stream);
                $does
            }
            Socket::TlsClient($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $does
            }
            Socket::TlsServer($stream) => {
                let $stream = Pin::new(&mut **$stream);
                $does
            }
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self.get_mut(), stream => stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self.get_mut(), stream => stream.poll_shutdown(cx))
    }
}

/// A socket whose first bytes were read already; whoever reads it reads them again.
pub(crate) struct Begun {
    head: Vec<u8>,
    socket: Socket,
}

impl Begun {
    /// This socket, and what was read of it.
    pub(crate) fn new(head: Vec<u8>, socket: Socket) -> Self {
        Self { head, socket }
    }

    /// The socket. See [`Socket::resets`].
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.head.is_empty() {
            return Pin::new(&mut self.socket).poll_read(cx, buffer);
        }
        let fits = self.head.len().min(buffer.remaining());
        buffer.put_slice(&self.head[..fits]);
        self.head.drain(..fits);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Begun {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}

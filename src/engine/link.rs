//! An in-memory link: two pipes of bytes, one each way, and an end at either side.

pub(crate) mod delay;
pub(crate) mod exchange;
pub(crate) mod pipe;
pub(crate) mod splitter;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::engine::conductor::Conductor;
use crate::engine::link::delay::Delay;
use crate::engine::link::pipe::{Make, Pipe, Weather};
use crate::engine::recorder::Recorder;
use crate::trace::{ConnectionId, Message, Side};

/// A whole link, for whoever acts on it from outside.
#[derive(Clone)]
pub(crate) struct Link {
    to_server: Arc<Pipe>,
    to_client: Arc<Pipe>,
}

impl Link {
    /// A link and its two ends, the client's first. `delays` are those towards the server and towards the client.
    pub(crate) fn new(
        conn: ConnectionId,
        conductor: &Arc<Conductor>,
        recorder: &Arc<Recorder>,
        weather: &Arc<dyn Weather>,
        delays: [Delay; 2],
        make: Make,
    ) -> (Self, End, End) {
        let [to_server, to_client] = delays;
        let forgotten = Arc::new(AtomicBool::new(false));
        let pipe = |from, delay| {
            Pipe::new(
                (conn, from),
                conductor,
                recorder,
                weather,
                &forgotten,
                (delay, make),
            )
        };
        let link = Self {
            to_server: pipe(Side::Client, to_server),
            to_client: pipe(Side::Server, to_client),
        };
        let client = End {
            out: Arc::clone(&link.to_server),
            inn: Arc::clone(&link.to_client),
        };
        let server = End {
            out: Arc::clone(&link.to_client),
            inn: Arc::clone(&link.to_server),
        };
        (link, client, server)
    }

    /// The direction in which `from` writes.
    pub(crate) fn pipe(&self, from: Side) -> &Arc<Pipe> {
        match from {
            Side::Client => &self.to_server,
            Side::Server => &self.to_client,
        }
    }

    /// Whether an end of it is still held.
    pub(crate) fn is_alive(&self) -> bool {
        // The link itself holds each pipe once, each end holds both.
        Arc::strong_count(&self.to_server) > 1
    }

    /// The server's process dies, and its end with it.
    pub(crate) fn server_dies(&self, reset: bool) {
        self.to_client.writer_dies(reset);
        self.to_server.reader_dies();
    }

    /// Resets the link: both ends learn of it, nothing else arrives.
    pub(crate) fn reset(&self) {
        self.to_client.cut(Message::Reset);
        self.to_server.cut(Message::Reset);
    }
}

/// One end of a link.
pub(crate) struct End {
    out: Arc<Pipe>,
    inn: Arc<Pipe>,
}

impl AsyncRead for End {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.inn.poll_read(cx, buf)
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Some(key) = ready!(self.out.poll_write(cx, bytes))? {
            self.inn.expect_accept_for(key);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.out.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.out.release();
        self.inn.abandon();
    }
}

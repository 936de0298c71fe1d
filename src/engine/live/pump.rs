//! Carries the bytes between a socket and one end of a link, as the kernels at both ends would: an end of the stream is an
//! end, a reset a reset, and whoever writes too much has to wait.

use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::sync::Arc;

use squall_protocol::Millis;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};

use crate::engine::conductor::Class;
use crate::engine::link::End;
use crate::engine::link::exchange::Exchange;
use crate::engine::live::socket::Begun;
use crate::trace::{ConnectionId, Side};

/// A connection whose socket is the far side of `near`.
pub(super) struct Pump {
    pub(super) exchange: Arc<Exchange>,
    pub(super) conn: ConnectionId,
    /// Whose end of the link the socket is.
    pub(super) side: Side,
    /// How long the other direction goes on once this side has ended its own: nobody's who is known to let go of both.
    pub(super) lingers: Millis,
}

/// How one direction ended.
enum Over {
    /// With the end of the stream, which was passed on.
    Ended,
    /// With a reset of the socket.
    SocketReset,
    /// With a reset of the link.
    LinkReset,
}

impl Pump {
    /// Carries until both directions have ended, and lets go of both ends.
    pub(super) async fn run(self, socket: Begun, end: End) {
        let (mut socket_in, mut socket_out) = tokio::io::split(socket);
        let (mut link_in, mut link_out) = tokio::io::split(end);
        let over = {
            let inward = pin!(self.inward(&mut socket_in, &mut link_out));
            let outward = pin!(outward(&mut link_in, &mut socket_out));
            self.both(inward, outward).await
        };
        let socket = socket_in.unsplit(socket_out);
        match over {
            Over::Ended => {}
            Over::SocketReset => self.exchange.reset_by(self.conn, self.side),
            Over::LinkReset => socket.socket().resets(),
        }
    }

    async fn both(
        &self,
        mut inward: Pin<&mut impl Future<Output = Over>>,
        mut outward: Pin<&mut impl Future<Output = Over>>,
    ) -> Over {
        tokio::select! {
            biased;
            over = &mut inward => match over {
                Over::Ended if self.lingers > Millis::ZERO => {
                    let conductor = self.exchange.conductor();
                    let enough = conductor.sleep_until(conductor.now() + self.lingers, Class::Timer);
                    tokio::select! {
                        biased;
                        over = outward => over,
                        () = enough => Over::Ended,
                    }
                }
                over => over,
            },
            over = &mut outward => match over {
                Over::Ended => inward.await,
                over => over,
            },
        }
    }

    /// From the socket into the link.
    async fn inward(&self, socket: &mut ReadHalf<Begun>, link: &mut WriteHalf<End>) -> Over {
        let mut buffer = [0; PIECE];
        loop {
            let read = match socket.read(&mut buffer).await {
                Ok(read) => read,
                // TLS that ends without a farewell has ended all the same.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => 0,
                Err(_) => return Over::SocketReset,
            };
            if read == 0 {
                // Whoever lets go of both directions at once ends this one by that.
                if self.lingers > Millis::ZERO {
                    let _ = link.shutdown().await;
                }
                return Over::Ended;
            }
            // Where nobody reads any more, what comes is lost, as behind any link.
            let _ = link.write_all(&buffer[..read]).await;
        }
    }
}

/// From the link into the socket.
async fn outward(link: &mut ReadHalf<End>, socket: &mut WriteHalf<Begun>) -> Over {
    let mut buffer = [0; PIECE];
    loop {
        let Ok(read) = link.read(&mut buffer).await else {
            return Over::LinkReset;
        };
        let written = match read {
            0 => socket.shutdown().await,
            read => write(socket, &buffer[..read]).await,
        };
        match written {
            Err(_) if read > 0 => return Over::SocketReset,
            _ if read == 0 => return Over::Ended,
            _ => {}
        }
    }
}

async fn write(socket: &mut WriteHalf<Begun>, bytes: &[u8]) -> io::Result<()> {
    socket.write_all(bytes).await?;
    // TLS keeps back what is not flushed.
    socket.flush().await
}

/// Bytes carried at a time: longer than most messages, and short, since thousands of connections have two of these.
const PIECE: usize = 2_048;

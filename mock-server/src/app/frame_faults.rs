//! A wrapper around the stream under tungstenite, which answers every Ping by itself: here its pongs can be held back,
//! frames sent that it would never write, and frames broken off in the middle.
//!
//! It looks at the header of each frame on its way out. Frames from the server are unmasked (RFC 6455, 5.1), and
//! tungstenite hands over whole frames, so a header is 2 bytes and a length.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use squall_protocol::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::traffic::Traffic;
use super::{MockServer, Sleep};
use crate::fault::{Control, Malformation, Verdict, Write};
use crate::id::ConnectionId;

/// A stream whose outgoing WebSocket frames are subject to faults.
pub struct FrameFaults<S> {
    stream: S,
    server: MockServer,
    connection: ConnectionId,
    traffic: Arc<Traffic>,
    /// Bytes of the frame under way that are still to come.
    passing: usize,
    /// Bytes of the frame under way that have gone.
    gone: usize,
    /// Whole frames of our own that go before the next one, and how many bytes of the first have gone.
    own: VecDeque<Vec<u8>>,
    own_gone: usize,
    /// Frames that a fault delayed, by their time and number.
    parked: BTreeMap<(Instant, u64), Vec<u8>>,
    parks: u64,
    alarm: Option<(Instant, Sleep)>,
}

impl<S> FrameFaults<S> {
    /// The stream of this connection.
    pub fn new(stream: S, server: MockServer, connection: ConnectionId) -> Self {
        let traffic = server.traffic(connection);
        Self {
            stream,
            traffic,
            server,
            connection,
            passing: 0,
            gone: 0,
            own: VecDeque::new(),
            own_gone: 0,
            parked: BTreeMap::new(),
            parks: 0,
            alarm: None,
        }
    }

    /// Sends this invalid frame after the frame under way; a flush writes it.
    pub(super) fn malform(&mut self, kind: Malformation) {
        self.own.push_back(kind.bytes());
    }

    /// How much may go of a frame of which `gone` bytes have gone and `left` are left.
    fn room(&self, gone: usize, left: usize) -> usize {
        match self.server.writes(self.connection) {
            Write::Whole => left,
            // Its last byte would make it a frame.
            Write::Only(bytes) => usize::try_from(bytes)
                .unwrap_or(usize::MAX)
                .saturating_sub(gone)
                .min(left.saturating_sub(1)),
        }
    }

    /// Sends a Pong that answers nothing after the frame under way; a flush writes it. tungstenite keeps one Pong at a
    /// time, and would forget the one that it owes.
    pub(super) fn pong(&mut self, payload: &[u8]) {
        self.own.push_back(control_frame(PONG, payload));
    }

    /// What becomes of the control frame at the head of `bytes`: itself, or `None` if it goes at once.
    fn intercept<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let frame = Control::at_head(bytes)?;
        let whole = bytes.get(..2 + usize::from(bytes[1] & 0x7F))?;
        let payload = &whole[2..];
        let id = self.connection;
        let verdict = self.server.with(None, |server, now| {
            (server.on_frame(now, id, frame, payload), now)
        });
        match verdict {
            (Verdict::Pass, _) => None,
            (Verdict::Withhold, _) => Some(whole),
            (Verdict::Instead(other), _) => {
                self.own.push_back(control_frame(whole[0], &other));
                Some(whole)
            }
            (Verdict::After(late), now) => {
                self.parks += 1;
                self.parked
                    .insert((now.mono + late, self.parks), whole.to_vec());
                Some(whole)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> FrameFaults<S> {
    /// Takes out of the park what is due, and sets the alarm for the rest.
    fn poll_parked(&mut self, cx: &mut Context<'_>) {
        while let Some((&(at, _), _)) = self.parked.first_key_value() {
            let world = &self.server.0.world;
            let (_, sleep) = match &mut self.alarm {
                Some(alarm) if alarm.0 == at => alarm,
                alarm => alarm.insert((at, world.sleep_until(at))),
            };
            if sleep.as_mut().poll(cx).is_pending() {
                return;
            }
            self.alarm = None;
            if let Some((_, frame)) = self.parked.pop_first() {
                self.own.push_back(frame);
            }
        }
    }

    /// Writes our own frames, unless another is under way.
    fn poll_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.passing == 0
            && let Some(frame) = self.own.front()
        {
            let rest = &frame[self.own_gone..];
            let room = self.room(self.own_gone, rest.len());
            if room == 0 {
                return Poll::Pending;
            }
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &rest[..room]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.own_gone += written;
            self.traffic.sent.bytes.add(written);
            if self.own_gone == frame.len() {
                self.traffic.sent.frames.add(1);
                self.own.pop_front();
                self.own_gone = 0;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for FrameFaults<S> {
    /// A connection always reads, so this is where parked frames go out.
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.parked.is_empty() {
            self.poll_parked(cx);
            if let Poll::Ready(Err(error)) = self.poll_own(cx) {
                return Poll::Ready(Err(error));
            }
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let bytes = buffer.filled().len() - before;
        if bytes > 0 {
            self.traffic.came(self.server.now().mono, bytes);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameFaults<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.passing == 0 {
            ready!(this.poll_own(cx))?;
            if this.server.has_faults()
                && let Some(taken) = this.intercept(bytes)
            {
                return Poll::Ready(Ok(taken.len()));
            }
            this.passing = frame_length(bytes);
            this.gone = 0;
        }
        let room = this.room(this.gone, this.passing);
        if room == 0 {
            // The connection looks again when it is told to.
            return Poll::Pending;
        }
        let part = &bytes[..bytes.len().min(room)];
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, part))?;
        this.passing -= written;
        this.gone += written;
        this.traffic.sent.bytes.add(written);
        if this.passing == 0 {
            this.traffic.sent.frames.add(1);
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_own(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_own(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Control {
    /// The kind of the frame that these bytes begin with, if it is a control frame.
    fn at_head(bytes: &[u8]) -> Option<Self> {
        match bytes.first()? & 0x0F {
            0x8 => Some(Self::Close),
            0x9 => Some(Self::Ping),
            0xA => Some(Self::Pong),
            _ => None,
        }
    }
}

/// An unmasked control frame with this first byte (RFC 6455, 5.2); what is more than fits is cut off (5.5).
fn control_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(CONTROL_MAX)];
    let length = u8::try_from(payload.len()).expect("at most 125");
    [&[first, length], payload].concat()
}

/// FIN, and the opcode of a Pong.
const PONG: u8 = 0x8A;
/// RFC 6455, 5.5.
const CONTROL_MAX: usize = 125;

/// The length of the unmasked frame that `bytes` begin with, header included (RFC 6455, 5.2). Where the header is cut
/// off, what is there counts as the frame.
fn frame_length(bytes: &[u8]) -> usize {
    let announced = match bytes {
        [_, 126, a, b, ..] => 4 + usize::from(u16::from_be_bytes([*a, *b])),
        [_, 127, rest @ ..] => match rest.first_chunk() {
            Some(length) => {
                usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX - 10) + 10
            }
            None => bytes.len(),
        },
        [_, length @ 0..=125, ..] => 2 + usize::from(*length),
        _ => bytes.len(),
    };
    announced.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_tungstenite::tungstenite::protocol::{Role, WebSocket};
    use tokio_tungstenite::tungstenite::{Bytes, Message};

    #[test]
    fn a_frame_is_as_long_as_tungstenite_writes_it() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            let mut wire = io::Cursor::new(Vec::new());
            let mut socket = WebSocket::from_raw_socket(&mut wire, Role::Server, None);
            socket
                .send(Message::Binary(Bytes::from(vec![0; length])))
                .unwrap();
            let bytes = wire.into_inner();
            assert_eq!(frame_length(&bytes), bytes.len(), "{length}");
        }
    }

    #[test]
    fn only_control_frames_are_told_apart() {
        let heads = [0x80, 0x81, 0x82, 0x88, 0x89, 0x8A];
        let told = heads.map(|head| Control::at_head(&[head, 0]));
        assert_eq!(
            told,
            [
                None,
                None,
                None,
                Some(Control::Close),
                Some(Control::Ping),
                Some(Control::Pong)
            ]
        );
    }
}

//! An in-memory link: two pipes of bytes, each with a delay for every message, in the order of sending.
//!
//! The link is the witness of a run. It records a message as *sent* when its last byte is handed over, and as
//! *delivered* when that byte is read at the other end, whatever either end says of it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use rand::Rng;
use rand::rngs::ChaCha8Rng;
use squall_protocol::{Instant, Millis};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::engine::wire::conductor::{Class, Conductor, Wake};
use crate::engine::wire::recorder::Recorder;
use crate::engine::wire::splitter::Splitter;
use crate::trace::{ConnectionId, Event, Message, Side};

/// What the weather does with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carry {
    /// Nothing.
    Pass,
    /// It takes so much longer.
    After(Millis),
    /// It waits until the pipe flows again, and so does all behind it.
    Hold,
}

/// Asked about every message that is sent.
pub(crate) trait Weather: Send + Sync {
    /// What happens to a message that `from` sends now.
    fn carry(&self, conn: ConnectionId, from: Side) -> Carry;
}

/// How long messages of one direction take: each draws from a range, one draw a message, from a stream of its own.
pub(crate) struct Delay {
    /// The shortest and the longest.
    pub(crate) range: (Millis, Millis),
    /// The direction's own stream, so that message n draws the same in every engine.
    pub(crate) rng: ChaCha8Rng,
}

impl Delay {
    fn draw(&mut self) -> Millis {
        let (shortest, longest) = (self.range.0.get(), self.range.1.get());
        if shortest == longest {
            return Millis::new(shortest);
        }
        // One 64-bit word a message, scaled without rejection, so that the nth message always draws the nth word.
        let scaled = (u128::from(self.rng.next_u64()) * u128::from(longest - shortest + 1)) >> 64;
        Millis::new(shortest + u64::try_from(scaled).unwrap_or(0))
    }
}

/// One direction of a link.
pub(crate) struct Pipe {
    conn: ConnectionId,
    from: Side,
    conductor: Arc<Conductor>,
    recorder: Arc<Recorder>,
    weather: Arc<dyn Weather>,
    state: Mutex<State>,
}

struct State {
    splitter: Splitter,
    delay: Delay,
    bytes: VecDeque<u8>,
    parcels: VecDeque<Parcel>,
    /// Nothing arrives before what was sent earlier.
    last_due: Instant,
    /// The weather holds everything back.
    held: bool,
    reader: Option<Waker>,
    /// The reader's end is gone: what is written vanishes.
    reader_gone: bool,
    /// The writer has said its last.
    ended: bool,
    /// The link was reset. Until its own end hears of that, a writer does not know: what it writes vanishes.
    cut: bool,
}

struct Parcel {
    due: Instant,
    len: usize,
    message: Option<Message>,
}

impl Pipe {
    /// Says what the next binary frame carries.
    pub(crate) fn label(&self, message: Message) {
        self.lock().splitter.label(message);
    }

    /// The weather has changed: it is asked again about each message that was held. What may go takes a delay of its own
    /// from now on.
    pub(crate) fn flow(self: &Arc<Self>) {
        let now = self.conductor.now();
        let mut guard = self.lock();
        let state = &mut *guard;
        if !std::mem::take(&mut state.held) {
            return;
        }
        for parcel in state
            .parcels
            .iter_mut()
            .filter(|parcel| parcel.due == Instant::NEVER)
        {
            let more = match self.weather.carry(self.conn, self.from) {
                Carry::Pass => Millis::ZERO,
                Carry::After(more) => more,
                Carry::Hold => {
                    state.held = true;
                    return;
                }
            };
            parcel.due = state.last_due.max(now + state.delay.draw() + more);
            state.last_due = parcel.due;
            self.conductor.call(
                parcel.due,
                Class::Delivery,
                Arc::clone(self) as Arc<dyn Wake>,
            );
        }
    }

    /// Cuts the pipe: what has not arrived never will, and the reader learns of it.
    fn cut(self: &Arc<Self>, how: Message) {
        let mut state = self.lock();
        if state.ended && state.parcels.is_empty() {
            return;
        }
        let now = self.conductor.now();
        state.parcels.retain(|parcel| parcel.due <= now);
        let left = state.parcels.iter().map(|parcel| parcel.len).sum();
        state.bytes.truncate(left);
        state.held = false;
        state.last_due = now;
        state.ended = true;
        state.cut = true;
        self.send(&mut state, 0, Some(how));
    }

    /// The writer says its last.
    fn end(self: &Arc<Self>) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.ended, true) {
            self.send(&mut state, 0, Some(Message::Eof));
        }
    }

    /// Puts one piece on its way.
    fn send(self: &Arc<Self>, state: &mut State, len: usize, message: Option<Message>) {
        if let Some(message) = &message {
            self.recorder.record(Event::Sent {
                conn: self.conn,
                from: self.from,
                message: message.clone(),
            });
        }
        let carry = if state.held {
            Carry::Hold
        } else {
            self.weather.carry(self.conn, self.from)
        };
        let more = match carry {
            Carry::Pass => Millis::ZERO,
            Carry::After(more) => more,
            Carry::Hold => {
                state.held = true;
                state.parcels.push_back(Parcel {
                    due: Instant::NEVER,
                    len,
                    message,
                });
                return;
            }
        };
        let due = state
            .last_due
            .max(self.conductor.now() + state.delay.draw() + more);
        state.last_due = due;
        state.parcels.push_back(Parcel { due, len, message });
        self.conductor
            .call(due, Class::Delivery, Arc::clone(self) as Arc<dyn Wake>);
    }

    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let now = self.conductor.now();
        let before = buf.filled().len();
        let mut guard = self.lock();
        let state = &mut *guard;
        loop {
            let read_some = buf.filled().len() > before;
            let Some(parcel) = state.parcels.front_mut().filter(|parcel| parcel.due <= now) else {
                if !read_some {
                    state.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                return Poll::Ready(Ok(()));
            };
            match parcel.message {
                // The end is read alone, and again and again.
                Some(Message::Eof | Message::Reset) => {
                    if read_some {
                        return Poll::Ready(Ok(()));
                    }
                    let reset = parcel.message == Some(Message::Reset);
                    if parcel.len == 0 {
                        parcel.len = usize::MAX;
                        let message = if reset { Message::Reset } else { Message::Eof };
                        self.record_delivered(message);
                    }
                    return Poll::Ready(if reset {
                        Err(io::ErrorKind::ConnectionReset.into())
                    } else {
                        Ok(())
                    });
                }
                _ => {
                    let mut len = parcel.len.min(buf.remaining());
                    if len == 0 && parcel.len > 0 {
                        return Poll::Ready(Ok(()));
                    }
                    parcel.len -= len;
                    let whole = parcel.len == 0;
                    let (front, back) = state.bytes.as_slices();
                    let from_front = len.min(front.len());
                    buf.put_slice(&front[..from_front]);
                    len -= from_front;
                    buf.put_slice(&back[..len]);
                    state.bytes.drain(..from_front + len);
                    if whole
                        && let Some(Parcel {
                            message: Some(message),
                            ..
                        }) = state.parcels.pop_front()
                    {
                        self.record_delivered(message);
                    }
                }
            }
        }
    }

    fn record_delivered(&self, message: Message) {
        self.recorder.record(Event::Delivered {
            conn: self.conn,
            to: self.from.other(),
            message,
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Pipe {
    fn wake(self: Arc<Self>) -> bool {
        let reader = self.lock().reader.take();
        let waits = reader.is_some();
        if let Some(reader) = reader {
            reader.wake();
        }
        waits
    }
}

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
    ) -> (Self, End, End) {
        let [to_server, to_client] = delays;
        let pipe = |from, delay| {
            Arc::new(Pipe {
                conn,
                from,
                conductor: Arc::clone(conductor),
                recorder: Arc::clone(recorder),
                weather: Arc::clone(weather),
                state: Mutex::new(State {
                    splitter: Splitter::new(from),
                    delay,
                    bytes: VecDeque::new(),
                    parcels: VecDeque::new(),
                    last_due: Instant::START,
                    held: false,
                    reader: None,
                    reader_gone: false,
                    ended: false,
                    cut: false,
                }),
            })
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
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut guard = self.out.lock();
        let state = &mut *guard;
        if state.ended && !state.cut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let vanishes = state.reader_gone || state.cut;
        if !vanishes {
            state.bytes.extend(bytes);
        }
        let mut pieces = Vec::new();
        let key = state
            .splitter
            .split(bytes, |len, message| pieces.push((len, message)));
        for (len, message) in pieces {
            if vanishes {
                // Written to nobody: it counts as sent, and is never delivered.
                if let Some(message) = message {
                    self.out.recorder.record(Event::Sent {
                        conn: self.out.conn,
                        from: self.out.from,
                        message,
                    });
                }
            } else {
                self.out.send(state, len, message);
            }
        }
        drop(guard);
        if let Some(key) = key {
            self.inn.lock().splitter.expect_accept_for(key);
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
        self.out.recorder.record(Event::Released {
            conn: self.out.conn,
            by: self.out.from,
        });
        self.out.end();
        let mut inn = self.inn.lock();
        inn.reader_gone = true;
        inn.bytes.clear();
        inn.parcels.clear();
        inn.reader = None;
    }
}

//! One direction of a link: a pipe of bytes, with a delay for every message, in the order of sending.
//!
//! The pipe is the witness of a run. It records a message as *sent* when its last byte is handed over, and as *delivered*
//! when that byte is read at the other end, whatever either end says of it.

mod state;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use compact_str::CompactString;
use squall_mock_server::fault::{Direction, Fate, Handed, Passage};
use squall_protocol::Instant;
use tokio::io::ReadBuf;

use crate::engine::conductor::{Class, Conductor, Wake};
use crate::engine::link::delay::Delay;
use crate::engine::link::splitter::UNLABELLED;
use crate::engine::recorder::Recorder;
use crate::trace::{ConnectionId, Event, Message, Side};

use state::{Parcel, State};

/// How a link is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Make {
    /// A side that is none of ours. What its binary frames carry is known only once the other side has opened them, and
    /// told then, as sent and as delivered.
    pub(crate) foreign: Option<Side>,
    /// A writer waits while so many bytes or more are under way in its direction.
    pub(crate) room: usize,
}

/// Asked about every message that is sent.
pub(crate) trait Weather: Send + Sync {
    /// What happens to a message that is handed over now.
    fn carry(&self, conn: ConnectionId, message: Handed) -> Passage;
}

/// One direction of a link.
pub(crate) struct Pipe {
    conn: ConnectionId,
    from: Side,
    conductor: Arc<Conductor>,
    recorder: Arc<Recorder>,
    weather: Arc<dyn Weather>,
    /// The network knows the connection no longer: shared by both directions.
    forgotten: Arc<AtomicBool>,
    make: Make,
    state: Mutex<State>,
}

impl Pipe {
    /// A pipe that is open.
    pub(crate) fn new(
        (conn, from): (ConnectionId, Side),
        conductor: &Arc<Conductor>,
        recorder: &Arc<Recorder>,
        weather: &Arc<dyn Weather>,
        forgotten: &Arc<AtomicBool>,
        (delay, make): (Delay, Make),
    ) -> Arc<Self> {
        Arc::new(Self {
            conn,
            from,
            conductor: Arc::clone(conductor),
            recorder: Arc::clone(recorder),
            weather: Arc::clone(weather),
            forgotten: Arc::clone(forgotten),
            make,
            state: Mutex::new(State::new(from, delay)),
        })
    }

    /// Says what the next binary frame carries.
    pub(crate) fn label(&self, message: Message) {
        self.lock().splitter.label(message);
    }

    /// Tells the server's direction which key the client sent.
    pub(crate) fn expect_accept_for(&self, key: CompactString) {
        self.lock().splitter.expect_accept_for(key);
    }

    /// Takes what the writer writes. What the reader's direction has to know of it is returned.
    pub(crate) fn poll_write(
        self: &Arc<Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<Option<CompactString>>> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.ended && !state.cut {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.bytes.len() >= self.make.room {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut pieces = Vec::new();
        let key = state
            .splitter
            .split(bytes, |len, message| pieces.push((len, message)));
        let mut start = 0;
        for (len, message) in pieces {
            self.send(state, &bytes[start..start + len], message);
            start += len;
        }
        Poll::Ready(Ok(key))
    }

    /// The weather has changed: it is asked again about each message that was held. What may go takes its delay from now
    /// on.
    pub(crate) fn flow(self: &Arc<Self>) {
        let mut guard = self.lock();
        let state = &mut *guard;
        if !std::mem::take(&mut state.held) {
            return;
        }
        let passed = state
            .parcels
            .partition_point(|parcel| parcel.due != Instant::NEVER);
        let mut held = state.parcels.split_off(passed);
        while let Some(mut parcel) = held.pop_front() {
            let passage = self.ask(&parcel);
            parcel.asked = true;
            match passage.fate {
                Fate::Goes => self.depart(state, parcel, passage),
                Fate::Held => {
                    state.held = true;
                    state.parcels.push_back(parcel);
                    state.parcels.append(&mut held);
                }
                Fate::Lost => held.clear(),
            }
        }
        state.forget_bytes();
    }

    /// Cuts the pipe: what has not arrived never will, and the reader learns of it.
    pub(crate) fn cut(self: &Arc<Self>, how: Message) {
        let mut state = self.lock();
        if state.ended && state.parcels.is_empty() {
            return;
        }
        let now = self.conductor.now();
        state.parcels.retain(|parcel| parcel.due <= now);
        state.forget_bytes();
        state.held = false;
        state.last_due = now;
        state.ended = true;
        self.send(&mut state, &[], Some(how));
        state.cut = true;
        state.go_on();
    }

    /// The writer says its last.
    pub(crate) fn end(self: &Arc<Self>) {
        let mut state = self.lock();
        if !std::mem::replace(&mut state.ended, true) {
            self.send(&mut state, &[], Some(Message::Eof));
        }
    }

    /// The writer lets go of it.
    pub(crate) fn release(self: &Arc<Self>) {
        self.recorder.record(Event::Released {
            conn: self.conn,
            by: self.from,
        });
        self.end();
    }

    /// The reader lets go of it.
    pub(crate) fn abandon(&self) {
        let mut state = self.lock();
        state.reader_gone = true;
        state.bytes.clear();
        state.parcels.clear();
        state.reader = None;
        state.go_on();
    }

    /// The writer's process dies: the end of its stream, or a reset, is the last that is heard of it.
    pub(crate) fn writer_dies(self: &Arc<Self>, reset: bool) {
        if reset {
            self.cut(Message::Reset);
        } else {
            self.end();
        }
        // It writes nothing more, not even into the void.
        self.lock().cut = false;
    }

    /// The reader's process dies, with whatever it had not read. What is written from now on counts as sent and arrives
    /// nowhere.
    pub(crate) fn reader_dies(self: &Arc<Self>) {
        let mut state = self.lock();
        let (now, number) = (self.conductor.now(), state.number);
        state.bytes.clear();
        state.parcels.clear();
        state.held = false;
        (state.ended, state.cut) = (true, true);
        state.go_on();
        // So its tasks hear of it. No message of the other end's, so none that is recorded.
        state.parcels.push_back(Parcel {
            due: now,
            len: usize::MAX,
            number,
            message: Some(Message::Reset),
            asked: true,
            alone: false,
        });
        self.conductor
            .call(now, Class::Delivery, Arc::clone(self) as Arc<dyn Wake>);
    }

    /// Puts one piece on its way.
    fn send(self: &Arc<Self>, state: &mut State, bytes: &[u8], message: Option<Message>) {
        let number = state.number;
        if let Some(message) = &message {
            state.number += 1;
            if self.can_tell(message) {
                self.recorder.record(Event::Sent {
                    conn: self.conn,
                    from: self.from,
                    message: message.clone(),
                });
            }
        }
        // Written to nobody: it counts as sent, and is never delivered.
        if state.reader_gone || state.cut {
            return;
        }
        let mut parcel = Parcel {
            due: Instant::NEVER,
            len: bytes.len(),
            number,
            message,
            asked: false,
            alone: false,
        };
        let passage = match state.held {
            true => Passage {
                fate: Fate::Held,
                ..Passage::default()
            },
            false => {
                let passage = self.ask(&parcel);
                parcel.asked = true;
                passage
            }
        };
        match passage.fate {
            Fate::Goes => {
                state.bytes.extend(bytes);
                self.depart(state, parcel, passage);
            }
            Fate::Held => {
                state.held = true;
                state.bytes.extend(bytes);
                state.parcels.push_back(parcel);
            }
            Fate::Lost => {}
        }
    }

    /// What the weather does with this piece now.
    fn ask(&self, parcel: &Parcel) -> Passage {
        let message = Handed {
            direction: match self.from {
                Side::Client => Direction::ToServer,
                Side::Server => Direction::ToClient,
            },
            number: parcel.number,
            bytes: parcel.len as u64,
            again: parcel.asked,
        };
        let mut passage = self.weather.carry(self.conn, message);
        if passage.fate == Fate::Lost {
            self.forgotten.store(true, Ordering::Relaxed);
        } else if self.forgotten.load(Ordering::Relaxed) {
            passage.fate = Fate::Lost;
        }
        passage
    }

    /// Says when this piece arrives, or each part of it.
    fn depart(self: &Arc<Self>, state: &mut State, parcel: Parcel, passage: Passage) {
        let now = self.conductor.now();
        let through = state.line.through(now, parcel.len, passage.rate);
        let due = through + state.delay.of(parcel.number) + passage.after;
        state.last_due = state.last_due.max(due);
        let Some(slices) = passage.slices else {
            return self.arrive(state, parcel);
        };
        let most = usize::try_from(slices.bytes.get()).unwrap_or(usize::MAX);
        let mut left = parcel.len;
        while left > most {
            left -= most;
            let part = Parcel {
                len: most,
                message: None,
                alone: true,
                ..parcel
            };
            self.arrive(state, part);
            state.last_due += slices.gap;
        }
        let alone = left < parcel.len;
        self.arrive(
            state,
            Parcel {
                len: left,
                alone,
                ..parcel
            },
        );
    }

    /// This piece arrives right behind all before it.
    fn arrive(self: &Arc<Self>, state: &mut State, parcel: Parcel) {
        let due = state.last_due;
        state.parcels.push_back(Parcel { due, ..parcel });
        self.conductor
            .call(due, Class::Delivery, Arc::clone(self) as Arc<dyn Wake>);
    }

    /// Reads what has arrived, in order.
    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
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
                _ if parcel.alone && read_some => return Poll::Ready(Ok(())),
                _ => {
                    let alone = parcel.alone;
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
                    state.go_on();
                    if whole
                        && let Some(Parcel {
                            message: Some(message),
                            ..
                        }) = state.parcels.pop_front()
                    {
                        self.record_delivered(message);
                    }
                    if alone {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }

    /// What this binary frame carried, which the reader has opened now: where its writer is foreign, nobody else could
    /// tell.
    pub(crate) fn opened(&self, message: Message) {
        if self.make.foreign == Some(self.from) {
            self.recorder.record(Event::Sent {
                conn: self.conn,
                from: self.from,
                message: message.clone(),
            });
            self.record_delivered(message);
        }
    }

    /// Whether it is known what this message carries: nobody labels a stranger's binary frames.
    fn can_tell(&self, message: &Message) -> bool {
        let unlabelled = matches!(message, Message::Handshake(name) if name == UNLABELLED);
        self.make.foreign != Some(self.from) || !unlabelled
    }

    fn record_delivered(&self, message: Message) {
        if !self.can_tell(&message) {
            return;
        }
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

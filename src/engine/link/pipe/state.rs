//! What is under way in one direction of a link.

use std::collections::VecDeque;
use std::task::Waker;

use squall_protocol::Instant;

use crate::engine::link::delay::{Delay, Line};
use crate::engine::link::splitter::Splitter;
use crate::trace::{Message, Side};

/// Everything that changes about it.
pub(super) struct State {
    pub(super) splitter: Splitter,
    /// The message at hand, numbered from 0.
    pub(super) number: u64,
    pub(super) delay: Delay,
    pub(super) line: Line,
    pub(super) bytes: VecDeque<u8>,
    pub(super) parcels: VecDeque<Parcel>,
    /// Nothing arrives before what was sent earlier.
    pub(super) last_due: Instant,
    /// The weather holds everything back.
    pub(super) held: bool,
    pub(super) reader: Option<Waker>,
    /// Waits for room.
    pub(super) writer: Option<Waker>,
    /// The reader's end is gone: what is written vanishes.
    pub(super) reader_gone: bool,
    /// The writer has said its last.
    pub(super) ended: bool,
    /// The link was reset. Until its own end hears of that, a writer does not know: what it writes vanishes.
    pub(super) cut: bool,
}

/// A piece of the stream that arrives at once.
pub(super) struct Parcel {
    /// [`Instant::NEVER`] while the weather holds it.
    pub(super) due: Instant,
    pub(super) len: usize,
    /// The message that it is part of.
    pub(super) number: u64,
    /// That message, where this is its end.
    pub(super) message: Option<Message>,
    /// The weather was asked about it.
    pub(super) asked: bool,
    /// It is read by a read of its own.
    pub(super) alone: bool,
}

impl State {
    /// Nothing was written, in this direction.
    pub(super) fn new(from: Side, delay: Delay) -> Self {
        Self {
            splitter: Splitter::new(from),
            number: 0,
            delay,
            line: Line::default(),
            bytes: VecDeque::new(),
            parcels: VecDeque::new(),
            last_due: Instant::START,
            held: false,
            reader: None,
            writer: None,
            reader_gone: false,
            ended: false,
            cut: false,
        }
    }

    /// A writer that waits looks again.
    pub(super) fn go_on(&mut self) {
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }

    /// Keeps no byte of what is no longer on its way.
    pub(super) fn forget_bytes(&mut self) {
        let left = self.parcels.iter().map(|parcel| parcel.len).sum();
        self.bytes.truncate(left);
    }
}

//! Frames: how both sides cut their byte streams into messages.
//!
//! A frame is 3 bytes of length, big-endian, and that many bytes. WebSocket message boundaries mean nothing to it. The
//! client's stream alone begins with an intro header of 4 bytes, and before that perhaps with edge-routing information,
//! which a server handed out earlier.

/// The intro header that a client of token dictionary 3 sends first: `WA`, protocol 6, dictionary 3. As received, it is
/// the prologue of the Noise handshake.
pub const INTRO: [u8; 4] = [b'W', b'A', 6, 3];

/// Bytes of the length before each frame's body.
pub const HEADER_LENGTH: usize = 3;

/// The longest body that 3 bytes of length can announce.
pub const MAX_BODY: usize = (1 << 24) - 1;

/// A body longer than [`MAX_BODY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {length} bytes; 3 bytes of length announce no more than {MAX_BODY}")]
pub struct FrameTooLong {
    /// Bytes of the body.
    pub length: usize,
}

/// Appends the frame of `body` to `out`.
///
/// # Errors
/// [`FrameTooLong`]; `out` is then as it was.
pub fn write_frame(out: &mut Vec<u8>, body: &[u8]) -> Result<(), FrameTooLong> {
    let header = header(body.len())?;
    out.reserve(HEADER_LENGTH + body.len());
    out.extend_from_slice(&header);
    out.extend_from_slice(body);
    Ok(())
}

/// The length that goes before a body of `length` bytes.
///
/// # Errors
/// [`FrameTooLong`].
pub fn header(length: usize) -> Result<[u8; HEADER_LENGTH], FrameTooLong> {
    match u32::try_from(length).map(u32::to_be_bytes) {
        Ok([0, a, b, c]) => Ok([a, b, c]),
        _ => Err(FrameTooLong { length }),
    }
}

/// Appends the edge-routing prefix that a client sends before its intro header once a server gave it `routing`.
///
/// # Errors
/// [`FrameTooLong`]; `out` is then as it was.
pub fn write_routing(out: &mut Vec<u8>, routing: &[u8]) -> Result<(), FrameTooLong> {
    let header = header(routing.len())?;
    out.extend_from_slice(&ROUTING);
    out.extend_from_slice(&header);
    out.extend_from_slice(routing);
    Ok(())
}

/// Why a byte stream is no stream of frames. The reader stays in this state: what follows has no boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The stream of a client begins with neither an intro header nor edge routing.
    #[error(
        "the stream begins with {0:02x?}, not with an intro header (57 41 06 and a dictionary)"
    )]
    NotAnIntro([u8; 4]),
    /// A frame, or the edge-routing information, is longer than the reader's limit.
    #[error("{length} bytes are announced; the limit is {limit}")]
    OverLimit {
        /// Bytes announced.
        length: usize,
        /// The limit that the reader was given.
        limit: usize,
    },
}

/// Cuts one direction of a connection into frames.
///
/// Push what arrives, then pop until nothing comes. Between two pushes it holds the unread bytes and the frame popped
/// last, in a buffer of at most twice their size; a length alone makes it allocate nothing.
#[derive(Clone, Debug)]
pub struct FrameReader {
    buffer: Vec<u8>,
    read: usize,
    limit: usize,
    stage: Stage,
    intro: Option<[u8; 4]>,
    routing: Option<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Opening,
    Frames,
    Broken(FrameError),
}

impl FrameReader {
    /// A reader of what a server sends: frames and nothing else. A body of more than `limit` bytes is an error.
    pub fn of_server(limit: usize) -> Self {
        Self::new(limit, Stage::Frames)
    }

    /// A reader of what a client sends: edge routing perhaps, the intro header, then frames. Edge routing or a body of
    /// more than `limit` bytes is an error.
    pub fn of_client(limit: usize) -> Self {
        Self::new(limit, Stage::Opening)
    }

    fn new(limit: usize, stage: Stage) -> Self {
        Self {
            buffer: Vec::new(),
            read: 0,
            limit,
            stage,
            intro: None,
            routing: None,
        }
    }

    /// Takes what arrived. After an error nothing more is kept.
    pub fn push(&mut self, bytes: &[u8]) {
        if matches!(self.stage, Stage::Broken(_)) {
            return;
        }
        self.discard_read();
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole frame's body, or nothing yet. It may be decrypted where it lies; the next push overwrites it.
    ///
    /// # Errors
    /// [`FrameError`], the same again at every later call.
    pub fn pop(&mut self) -> Result<Option<&mut [u8]>, FrameError> {
        match self.next_body() {
            Ok(Some((start, end))) => Ok(Some(&mut self.buffer[start..end])),
            Ok(None) => Ok(None),
            Err(error) => {
                self.stage = Stage::Broken(error);
                self.buffer = Vec::new();
                self.read = 0;
                Err(error)
            }
        }
    }

    /// The intro header as the client sent it, once it is whole and a pop has passed it.
    pub fn intro(&self) -> Option<[u8; 4]> {
        self.intro
    }

    /// The edge-routing information that came before the intro header, if any did.
    pub fn routing(&self) -> Option<&[u8]> {
        self.routing.as_deref()
    }

    /// Bytes that arrived and belong to no popped frame.
    pub fn unread(&self) -> usize {
        self.buffer.len() - self.read
    }

    fn next_body(&mut self) -> Result<Option<(usize, usize)>, FrameError> {
        loop {
            match self.stage {
                Stage::Broken(error) => return Err(error),
                Stage::Opening => {
                    if !self.read_opening()? {
                        return Ok(None);
                    }
                }
                Stage::Frames => {
                    let Some(length) = self.announced(0)? else {
                        return Ok(None);
                    };
                    let start = self.read + HEADER_LENGTH;
                    let end = start + length;
                    if self.buffer.len() < end {
                        return Ok(None);
                    }
                    self.read = end;
                    return Ok(Some((start, end)));
                }
            }
        }
    }

    /// Passes the edge routing or the intro header, if it is whole.
    fn read_opening(&mut self) -> Result<bool, FrameError> {
        let unread = &self.buffer[self.read..];
        let shown = unread.len().min(4);
        let is_routing = self.routing.is_none() && unread[..shown] == ROUTING[..shown];
        let is_intro = unread[..shown.min(3)] == INTRO[..shown.min(3)];
        if !is_routing && !is_intro {
            let mut begin = [0; 4];
            begin[..shown].copy_from_slice(&unread[..shown]);
            return Err(FrameError::NotAnIntro(begin));
        }
        if shown < 4 {
            return Ok(false);
        }
        if is_intro {
            self.intro = Some([unread[0], unread[1], unread[2], unread[3]]);
            self.read += 4;
            self.stage = Stage::Frames;
            return Ok(true);
        }
        let Some(length) = self.announced(ROUTING.len())? else {
            return Ok(false);
        };
        let start = self.read + ROUTING.len() + HEADER_LENGTH;
        let Some(routing) = self.buffer.get(start..start + length) else {
            return Ok(false);
        };
        self.routing = Some(routing.to_vec());
        self.read = start + length;
        Ok(true)
    }

    /// The length announced so far into the unread bytes, if its 3 bytes are there.
    fn announced(&self, offset: usize) -> Result<Option<usize>, FrameError> {
        let Some(&[a, b, c]) = self.buffer[self.read..]
            .get(offset..)
            .and_then(|bytes| bytes.first_chunk::<HEADER_LENGTH>())
        else {
            return Ok(None);
        };
        let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        if length > self.limit {
            return Err(FrameError::OverLimit {
                length,
                limit: self.limit,
            });
        }
        Ok(Some(length))
    }

    fn discard_read(&mut self) {
        self.buffer.drain(..self.read);
        self.read = 0;
        if self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer.shrink_to(KEPT_CAPACITY);
        }
    }
}

/// What begins the edge-routing prefix: `ED` and a version. It is no part of the Noise prologue.
const ROUTING: [u8; 4] = [b'E', b'D', 0, 1];

/// Room that a reader keeps after a long frame; ordinary frames are far shorter.
const KEPT_CAPACITY: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pop_all(reader: &mut FrameReader) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut bodies = Vec::new();
        while let Some(body) = reader.pop()? {
            bodies.push(body.to_vec());
        }
        Ok(bodies)
    }

    proptest! {
        #[test]
        fn frames_come_out_as_they_went_in_however_the_stream_is_cut(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..8),
            routing in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
            dictionary: u8,
            from_client: bool,
            cuts in prop::collection::vec(1usize..50, 1..30),
        ) {
            let mut stream = Vec::new();
            let mut reader = FrameReader::of_server(MAX_BODY);
            if from_client {
                reader = FrameReader::of_client(MAX_BODY);
                if let Some(routing) = &routing {
                    write_routing(&mut stream, routing).unwrap();
                }
                stream.extend_from_slice(&[b'W', b'A', 6, dictionary]);
            }
            for body in &bodies {
                write_frame(&mut stream, body).unwrap();
            }
            let mut rest = &stream[..];
            let mut popped = Vec::new();
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                reader.push(now);
                popped.extend(pop_all(&mut reader).unwrap());
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(popped, bodies);
            prop_assert_eq!(reader.unread(), 0);
            if from_client {
                prop_assert_eq!(reader.intro(), Some([b'W', b'A', 6, dictionary]));
                prop_assert_eq!(reader.routing(), routing.as_deref());
            }
        }

        #[test]
        fn hostile_bytes_never_make_it_hold_more_than_arrived(
            pushes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..20),
            from_client: bool,
            intro_first: bool,
        ) {
            let mut reader = if from_client { FrameReader::of_client(1 << 20) } else { FrameReader::of_server(1 << 20) };
            let mut arrived = 0;
            if intro_first {
                reader.push(&INTRO);
                arrived += INTRO.len();
            }
            for push in pushes {
                arrived += push.len();
                reader.push(&push);
                prop_assert!(reader.buffer.capacity() <= 2 * arrived.max(8));
                let _ = pop_all(&mut reader);
            }
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_on_its_header_alone() {
        let mut reader = FrameReader::of_server(10);
        reader.push(&[0, 0, 11]);
        let refused = FrameError::OverLimit {
            length: 11,
            limit: 10,
        };
        assert_eq!(pop_all(&mut reader), Err(refused));
        reader.push(&[0; 100]);
        assert_eq!(pop_all(&mut reader), Err(refused), "and it stays refused");
        assert_eq!(reader.unread(), 0);
    }

    #[test]
    fn a_stream_that_is_no_client_is_refused_at_its_first_wrong_byte() {
        let mut reader = FrameReader::of_client(10);
        reader.push(b"G");
        assert_eq!(
            pop_all(&mut reader),
            Err(FrameError::NotAnIntro([b'G', 0, 0, 0]))
        );
    }

    #[test]
    fn a_body_that_no_header_can_announce_is_not_written() {
        let mut out = vec![1];
        assert!(write_frame(&mut out, &vec![0; MAX_BODY]).is_ok());
        out.truncate(1);
        let refused = write_frame(&mut out, &vec![0; MAX_BODY + 1]);
        assert_eq!(refused, Err(FrameTooLong { length: 1 << 24 }));
        assert_eq!(out, [1]);
    }
}

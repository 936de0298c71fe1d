//! Reads the full form of a trace back, and says where it is wrong.

use std::io::{self, BufRead, BufReader, Read};

use serde::Deserialize;

use crate::trace::{Entry, FORMAT, Header};

/// Why a file is no trace that this program can judge.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTrace {
    /// It does not begin as zstd does.
    #[error(
        "not a trace: it is not compressed with zstd; traces are written by `squall run --trace DIR`"
    )]
    NotZstd,
    /// It ends too soon.
    #[error(
        "the trace is cut off after line {after}; the run that wrote it did not end, run it again"
    )]
    CutOff {
        /// The last line that is whole.
        after: u64,
    },
    /// Another version of the format.
    #[error(
        "the trace has format {found}, and this program reads format {FORMAT}; run the scenario again with --trace"
    )]
    Version {
        /// What it says of itself.
        found: u64,
    },
    /// The compression is damaged.
    #[error("the trace is damaged after line {after}: {why}")]
    Damaged {
        /// The last line that is whole.
        after: u64,
        /// What zstd says.
        why: String,
    },
    /// A line that says nothing we know.
    #[error("line {line} of the trace is {what}: {why}")]
    BadLine {
        /// Its number, from 1; the header is line 1.
        line: u64,
        /// What should have been there and is not.
        what: &'static str,
        /// What is wrong with it.
        why: serde_json::Error,
    },
    /// A line without end.
    #[error("line {line} of the trace is longer than {LONGEST_LINE} bytes, which no entry is")]
    TooLong {
        /// Its number, from 1.
        line: u64,
    },
    /// The file cannot be read.
    #[error("the trace cannot be read: {0}")]
    Io(#[source] io::Error),
}

/// Longer than any line that a run writes: a header holds its scenario, which has at most 1 MiB. A damaged or malicious
/// file must not fill the memory: a line's values may take ten times its length, and a few kilobytes of zstd hold any
/// number of lines.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// The first four bytes of a zstd frame (RFC 8878, 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Reads a trace entry by entry.
pub struct FullReader<R: Read> {
    lines: BufReader<zstd::stream::read::Decoder<'static, BufReader<Start<R>>>>,
    header: Header,
    buffer: Vec<u8>,
    line: u64,
    failed: bool,
}

/// The four bytes that were looked at, then the rest.
type Start<R> = io::Chain<io::Cursor<[u8; 4]>, R>;

impl<R: Read> FullReader<R> {
    /// Begins to read: checks the compression and the version, and takes the header in.
    ///
    /// # Errors
    /// Why this is no trace that this program can judge.
    pub fn new(mut input: R) -> Result<Self, InvalidTrace> {
        let mut magic = [0; 4];
        input
            .read_exact(&mut magic)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => InvalidTrace::NotZstd,
                _ => InvalidTrace::Io(error),
            })?;
        if magic != MAGIC {
            return Err(InvalidTrace::NotZstd);
        }
        let input = io::Cursor::new(magic).chain(input);
        let decoder = zstd::stream::read::Decoder::new(input).map_err(InvalidTrace::Io)?;
        let mut lines = BufReader::new(decoder);
        let mut buffer = Vec::new();
        if !next_line(&mut lines, &mut buffer, 0)? {
            return Err(InvalidTrace::CutOff { after: 0 });
        }
        let header = header(&buffer)?;
        Ok(Self {
            lines,
            header,
            buffer,
            line: 1,
            failed: false,
        })
    }

    /// What the trace begins with.
    pub fn header(&self) -> &Header {
        &self.header
    }
}

/// The version first: of another format nothing else is known.
fn header(line: &[u8]) -> Result<Header, InvalidTrace> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let bad = |why| InvalidTrace::BadLine {
        line: 1,
        what: "no header",
        why,
    };
    let Version { version } = serde_json::from_slice(line).map_err(bad)?;
    if version != u64::from(FORMAT) {
        return Err(InvalidTrace::Version { found: version });
    }
    serde_json::from_slice(line).map_err(bad)
}

/// Reads the line after line `after`; `false` where the trace ends.
fn next_line(
    lines: &mut impl BufRead,
    buffer: &mut Vec<u8>,
    after: u64,
) -> Result<bool, InvalidTrace> {
    buffer.clear();
    let read = lines
        .take(LONGEST_LINE)
        .read_until(b'\n', buffer)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => InvalidTrace::CutOff { after },
            // zstd's own complaints have no kind.
            io::ErrorKind::Other => InvalidTrace::Damaged {
                after,
                why: error.to_string(),
            },
            _ => InvalidTrace::Io(error),
        })?;
    if read == 0 {
        return Ok(false);
    }
    if buffer.last() == Some(&b'\n') {
        return Ok(true);
    }
    Err(if u64::try_from(read) == Ok(LONGEST_LINE) {
        InvalidTrace::TooLong { line: after + 1 }
    } else {
        InvalidTrace::CutOff { after }
    })
}

impl<R: Read> Iterator for FullReader<R> {
    type Item = Result<Entry, InvalidTrace>;

    /// The next entry; after an error nothing more.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let entry = match next_line(&mut self.lines, &mut self.buffer, self.line) {
            Ok(false) => return None,
            Ok(true) => {
                self.line += 1;
                serde_json::from_slice(&self.buffer).map_err(|why| InvalidTrace::BadLine {
                    line: self.line,
                    what: "no entry",
                    why,
                })
            }
            Err(error) => Err(error),
        };
        self.failed = entry.is_err();
        Some(entry)
    }
}

//! The full form of a trace: versioned JSON lines, the header first, in a zstd stream.
//!
//! [`FullWriter`] writes it as the run goes, [`FullReader`] reads it back for a judge, [`TraceHash`] names it: BLAKE3 over
//! the lines before compression, so that two runs can be compared without keeping either.

mod reader;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use serde::Serialize;

pub use reader::{FullReader, InvalidTrace};

use super::{Entry, Header};

/// Fast, and a year of keep-alive shrinks to a hundredth all the same: the lines repeat.
const LEVEL: i32 = 3;

/// One line at a time, in one buffer.
#[derive(Debug, Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn line(&mut self, value: &impl Serialize) -> &[u8] {
        self.0.clear();
        serde_json::to_writer(&mut self.0, value)
            .expect("headers and entries are plain values, which JSON can always hold");
        self.0.push(b'\n');
        &self.0
    }
}

/// Writes a trace as it happens.
pub struct FullWriter<W: Write> {
    lines: Lines,
    out: zstd::stream::write::Encoder<'static, W>,
}

impl<W: Write> FullWriter<W> {
    /// Begins a trace on `out` with this header.
    ///
    /// # Errors
    /// What `out` says when it is written to.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self {
            lines: Lines::default(),
            out: zstd::stream::write::Encoder::new(out, LEVEL)?,
        };
        // A damaged trace is to be known as one, not judged.
        writer.out.include_checksum(true)?;
        writer.out.write_all(writer.lines.line(header))?;
        Ok(writer)
    }

    /// Adds the next entry.
    ///
    /// # Errors
    /// What the output says when it is written to.
    pub fn write(&mut self, entry: &Entry) -> io::Result<()> {
        self.out.write_all(self.lines.line(entry))
    }

    /// Ends the trace and gives the output back. A trace that is not finished reads as cut off.
    ///
    /// # Errors
    /// What the output says when it is written to.
    pub fn finish(self) -> io::Result<W> {
        let mut out = self.out.finish()?;
        out.flush()?;
        Ok(out)
    }
}

/// The name of a trace: BLAKE3 over its lines. Equal runs have equal names, on every machine.
#[derive(Debug)]
pub struct TraceHash {
    lines: Lines,
    /// Lines that are not hashed yet: BLAKE3 takes many of its blocks of 1 KiB at once.
    pending: Vec<u8>,
    hasher: blake3::Hasher,
}

/// So many bytes are hashed at once.
const AT_ONCE: usize = 64 << 10;

impl TraceHash {
    /// Of the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        let mut hash = Self {
            lines: Lines::default(),
            pending: Vec::with_capacity(AT_ONCE),
            hasher: blake3::Hasher::new(),
        };
        hash.pending.extend_from_slice(hash.lines.line(header));
        hash
    }

    /// Takes in the next entry.
    pub fn add(&mut self, entry: &Entry) {
        self.pending.extend_from_slice(self.lines.line(entry));
        if self.pending.len() >= AT_ONCE {
            self.hasher.update(&self.pending);
            self.pending.clear();
        }
    }

    /// The name, 64 hexadecimal digits.
    pub fn finish(&self) -> String {
        let mut whole = self.hasher.clone();
        whole.update(&self.pending);
        whole.finalize().to_hex().to_string()
    }
}

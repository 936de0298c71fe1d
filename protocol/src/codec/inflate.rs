//! The compressed form of a plaintext, under a bound.

use flate2::{Decompress, FlushDecompress, Status};

use super::DecodeError;

/// The most bytes that a compressed plaintext may inflate to: 1 MiB, far above any stanza.
pub const INFLATED_LIMIT: usize = 1 << 20;

/// Inflates a whole zlib stream with nothing after it.
pub(super) fn inflate(compressed: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut inflated = Vec::with_capacity(compressed.len().saturating_mul(4).min(INFLATED_LIMIT));
    let mut stream = Decompress::new(true);
    loop {
        let read = usize::try_from(stream.total_in()).unwrap_or(usize::MAX);
        let rest = compressed.get(read..).unwrap_or_default();
        let before = (stream.total_in(), inflated.len());
        let status = stream
            .decompress_vec(rest, &mut inflated, FlushDecompress::None)
            .map_err(|_| DecodeError::Compression)?;
        if inflated.len() > INFLATED_LIMIT {
            return Err(DecodeError::InflatedTooLong);
        }
        match status {
            Status::StreamEnd if stream.total_in() == compressed.len() as u64 => {
                return Ok(inflated);
            }
            Status::StreamEnd => return Err(DecodeError::Compression),
            _ if inflated.len() == inflated.capacity() => {
                // One byte more than the limit may come out, which tells a stream at the limit from one beyond it.
                let more = inflated.capacity().max(MIN_INFLATED);
                inflated.reserve_exact(more.min(INFLATED_LIMIT + 1 - inflated.len()));
            }
            _ if before == (stream.total_in(), inflated.len()) => {
                return Err(DecodeError::Compression);
            }
            _ => {}
        }
    }
}

/// The first room for a stream that inflates.
const MIN_INFLATED: usize = 256;

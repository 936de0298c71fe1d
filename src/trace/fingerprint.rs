//! What tells two traces of one process apart, at a fifth of the price of the name that [`TraceHash`] gives.
//!
//! [`TraceHash`]: super::TraceHash

use std::hash::{Hash as _, Hasher};

use super::{Entry, Header};

/// BLAKE3 over the values of the entries as they lie in memory. Equal traces have equal fingerprints, and others have not;
/// but only within one process: another machine, or another build, has other ones. What is to be compared with those is
/// named by the trace's lines.
#[derive(Debug)]
pub struct Fingerprint(Values);

/// Values on their way into the hash: many small ones at once.
#[derive(Debug)]
struct Values {
    pending: Vec<u8>,
    hasher: blake3::Hasher,
}

/// So many bytes are hashed at once.
const AT_ONCE: usize = 64 << 10;

impl Fingerprint {
    /// Of the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        let header = serde_json::to_vec(header)
            .expect("a header is plain values, which JSON can always hold");
        let mut values = Values {
            pending: Vec::with_capacity(AT_ONCE),
            hasher: blake3::Hasher::new(),
        };
        header.hash(&mut values);
        Self(values)
    }

    /// Takes in the next entry.
    pub fn add(&mut self, entry: &Entry) {
        entry.hash(&mut self.0);
        if self.0.pending.len() >= AT_ONCE {
            self.0.hasher.update(&self.0.pending);
            self.0.pending.clear();
        }
    }

    /// The fingerprint, 64 hexadecimal digits.
    pub fn finish(&self) -> String {
        self.0.all().to_hex().to_string()
    }
}

impl Values {
    fn all(&self) -> blake3::Hash {
        let mut whole = self.hasher.clone();
        whole.update(&self.pending);
        whole.finalize()
    }
}

impl Hasher for Values {
    fn write(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        let all = self.all();
        u64::from_le_bytes(std::array::from_fn(|place| all.as_bytes()[place]))
    }
}

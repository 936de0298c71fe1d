//! The trace: what happened, in order. A header and entries; two forms, the full one for machines and prose for people.

mod entry;
mod fingerprint;
mod full;
mod header;
mod prose;

pub use entry::{
    Ask, ConnectionId, Entry, Event, FaultRef, Message, OrgName, Remembered, Side, Verdict,
};
pub use fingerprint::Fingerprint;
pub use full::{FullReader, FullWriter, InvalidTrace, TraceHash};
pub use header::{Claims, Header, Per, Policy};
pub use prose::{Excerpt, Log, Prose, Story, Strands, Window};

/// The version of the full form that this program writes and reads.
pub const FORMAT: u32 = 1;

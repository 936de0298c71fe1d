//! The trace: what happened, in order. A header and entries; three forms, the full one for
//! machines, prose for people, and a timeline to be drawn.

mod difference;
mod entry;
mod fingerprint;
mod full;
mod header;
mod prose;
mod shown;
mod timeline;

pub use difference::Difference;
pub use entry::{
    Ask, ConnectionId, Entry, Event, FaultRef, Message, OrgName, Remembered, Side, Verdict,
};
pub use fingerprint::Fingerprint;
pub use full::{FullReader, FullWriter, InvalidTrace, TraceHash};
pub use header::{Claims, Header, Per, Policy};
pub use prose::{Each, Excerpt, Log, Prose, Story, Strands, Window};
pub use shown::{Answered, Limits, Page, Shown};
pub use timeline::{
    Answer, Asked, Bar, BarKind, Drawing, Facts, Lane, Mark, MarkKind, Room, Timeline,
};

/// The version of the full form that this program writes and reads.
pub const FORMAT: u32 = 1;

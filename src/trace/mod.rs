//! The trace: what happened, in order. A header and entries; two forms, the full one for machines and prose for people.

mod entry;
mod header;

pub use entry::{Ask, ConnectionId, Entry, Event, FaultRef, Message, OrgName, Side, Verdict};
/// The version of the full form that this program writes and reads.
pub const FORMAT: u32 = 1;

pub use header::{Claims, Header, Policy};

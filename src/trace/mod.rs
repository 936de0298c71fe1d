//! The trace: what happened, in order. A header and entries; two forms, the full one for machines and prose for people.

mod entry;
mod header;

pub use entry::{Ask, ConnectionId, Entry, Event, FaultRef, Message, OrgName, Side, Verdict};
pub use header::{Claims, Header, Policy};

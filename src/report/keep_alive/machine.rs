//! What a session-hour takes of the machine that simulates it.

use std::time::Duration;

use serde::Serialize;

use super::bytes;
use super::tables::Table;

/// What an hour of one connection takes in the wire engine: the client, its server and the link between them.
#[derive(Clone, Debug, Serialize)]
pub struct Took {
    /// Which client holds it.
    pub policy: &'static str,
    /// Processor time of an hour, in microseconds; this machine's.
    pub processor_us: u64,
    /// Instructions of an hour, as callgrind counts them.
    pub instructions: u64,
    /// Allocations of an hour, as DHAT counts them.
    pub allocations: u64,
    /// Bytes held by one more connection at the peak, as DHAT counts them.
    pub held_bytes: u64,
}

/// The table.
pub(super) fn table(all: &[Took]) -> Table {
    let rows = all.iter().map(|took| {
        let time = Duration::from_micros(took.processor_us);
        vec![
            took.policy.to_owned(),
            format!("{:.2} ms", time.as_secs_f64() * 1_000.0),
            format!("{:.2} M", whole(took.instructions) / 1e6),
            took.allocations.to_string(),
            bytes(whole(took.held_bytes)),
        ]
    });
    Table {
        about:
            "What a session-hour takes in the wire engine, client, server and the link between them"
                .to_owned(),
        head: vec![
            "policy",
            "processor time",
            "instructions",
            "allocations",
            "memory held",
        ],
        rows: rows.collect(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of an hour are far below 2^52"
)]
fn whole(count: u64) -> f64 {
    count as f64
}

//! A context to show a fault to.

use super::*;
use rand::SeedableRng;

/// Runs `hook` with a context at `at`, keeping `count` between calls.
pub(crate) fn with_cx<V>(
    at: u64,
    count: &mut u64,
    hook: impl FnOnce(&mut FaultCx<'_>) -> V,
) -> (V, Option<Instant>) {
    let mut rng = ChaCha8Rng::seed_from_u64(at ^ *count);
    let mut cx = FaultCx {
        now: Now {
            mono: Instant::at(at),
            wall: jiff::Timestamp::UNIX_EPOCH,
        },
        rng: &mut rng,
        connection: ConnectionId(1),
        account: Some("1"),
        count,
        since: Instant::START,
        put_on: Instant::START,
        wake: None,
    };
    let verdict = hook(&mut cx);
    (verdict, cx.wake)
}

/// The first message of a direction, 100 bytes long.
pub(crate) fn handed(direction: Direction) -> Handed {
    Handed {
        direction,
        number: 0,
        bytes: 100,
        again: false,
    }
}

/// The verdict of one hook at time zero.
pub(crate) fn ask<V>(hook: impl FnOnce(&mut FaultCx<'_>) -> V) -> V {
    with_cx(0, &mut 0, hook).0
}

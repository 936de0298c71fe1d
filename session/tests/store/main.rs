//! The stores: one suite for all, and what the one in a file refuses and survives.

mod bench;
mod conformance;
mod lines;
mod refusals;
mod torn;

use jiff::Timestamp;
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Now};
use squall_session::store::{Attempt, Ledger, LimiterTime, Store, lines as written};
use squall_session::{AttemptId, OrgId, State};

/// A time `ms` after both clocks began.
fn at(ms: u64) -> Now {
    // 2026-01-19T14:00:00Z
    let wall = 1_768_831_200_000 + i64::try_from(ms).expect("a time within a few years");
    Now {
        mono: Instant::at(ms),
        wall: Timestamp::from_millisecond(wall).expect("in range"),
    }
}

fn org(name: &str) -> OrgId {
    OrgId::new(name)
}

fn device(seed: u64) -> Device {
    Device::generate(&mut ChaCha8Rng::seed_from_u64(seed))
}

fn paired(seed: u64) -> Device {
    Device {
        jid: Some("4915112345678:3@s.whatsapp.net".to_owned()),
        lid: Some("123456789:3@lid".to_owned()),
        ..device(seed)
    }
}

/// All that a store holds, as text that can be compared.
fn all(store: &impl Store) -> String {
    written::write(&store.contents().expect("it can be read"))
}

/// The time of the limiter that is `ms` after the beginning.
fn time(ms: u64) -> LimiterTime {
    LimiterTime::from_wall(at(ms).wall)
}

fn attempt(name: &str, ms: u64, open: bool) -> Attempt {
    Attempt {
        org: org(name),
        admitted_at: time(ms),
        open,
        spent: !open,
    }
}

/// What is done to a store, and whether it says that it was done.
type Act<S> = fn(&mut S) -> bool;

/// Acts that write, overwrite and remove in every part of a store.
fn acts<S: Store>() -> [Act<S>; 8] {
    [
        |store| {
            let work = |ledger: &mut Ledger| {
                ledger.high_water = Some(time(3));
                ledger.attempts_ever = 2;
                ledger.attempts.insert(AttemptId(1), attempt("a", 1, false));
                ledger.attempts.insert(AttemptId(2), attempt("b", 2, true));
                ledger.failures.insert(org("a"), time(2));
                ledger.blocks.insert(org("a"), time(10));
                ledger.block_of_all = Some(time(9));
                ledger.ends.insert(org("a"), State::Blocked);
            };
            store.transact(work).is_ok()
        },
        |store| store.put_device(&org("a"), device(1)).is_ok(),
        |store| {
            let work = |ledger: &mut Ledger| {
                ledger.attempts.insert(AttemptId(2), attempt("b", 2, false));
                ledger.failures.insert(org("b \"/ü"), time(4));
                ledger.ends.insert(org("b \"/ü"), State::LoggedOut);
            };
            store.transact(work).is_ok()
        },
        |store| store.put_device(&org("b \"/ü"), paired(2)).is_ok(),
        |store| store.set_device_aside(&org("a"), AttemptId(1)).is_ok(),
        |store| {
            let work = |ledger: &mut Ledger| {
                ledger.high_water = Some(time(11));
                ledger.attempts.remove(&AttemptId(1));
                ledger.failures.remove(&org("a"));
                ledger.blocks.remove(&org("a"));
                ledger.block_of_all = None;
                ledger.ends.insert(org("a"), State::Idle);
            };
            store.transact(work).is_ok()
        },
        |store| store.put_device(&org("a"), device(3)).is_ok(),
        |store| {
            let work = |ledger: &mut Ledger| {
                ledger.attempts_ever = 3;
                ledger.attempts.insert(AttemptId(3), attempt("a", 12, true));
                ledger.blocks.insert(org("b"), time(100));
                ledger.block_of_all = Some(time(99));
            };
            store.transact(work).is_ok()
        },
    ]
}

/// Does all of [`acts`].
fn live(store: &mut impl Store) {
    for act in acts() {
        assert!(act(store), "a healthy store does as it is told");
    }
}

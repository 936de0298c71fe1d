//! Power cuts, full disks and rotten bytes, at every place.

use std::io::ErrorKind;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt as _, SeedableRng as _};
use squall_session::store::StoreError;
use squall_session::store::file::{RedbStore, SimulatedDisk};

use crate::bench::{Bench as _, OnDisk};
use crate::{acts, all, live};

/// What a store says before each act and after the last.
fn stages() -> Vec<String> {
    let mut store = OnDisk::new().open();
    let mut stages = vec![all(&store)];
    for act in acts() {
        assert!(act(&mut store));
        stages.push(all(&store));
    }
    stages
}

/// How many changes of the disk a life is, from the opening on.
fn changes_of_a_life() -> u64 {
    let OnDisk(disk) = OnDisk::new();
    let before = disk.changes();
    let mut store = RedbStore::open_on(disk.clone()).expect("healthy");
    live(&mut store);
    disk.changes() - before
}

/// Lives on a disk of which every change from the `nth` on fails. How many acts were acknowledged.
fn live_until(disk: &SimulatedDisk, nth: u64, with: ErrorKind) -> usize {
    disk.fail_from(nth, with);
    let Ok(mut store) = RedbStore::open_on(disk.clone()) else {
        return 0;
    };
    acts().iter().take_while(|act| act(&mut store)).count()
}

#[test]
fn a_power_cut_at_any_change_loses_nothing_that_was_acknowledged() {
    let (stages, changes) = (stages(), changes_of_a_life());
    let mut in_flight = 0;
    for nth in 0..=changes {
        let OnDisk(disk) = OnDisk::new();
        let acknowledged = live_until(&disk, nth, ErrorKind::Other);
        for (seed, chance) in (0..).zip([0.0, 0.5, 0.5, 0.9, 0.9, 1.0]) {
            let place = format!("change {nth}, seed {seed}");
            let after = disk.after_power_cut(chance, &mut ChaCha8Rng::seed_from_u64(seed));
            let store =
                RedbStore::open_on(after).unwrap_or_else(|error| panic!("{place}: {error}"));
            // The act that was under way may have been done whole, or not at all.
            let next = (acknowledged + 1).min(stages.len() - 1);
            let said = all(&store);
            assert!(
                said == stages[acknowledged] || said == stages[next],
                "{place}: after {acknowledged} acts it says\n{said}"
            );
            in_flight += usize::from(said == stages[next] && next != acknowledged);
        }
    }
    assert!(
        in_flight > 0,
        "no cut ever came between a commit and its answer"
    );
}

#[test]
fn a_disk_that_is_full_at_any_change_loses_nothing_that_was_acknowledged() {
    let (stages, changes) = (stages(), changes_of_a_life());
    for nth in 0..changes {
        let OnDisk(disk) = OnDisk::new();
        let acknowledged = live_until(&disk, nth, ErrorKind::StorageFull);
        disk.recover();
        let store =
            RedbStore::open_on(disk).unwrap_or_else(|error| panic!("change {nth}: {error}"));
        let next = (acknowledged + 1).min(stages.len() - 1);
        let said = all(&store);
        assert!(
            said == stages[acknowledged] || said == stages[next],
            "change {nth}: after {acknowledged} acts it says\n{said}"
        );
    }
}

#[test]
fn rotten_bytes_are_refused_or_do_no_harm_and_are_left_as_they_are() {
    let OnDisk(disk) = OnDisk::new();
    live(&mut RedbStore::open_on(disk.clone()).expect("healthy"));
    let (whole, said) = (
        disk.bytes(),
        all(&RedbStore::open_on(disk).expect("healthy")),
    );
    let mut rng = ChaCha8Rng::seed_from_u64(515);
    // Where something is written; the rest of the file is empty pages.
    let written: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut refused = 0;
    for round in 0..400 {
        let mut bytes = whole.clone();
        if round % 8 == 0 {
            bytes.truncate(rng.random_range(1..whole.len()));
        } else {
            let at = written[rng.random_range(0..written.len())];
            bytes[at] ^= rng.random_range(1..=u8::MAX);
        }
        let rotten = SimulatedDisk::of(bytes.clone());
        match RedbStore::verify_on(&rotten) {
            Ok(contents) => assert_eq!(
                squall_session::store::lines::write(&contents),
                said,
                "round {round}"
            ),
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
                let opened = RedbStore::open_on(rotten.clone());
                assert_eq!(opened.expect_err("it is rotten"), error, "round {round}");
                refused += 1;
            }
        }
        if rotten.changes() > 0 {
            panic!("round {round}: it was written to");
        }
    }
    // Most of what is written is pages that a later commit has replaced.
    assert!(refused > 50, "{refused} of 400 were refused");
}

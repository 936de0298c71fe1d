//! What a store in a file refuses, each time leaving everything as it is.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use redb::{Database, TableDefinition};
use squall_session::store::file::{AtPath, RedbStore, SimulatedDisk};
use squall_session::store::{Contents, StoreError};

use crate::bench::{Bench as _, InFile};
use crate::{all, live};

/// Everything that could tell that somebody was there.
fn traces(path: &Path) -> Option<(Vec<u8>, std::time::SystemTime)> {
    let written = fs::metadata(path).ok()?.modified().ok()?;
    Some((fs::read(path).ok()?, written))
}

/// Why a path is refused, by opening and by verifying; neither leaves a trace.
#[track_caller]
fn refusal(path: &Path) -> StoreError {
    let before = traces(path);
    let opened = RedbStore::open(path).expect_err("it must be refused");
    let verified = RedbStore::verify_on(&AtPath::new(path)).expect_err("it must be refused");
    assert_eq!(opened, verified);
    assert_eq!(traces(path), before, "it was not left as it was");
    opened
}

fn file_of(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a place for files");
    let path = directory.path().join("squall.store");
    fs::write(&path, bytes).expect("there is room");
    (directory, path)
}

fn is_damaged(error: &StoreError) -> bool {
    matches!(error, StoreError::Damaged(_))
}

#[test]
fn a_store_that_is_missing_is_not_made() {
    let directory = tempfile::tempdir().expect("a place for files");
    let path = directory.path().join("squall.store");
    assert_eq!(refusal(&path), StoreError::Missing);
    assert_eq!(refusal(&path.join("below")), StoreError::Missing);
    let left = fs::read_dir(directory.path()).expect("a directory").count();
    assert_eq!(left, 0);
}

#[test]
fn what_is_no_store_is_refused() {
    for bytes in [
        &b""[..],
        b"attempts: none, honestly\n",
        &[0; 100_000],
        b"redb\x1a\x0a\xa9\x0d\x0a",
    ] {
        let (_directory, path) = file_of(bytes);
        let refused = refusal(&path);
        assert!(is_damaged(&refused), "{} bytes: {refused:?}", bytes.len());
    }
    let directory = tempfile::tempdir().expect("a place for files");
    let refused = refusal(directory.path());
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}

#[test]
fn a_database_of_somebody_else_is_refused() {
    let (_directory, path) = file_of(b"");
    let table: TableDefinition<'_, &str, u64> = TableDefinition::new("cats");
    let database = Database::create(&path).expect("there is room");
    let transaction = database.begin_write().expect("healthy");
    let mut cats = transaction.open_table(table).expect("healthy");
    cats.insert("tom", 1).expect("healthy");
    drop(cats);
    transaction.commit().expect("healthy");
    drop(database);
    assert!(is_damaged(&refusal(&path)));
}

/// Changes a number of a store as no version of it would.
fn set_count(path: &Path, name: &str, to: Option<u64>) {
    let table: TableDefinition<'_, &str, u64> = TableDefinition::new("counts");
    let database = Database::open(path).expect("healthy");
    let transaction = database.begin_write().expect("healthy");
    let mut counts = transaction.open_table(table).expect("healthy");
    match to {
        Some(to) => drop(counts.insert(name, to).expect("healthy")),
        None => drop(counts.remove(name).expect("healthy")),
    }
    drop(counts);
    transaction.commit().expect("healthy");
}

#[test]
fn a_store_of_a_later_version_is_refused_by_its_format() {
    let bench = InFile::new();
    live(&mut bench.open());
    set_count(&bench.path, "format", Some(2));
    let newer = StoreError::Newer { found: 2, known: 1 };
    assert_eq!(refusal(&bench.path), newer);
    set_count(&bench.path, "format", None);
    assert!(is_damaged(&refusal(&bench.path)));
    // It is the format alone that was refused.
    set_count(&bench.path, "format", Some(1));
    drop(bench.open());
}

#[test]
fn a_store_that_another_has_open_is_refused_until_it_lets_go() {
    let bench = InFile::new();
    let mut first = bench.open();
    live(&mut first);
    assert_eq!(refusal(&bench.path), StoreError::Locked);
    let said = all(&first);
    drop(first);
    assert_eq!(all(&bench.open()), said);
}

#[test]
fn a_store_is_never_made_over_anything() {
    for bytes in [&b""[..], b"something"] {
        let (_directory, path) = file_of(bytes);
        let before = traces(&path);
        let refused = RedbStore::create(&path, Contents::default());
        assert_eq!(refused.expect_err("there is a file"), StoreError::Exists);
        assert_eq!(traces(&path), before);
    }
}

#[test]
#[cfg(unix)]
fn nobody_else_may_read_a_store() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = InFile::new();
    let mode = fs::metadata(&bench.path).expect("it is there");
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_full_disk_makes_no_store_and_leaves_no_file() {
    let changes = {
        let disk = SimulatedDisk::default();
        drop(RedbStore::create_on(disk.clone(), Contents::default()));
        disk.changes()
    };
    let mut refused = 0;
    for nth in 0..changes {
        let disk = SimulatedDisk::default();
        disk.fail_from(nth, ErrorKind::StorageFull);
        match RedbStore::create_on(disk.clone(), Contents::default()) {
            Err(error) => {
                assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
                let gone = RedbStore::open_on(disk).expect_err("there is no file");
                assert_eq!(gone, StoreError::Missing, "at change {nth}");
                refused += 1;
            }
            Ok(store) => {
                // What failed came after the commit: a clean end that nobody waits for.
                drop(store);
                disk.recover();
                RedbStore::open_on(disk).expect("it was committed");
            }
        }
    }
    assert!(refused > 3, "only {refused} of {changes} changes mattered");
}

#[test]
fn a_refusal_names_the_way_out() {
    for (error, way) in [
        (StoreError::Missing, "squall store init"),
        (
            StoreError::Damaged("torn".to_owned()),
            "squall store export",
        ),
        (StoreError::Newer { found: 2, known: 1 }, "later version"),
        (StoreError::Locked, "another process"),
        (StoreError::Exists, "left as it is"),
    ] {
        let told = error.to_string();
        let way = if way == "left as it is" {
            "left as it is"
        } else {
            way
        };
        assert!(told.contains(way), "{told}");
    }
}

//! `squall store`, as an operator uses it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use assert_cmd::cargo::CommandCargoExt;
use squall_protocol::pairing::Device;
use squall_session::store::Store as _;
use squall_session::store::file::RedbStore;
use squall_session::{AttemptId, OrgId};

fn store(directory: &Path, arguments: &[&str]) -> Output {
    Command::cargo_bin("squall")
        .unwrap()
        .arg("store")
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// What it printed, and that it ended well.
#[track_caller]
fn printed(directory: &Path, arguments: &[&str]) -> String {
    let output = store(directory, arguments);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

/// What it complained of, and with which exit code it ended.
fn refused(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = store(directory, arguments);
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

#[test]
fn a_store_is_made_checked_written_out_and_read_in() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    assert_eq!(
        printed(at, &["init", "a.store"]),
        "a.store: made; it remembers no earlier attempt\n"
    );
    let mut opened = RedbStore::open(at.join("a.store")).unwrap();
    let mut rng = <rand::rngs::ChaCha8Rng as rand::SeedableRng>::seed_from_u64(1);
    let device = Device::generate(&mut rng);
    opened.put_device(&OrgId::new("2"), device).unwrap();
    opened
        .set_device_aside(&OrgId::new("2"), AttemptId(5))
        .unwrap();
    opened.transact(|ledger| ledger.attempts_ever = 5).unwrap();
    drop(opened);
    let holds = "0 attempts, 0 failures, 0 blocks, 0 devices, 1 device set aside\n";
    assert_eq!(
        printed(at, &["verify", "a.store"]),
        format!("a.store: whole; {holds}")
    );
    let lines = printed(at, &["export", "a.store"]);
    fs::write(at.join("a.lines"), &lines).unwrap();
    assert_eq!(
        printed(at, &["import", "a.lines", "b.store"]),
        format!("b.store: made; {holds}")
    );
    assert_eq!(printed(at, &["export", "b.store"]), lines);
}

#[test]
fn what_cannot_be_done_is_refused_by_exit_code_and_with_a_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    printed(at, &["init", "a.store"]);
    fs::write(
        at.join("text"),
        "{\"squall_store\":{\"version\":1}}\nnonsense\n",
    )
    .unwrap();
    for (arguments, code, says) in [
        (&["init", "a.store"][..], 1, "there is something already"),
        (&["import", "text", "a.store"], 3, "text:2: "),
        (&["import", "none", "b.store"], 3, "none: No such file"),
        (&["verify", "none"], 1, "squall store init"),
        (&["export", "text"], 1, "text: the store is damaged"),
    ] {
        let (found, said) = refused(at, arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {said}");
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
    assert!(!at.join("b.store").exists());
    let opened = RedbStore::open(at.join("a.store")).unwrap();
    let (code, said) = refused(at, &["verify", "a.store"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("in use by another process"), "{said}");
    drop(opened);
}

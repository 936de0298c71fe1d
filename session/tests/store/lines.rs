//! A store as lines: what is written is read, and nothing else.

use squall_session::store::file::RedbStore;
use squall_session::store::lines::{read, write};

use crate::bench::{Bench as _, InMemory};
use crate::{all, live};

fn lived() -> String {
    let mut store = InMemory::new().open();
    live(&mut store);
    all(&store)
}

#[test]
fn what_is_exported_is_imported_into_any_store() {
    let text = lived();
    let contents = read(&text).expect("its own lines");
    assert_eq!(write(&contents), text);
    let directory = tempfile::tempdir().expect("a place for files");
    let path = directory.path().join("squall.store");
    drop(RedbStore::create(&path, contents).expect("there is room"));
    assert_eq!(all(&RedbStore::open(&path).expect("healthy")), text);
}

/// What `read` says of the lines after a change.
fn refused(change: impl FnOnce(&mut Vec<String>)) -> String {
    let mut lines: Vec<String> = lived().lines().map(str::to_owned).collect();
    change(&mut lines);
    read(&lines.join("\n"))
        .expect_err("it must be refused")
        .to_string()
}

#[test]
fn lines_that_were_cut_off_are_refused_wherever_that_was() {
    let count = lived().lines().count();
    for kept in 0..count {
        let said = refused(|lines| lines.truncate(kept));
        assert!(said.contains("cut off"), "{kept} lines: {said}");
    }
}

#[test]
fn a_line_that_is_gone_doubled_or_strange_is_named() {
    let said = refused(|lines| drop(lines.remove(2)));
    assert!(said.contains("records were written"), "{said}");
    let said = refused(|lines| lines.insert(3, lines[2].clone()));
    assert_eq!(said, "line 4: this was said before");
    let said = refused(|lines| lines[0] = lines[0].replace('1', "2"));
    assert!(
        said.starts_with("line 1: the lines have version 2"),
        "{said}"
    );
    let said = refused(|lines| lines.push(lines[1].clone()));
    assert!(said.ends_with("there is more after `complete`"), "{said}");
    let said = refused(|lines| drop(lines.remove(0)));
    assert_eq!(said, "line 1: the first line must be a `squall_store`");
    let said = refused(|lines| lines[1] = lines[1].replace("attempts_ever", "attempts"));
    assert!(
        said.starts_with("line 2: unknown field `attempts`"),
        "{said}"
    );
    let said = refused(|lines| lines[1] = lines[1].replace(":3}", ":2}"));
    assert!(said.contains("attempt 3 is here"), "{said}");
}

#[test]
fn no_key_is_quoted_from_a_line_that_cannot_be_read() {
    let text = lived();
    let (number, line) = (1..)
        .zip(text.lines())
        .find(|(_, line)| line.contains("\"device\""))
        .expect("there is a device");
    let noise = line.split('"').skip_while(|part| *part != "noise").nth(2);
    let noise = noise.expect("it has a Noise key");
    assert_eq!(noise.len(), 44, "32 bytes in base64");
    let broken: [fn(&str) -> String; 3] = [
        |key| key[1..].to_owned(),
        |key| format!("{key}\",\"more\":\"{key}"),
        |key| format!("{key}\",\"{key}\":\""),
    ];
    for change in broken {
        let said = read(&text.replace(noise, &change(noise))).expect_err("it is broken");
        assert_eq!(said.line, number);
        assert!(!said.what.contains(&noise[1..]), "{said}");
    }
}

//! The full form of a trace: whatever the file holds, it is refused or read, and what is read can be told and judged.
//!
//! An input that begins as zstd does is a file. Any other is text, and is compressed to one; a header that is in force
//! today comes first, unless the text begins with a header's version.

use std::path::Path;
use std::sync::{Arc, LazyLock, OnceLock};

use squall::oracle::Judge;
use squall::scenario::parse;
use squall::subject::Tested;
use squall::trace::{Entry, FullReader, FullWriter, Header, Prose};
use squall::{Options, run_tested};
use squall_protocol::Instant;

/// The first bytes of a zstd frame (RFC 8878, 3.1.1).
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// The first bytes of a header.
const VERSION: &[u8] = b"{\"version\"";

/// So many entries of one input are looked at: a few bytes can be the compressed form of a billion.
const ENTRIES: usize = 2_000;

pub(crate) fn run(bytes: &[u8]) {
    if bytes.starts_with(&MAGIC) {
        return read(bytes);
    }
    let header = serde_json::to_vec(&*HEADER).expect("a header is plain values");
    let lines = match bytes.starts_with(VERSION) {
        true => bytes.to_vec(),
        false => [&header, &b"\n"[..], bytes].concat(),
    };
    read(&zstd::encode_all(&lines[..], 1).expect("memory can be written to"));
}

fn read(file: &[u8]) {
    let mut reader = match FullReader::new(file) {
        Ok(reader) => reader,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let header = reader.header().clone();
    let mut entries = Vec::new();
    for entry in reader.by_ref().take(ENTRIES) {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    let written = write(&header, &entries);
    let again = FullReader::new(&written[..]).expect("it was just written");
    assert_eq!(again.header(), &header);
    let read: Vec<Entry> = again
        .map(|entry| entry.expect("it was just written"))
        .collect();
    assert_eq!(read, entries);
    look(&header, &entries);
}

fn write(header: &Header, entries: &[Entry]) -> Vec<u8> {
    let mut writer = FullWriter::new(Vec::new(), header).expect("memory can be written to");
    for entry in entries {
        writer.write(entry).expect("memory can be written to");
    }
    writer.finish().expect("memory can be written to")
}

/// As `squall judge` does, which takes any file.
fn look(header: &Header, entries: &[Entry]) {
    let (mut judge, mut prose) = (Judge::new(header), Prose::new(header, |_: &str| {}));
    for entry in entries {
        judge.observe(entry);
        prose.observe(entry);
    }
    prose.finish();
    judge.finish(entries.last().map_or(Instant::START, |last| last.at));
}

/// The one that a run writes today.
static HEADER: LazyLock<Header> = LazyLock::new(|| {
    const SCENARIO: &str =
        "{ name: fuzzed, runs_for: 30d, organizations: { \"1\": {}, \"2\": { paired: false } } }";
    let scenario = parse(SCENARIO, Path::new("fuzzed.yaml")).expect("a good scenario");
    let told = Arc::new(OnceLock::new());
    let tell = Arc::clone(&told);
    let options = Options {
        until: Some(Instant::START),
        writers: Some(Box::new(move |header| {
            tell.get_or_init(|| header.clone());
            Vec::new()
        })),
        ..Options::default()
    };
    run_tested(&scenario, Tested::Session, options).expect("a thread can be had");
    told.get().expect("a run has a header").clone()
});

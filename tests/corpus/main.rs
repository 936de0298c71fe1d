//! The fuzz targets of `fuzz/`, run over their corpora: what a fuzzer found once is not found again.
//!
//! `SEEDS=write cargo test --test corpus` writes what is spoken today into the corpora.

#[path = "../../fuzz/src/frames.rs"]
mod frames;
#[path = "../../fuzz/src/handshake.rs"]
mod handshake;
#[path = "../../fuzz/src/nodes.rs"]
mod nodes;
#[path = "../../fuzz/src/scenario.rs"]
mod scenario_text;
mod seeds;
#[path = "../../fuzz/src/trace.rs"]
mod trace_file;

use std::collections::BTreeMap;
use std::fs;
use std::panic::catch_unwind;
use std::path::Path;

// The wire engine's splitter, which is taken by its file, names the trace so.
use squall::trace;

/// Takes an input, and panics where a promise is broken.
type Target = fn(&[u8]);

/// Each target, and where its inputs lie beside `fuzz/corpus/NAME`.
const TARGETS: [(&str, Target, &[&str]); 5] = [
    ("frames", frames::run, &[]),
    ("nodes", nodes::run, &[]),
    ("handshake", handshake::run, &[]),
    (
        "scenario",
        scenario_text::run,
        &["scenarios", "tests/bad_scenarios"],
    ),
    ("trace", trace_file::run, &[]),
];

#[test]
fn every_input_of_the_corpora_passes() {
    for (name, target, also) in TARGETS {
        let own = format!("fuzz/corpus/{name}");
        let mut inputs = BTreeMap::new();
        for directory in [&[own.as_str()], also].concat() {
            let read = files(directory);
            assert!(!read.is_empty(), "nothing in {directory}");
            inputs.extend(read);
        }
        passes(name, target, &inputs);
    }
}

#[test]
fn what_is_spoken_today_passes() {
    for (name, seeds) in seeds::all() {
        let (_, target, _) = TARGETS
            .into_iter()
            .find(|(target, ..)| *target == name)
            .expect("seeds are for a target");
        assert!(!seeds.is_empty(), "nothing to say to {name}");
        passes(name, target, &seeds);
        if std::env::var_os("SEEDS").is_some_and(|value| value == "write") {
            let directory = root().join("fuzz/corpus").join(name);
            fs::create_dir_all(&directory).expect("a directory of ours can be made");
            for (file, bytes) in &seeds {
                fs::write(directory.join(file), bytes).expect("a file of ours can be written");
            }
        }
    }
}

/// Runs a target over inputs, and fails with the name of each that does not pass.
#[track_caller]
fn passes(name: &str, target: Target, inputs: &BTreeMap<String, Vec<u8>>) {
    let failed: Vec<&String> = inputs
        .iter()
        .filter(|(_, bytes)| catch_unwind(|| target(bytes)).is_err())
        .map(|(input, _)| input)
        .collect();
    assert!(failed.is_empty(), "{name} does not pass {failed:#?}");
}

/// The files right below a directory, by their paths.
fn files(directory: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(root().join(directory)).expect("a directory of ours can be read");
    entries
        .map(|entry| entry.expect("an entry can be read").path())
        .filter(|path| path.is_file())
        .map(|path| {
            let bytes = fs::read(&path).expect("an input can be read");
            (path.display().to_string(), bytes)
        })
        .collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

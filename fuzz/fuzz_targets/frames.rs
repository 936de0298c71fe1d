#![no_main]

#[path = "../src/frames.rs"]
mod frames;

// The splitter, whose file is taken as it is, names the trace so.
use squall::trace;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| frames::run(bytes));

#![no_main]

#[path = "../src/nodes.rs"]
mod nodes;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| nodes::run(bytes));

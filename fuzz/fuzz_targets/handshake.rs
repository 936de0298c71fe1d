#![no_main]

#[path = "../src/handshake.rs"]
mod handshake;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| handshake::run(bytes));

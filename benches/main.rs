//! What the parts cost: `cargo bench`, or one of them: `cargo bench -- codec`. Ratios within one run are what to quote;
//! `cargo xtask bench` holds memory and instruction counts to their bounds.

mod codec;
mod decide;
mod handle_input;
mod year;

use criterion::{criterion_group, criterion_main};

criterion_group!(
    benches,
    codec::bench,
    decide::bench,
    handle_input::bench,
    year::bench
);
criterion_main!(benches);

//! How long the parts take: `cargo bench -p squall-benches --bench time`, or one of them with `-- codec` behind it. Ratios
//! within one run are what to quote; `cargo xtask instructions` counts what the machine has no part in.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use squall_benches::beat::Beat;
use squall_benches::codec::{encoded, message, ping, success};
use squall_benches::decide::Question;
use squall_benches::steady;
use squall_protocol::codec::{decode, encode};

/// Each node both ways.
fn codec(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("codec");
    for (name, node) in [
        ("a ping", ping()),
        ("success", success()),
        ("a message", message()),
    ] {
        let bytes = encoded(&node);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let mut out = Vec::with_capacity(bytes.len());
        group.bench_function(format!("encode {name}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                encode(black_box(&node), &mut out)
            });
        });
        group.bench_function(format!("decode {name}"), |bencher| {
            bencher.iter(|| decode(black_box(&bytes)));
        });
    }
    group.finish();
}

/// Granted and refused, small and large.
fn decide(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decide");
    for organizations in [1, 1_000] {
        for (what, question) in [
            ("refused", Question::refused(organizations)),
            ("granted", Question::granted(organizations)),
        ] {
            group.bench_function(
                format!("{what}, {organizations} organizations"),
                |bencher| bencher.iter(|| question.decide()),
            );
        }
    }
    group.finish();
}

/// The beat, over and over.
fn handle_input(criterion: &mut Criterion) {
    let mut beat = Beat::connected();
    criterion.bench_function("handle_input, time-out to answer", |bencher| {
        bencher.iter(|| beat.once());
    });
    assert!(beat.is_connected());
}

/// The day, then the year.
fn year(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("year");
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(500));
    for (name, runs_for) in [("a steady day", "1d"), ("a steady year", "365d")] {
        let scenario = steady::steady(runs_for);
        group.bench_function(name, |bencher| {
            bencher.iter(|| steady::run(black_box(&scenario)));
        });
    }
    group.finish();
}

criterion_group!(benches, codec, decide, handle_input, year);
criterion_main!(benches);

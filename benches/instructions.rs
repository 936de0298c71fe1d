//! How many instructions the parts take, as callgrind counts them: `cargo xtask instructions`, which compares them with
//! `instructions.json`. What is before each is not counted.

#![expect(
    missing_docs,
    unused_qualifications,
    reason = "the attribute writes whole paths, and items that nobody calls by name"
)]

use std::hint::black_box;

use gungraun::Callgrind;
use gungraun::prelude::*;
use squall::scenario::Scenario;
use squall_benches::beat::Beat;
use squall_benches::codec::{encoded, message, ping, success};
use squall_benches::decide::Question;
use squall_benches::steady;
use squall_protocol::Node;
use squall_protocol::codec::{decode, encode};

/// So often each part is run, so that what happens the first time alone says little.
const TIMES: u32 = 100;

#[library_benchmark]
#[bench::ping(ping())]
#[bench::success(success())]
#[bench::message(message())]
fn codec_encode(node: Node) -> (Node, Vec<u8>) {
    let mut out = Vec::with_capacity(1_024);
    for _ in 0..TIMES {
        out.clear();
        let _ = black_box(encode(black_box(&node), &mut out));
    }
    (node, out)
}

#[library_benchmark]
#[bench::ping(encoded(&ping()))]
#[bench::success(encoded(&success()))]
#[bench::message(encoded(&message()))]
fn codec_decode(bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..TIMES {
        let _ = black_box(decode(black_box(&bytes)));
    }
    bytes
}

#[library_benchmark]
#[bench::refused(Question::refused(1_000))]
#[bench::granted(Question::granted(1_000))]
fn decide_of_a_thousand(question: Question) -> Question {
    for _ in 0..TIMES {
        black_box(question.decide());
    }
    question
}

#[library_benchmark]
#[bench::beat(Beat::connected())]
fn handle_input(mut beat: Beat) -> Beat {
    for _ in 0..TIMES {
        beat.once();
    }
    assert!(beat.is_connected());
    beat
}

#[library_benchmark]
#[bench::steady_day(steady::steady("1d"))]
fn wire_engine(scenario: Scenario) -> Scenario {
    steady::run(black_box(&scenario));
    scenario
}

library_benchmark_group!(
    name = parts,
    benchmarks = [
        codec_encode,
        codec_decode,
        decide_of_a_thousand,
        handle_input,
        wire_engine
    ]
);

main!(
    config = LibraryBenchmarkConfig::default()
        // Counts alone are compared; what a cache would do is another machine's.
        .tool(Callgrind::with_args(["cache-sim=no"])),
    library_benchmark_groups = parts
);

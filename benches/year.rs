//! A steady day and a steady year of one session, all oracles on, no trace written.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{BatchSize, Criterion, SamplingMode};
use squall::scenario::{self, Scenario};
use squall::subject::Tested;
use squall::{Ending, Options, run_tested};

fn steady(runs_for: &str) -> Scenario {
    let text = format!(
        "
name: steady
runs_for: {runs_for}
organizations: {{ \"1\": {{ paired: true }} }}
link: {{ latency: 40ms }}
steps:
  - {{ at: 0s, start_session: {{ org: \"1\" }} }}
expect:
  - dials: {{ org: \"1\", count: 1 }}
"
    );
    scenario::parse(&text, Path::new("steady.yaml")).expect("a good scenario")
}

/// The day, then the year.
pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("year");
    group
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat)
        .warm_up_time(Duration::from_millis(500));
    for (name, runs_for) in [("a steady day", "1d"), ("a steady year", "365d")] {
        let scenario = steady(runs_for);
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                Options::default,
                |options| {
                    let verdict = run_tested(black_box(&scenario), Tested::Session, options)
                        .expect("a runtime can be had");
                    assert_eq!(verdict.ending(), Ending::Held, "{:?}", verdict.findings);
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

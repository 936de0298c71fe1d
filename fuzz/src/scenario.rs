//! The scenario language: whatever text it is, it is refused with a place that can be shown, or it is a scenario from
//! which a plan can be drawn, twice the same.
//!
//! An input is the text of a scenario file.

use std::path::Path;

use squall::plan::Plan;
use squall::scenario::parse;
use squall::seed::Seed;
use squall_protocol::Instant;

/// So many times of one step are looked at: a scenario may repeat a step a billion times.
const TIMES: usize = 100;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let scenario = match parse(text, Path::new("fuzzed.yaml")) {
        Ok(scenario) => scenario,
        Err(errors) => {
            assert!(
                !errors.is_empty(),
                "refused, and nothing is said to be wrong"
            );
            for error in errors {
                assert!(error.render(false).starts_with("fuzzed.yaml"));
                assert!(error.render(true).starts_with("fuzzed.yaml"));
                if let Some(place) = error.place {
                    assert!(
                        text.get(place.bytes).is_some(),
                        "a place outside of the text"
                    );
                }
            }
            return;
        }
    };
    for seed in [scenario.seed, Seed(u64::MAX)] {
        let plan = Plan::draw(&scenario, seed);
        assert_eq!(plan, Plan::draw(&scenario, seed));
        assert!(plan.to_string().starts_with(plan.name.as_str()));
        for step in &plan.steps {
            let mut last = Instant::START;
            for time in step.times(plan.ends).take(TIMES) {
                assert!(last <= time && time < plan.ends);
                last = time;
            }
        }
    }
}

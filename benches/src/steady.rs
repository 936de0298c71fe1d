//! A steady run of one session, all oracles on, no trace written.

use std::path::Path;

use squall::scenario::{self, Scenario};
use squall::subject::Tested;
use squall::{Ending, Options, run_tested};

/// Of this length, as in `1d`.
///
/// # Panics
/// Where it is no length.
pub fn steady(runs_for: &str) -> Scenario {
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

/// Runs it in the wire engine.
///
/// # Panics
/// Where it does not hold.
pub fn run(scenario: &Scenario) {
    let verdict =
        run_tested(scenario, Tested::Session, Options::default()).expect("a runtime can be had");
    assert_eq!(verdict.ending(), Ending::Held, "{:?}", verdict.findings);
}

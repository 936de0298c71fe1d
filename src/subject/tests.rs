//! What the subjects that must fail do, held against small scenarios.

use super::Tested;
use crate::run::{Options, Verdict, run_tested};
use crate::scenario::parse;
use crate::words::OracleName;

fn run(tested: &str, text: &str) -> Verdict {
    let scenario = parse(text, "small.yaml".as_ref()).expect("a good scenario");
    let tested = Tested::by_name(tested).expect("a subject");
    run_tested(&scenario, tested, Options::default()).expect("a runtime can be had")
}

#[test]
fn the_gateway_as_it_was_before_pairs_and_logs_in_by_its_redial() {
    let verdict = run(
        "before",
        "name: a pairing\nruns_for: 2m\norganizations: { \"1\": { paired: false } }\n\
         steps:\n  - { at: 0s, start_session: { org: \"1\" } }\n",
    );
    let blamed: Vec<_> = verdict.counts.keys().copied().collect();
    assert_eq!(
        blamed,
        [OracleName::DialAttribution, OracleName::LimiterShadow]
    );
    assert_eq!(
        (verdict.happened.dials, verdict.happened.disconnects),
        (2, 1)
    );
}

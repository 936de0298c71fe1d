//! Plans: what is drawn, and what stays as it was written.

use std::collections::BTreeSet;
use std::path::Path;

use squall_protocol::{Instant, Millis};

use super::{Action, Lasts, Plan, Trigger};
use crate::scenario::{Scenario, parse};
use crate::seed::Seed;

fn scenario(steps: &str) -> Scenario {
    let text = format!(
        "name: drawn\nruns_for: 2d\norganizations: {{ \"1\": {{}}, acme: {{ paired: false }} }}\n\
         link: {{ latency: 40ms..90ms }}\nphone: {{ scans_after: 1s..9s }}\nsteps:\n{steps}"
    );
    parse(&text, Path::new("drawn.yaml")).unwrap_or_else(|errors| panic!("{}", errors[0]))
}

const STEPS: &str = r#"  - { at: 1h..2h, start_session: { org: "1" } }
  - { id: slow, every: 10m..20m, from: 3h..4h, until: 1d, fault: { delay_pong: { by: 20s } }, for: 1s..1m, org: "1" }
  - { at: 3h, fault: { zombie: {} }, until: 5h..6h, connection: old }
  - { on: { login: { nth: 2, org: acme } }, after: 100ms..300ms, inject: { close: { code: 1011 } }, connection: 2 }
  - { on: { stanza: { tag: iq, from: client } }, suspend: { for: 1m..2m } }
  - { at: 10h, clear: { id: slow } }
  - { at: 11h, client_crash: { store: lost, down_for: 5s..50s } }
  - { at: 12h, stop_session: { org: acme } }
  - { at: 13h, scan_qr: { org: acme } }
  - { at_random: 1h..9h, from: 14h, inject: { reset: {} } }
  - { at: 14h, client_pause: { for: 1m..3m } }
  - { at: 15h, clock_step: { by: -10m..1h } }
  - { at: 16h, supervisor: { restart: 5s } }
  - { at: 17h, client_crash: {} }
  - { at: 18h, server_restart: { down_for: 1s..9s, connections: reset } }
"#;

#[test]
fn a_plan_shows_its_schedule() {
    insta::assert_snapshot!(Plan::draw(&scenario(STEPS), Seed(7)));
}

#[test]
fn the_same_seed_draws_the_same_plan_and_another_draws_another() {
    let scenario = scenario(STEPS);
    assert_eq!(
        Plan::draw(&scenario, Seed(3)),
        Plan::draw(&scenario, Seed(3))
    );
    let at = |seed| match Plan::draw(&scenario, Seed(seed)).steps[0].trigger {
        Trigger::At(at) => at,
        _ => panic!("step 1 is an `at`"),
    };
    let drawn: BTreeSet<Instant> = (0..50).map(at).collect();
    assert!(drawn.len() > 40, "{drawn:?}");
}

#[test]
fn a_draw_reaches_both_ends_of_its_range_and_nothing_beyond() {
    let scenario = scenario("  - { at: 1ms..3ms, start_session: { org: \"1\" } }\n");
    let drawn: BTreeSet<Instant> = (0..50)
        .flat_map(|seed| {
            Plan::draw(&scenario, Seed(seed)).steps[0]
                .times(Instant::NEVER)
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(drawn, [1, 2, 3].map(Instant::at).into());
}

#[test]
fn one_range_more_moves_no_other_draw() {
    let two = "  - { at: 1h..2h, start_session: { org: \"1\" } }\n  - { at: 3h..4h, start_session: { org: \"1\" } }\n";
    let fixed = two.replace("1h..2h", "1h");
    let second = |steps: &str| {
        Plan::draw(&scenario(steps), Seed(5)).steps[1]
            .trigger
            .clone()
    };
    assert_eq!(second(two), second(&fixed));
}

#[test]
fn a_repetition_ends_at_its_until_included_or_before_the_run_does() {
    let times = |step: &str| {
        let plan = Plan::draw(&scenario(step), Seed(1));
        let times: Vec<String> = plan.steps[0]
            .times(plan.ends)
            .map(|at| at.to_string())
            .collect();
        times.join(", ")
    };
    let every =
        |rest: &str| format!("  - {{ every: 12h, {rest}start_session: {{ org: \"1\" }} }}\n");
    assert_eq!(times(&every("from: 0s, until: 24h, ")), "0s, 12h, 1d");
    assert_eq!(times(&every("")), "12h, 1d, 1d 12h");
    assert_eq!(
        times("  - { on: { login: {} }, start_session: { org: \"1\" } }\n"),
        ""
    );
}

#[test]
fn at_random_draws_each_interval_anew_within_its_range() {
    let plan = Plan::draw(
        &scenario("  - { at_random: 10m..20m, from: 1h, until: 40h, inject: { eof: {} } }\n"),
        Seed(1),
    );
    let times: Vec<Instant> = plan.steps[0].times(plan.ends).collect();
    let hour = Instant::START + Millis::from_mins(60);
    let intervals: Vec<Millis> = std::iter::once(hour)
        .chain(times.iter().copied())
        .zip(&times)
        .map(|(one, next)| *next - one)
        .collect();
    let (least, most) = (Millis::from_mins(10), Millis::from_mins(20));
    assert!(intervals.iter().all(|gap| (least..=most).contains(gap)));
    assert!(intervals.iter().collect::<BTreeSet<_>>().len() > 100);
    let until = Instant::START + Millis::from_mins(40 * 60);
    assert!(times.iter().all(|at| *at <= until));
    assert!(until - times[times.len() - 1] <= most);
}

#[test]
fn beside_every_until_ends_the_repetition_and_elsewhere_the_fault() {
    let lasts = |step: &str| match &Plan::draw(&scenario(step), Seed(1)).steps[0].action {
        Action::Fault { lasts, .. } => *lasts,
        action => panic!("step 1 is a fault, not {action}"),
    };
    assert_eq!(
        lasts("  - { every: 1h, until: 5h, fault: { zombie: {} } }\n"),
        Lasts::ToTheEnd
    );
    assert_eq!(
        lasts("  - { every: 1h, until: 5h, fault: { zombie: {} }, for: 1m }\n"),
        Lasts::For(Millis::from_mins(1))
    );
    assert_eq!(
        lasts("  - { at: 1h, until: 5h, fault: { zombie: {} } }\n"),
        Lasts::Until(Instant::START + Millis::from_hours(5))
    );
}

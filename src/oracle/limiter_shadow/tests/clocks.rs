//! Civil days, and clocks that are set.

use super::*;

/// One start a civil day of New York, used up at the start of the run, which is 9 in the morning.
fn one_a_day() -> Tape {
    let mut tape = Tape::new();
    let zone = "America/New_York".parse().unwrap();
    tape.header.policy.per_org = (1, Per::Calendar(zone));
    tape.event(Event::Booted).start().at(40_000).ask(Ask::Stop);
    tape.disconnected(Cause::Stopped, None).state(State::Idle);
    tape
}

/// Midnight, on the scale of the run.
const MIDNIGHT: u64 = 15 * HOUR;

#[test]
fn a_civil_day_has_room_at_its_midnight_and_no_millisecond_before() {
    let mut tape = one_a_day();
    tape.at(MIDNIGHT - 1).granted(2);
    tape.assert_says(LimiterShadow::new, &["per_org stands for 1ms more"]);
    let mut tape = one_a_day();
    let midnight = i64::try_from(MIDNIGHT).unwrap();
    tape.at(MIDNIGHT - 1)
        .denied(Denial::PerOrg, &[], Some(midnight));
    tape.at(MIDNIGHT).granted(2);
    tape.assert_clean(LimiterShadow::new);
    let mut tape = one_a_day();
    tape.at(MIDNIGHT).denied(Denial::PerOrg, &[], None);
    tape.assert_says(LimiterShadow::new, &["no rule stood in the way"]);
}

#[test]
fn a_wall_clock_set_over_midnight_makes_no_room() {
    let stepped = |by: i64| {
        let mut tape = one_a_day();
        tape.at(HOUR).event(Event::ClockStepped { by });
        tape
    };
    let ms = |ms: u64| i64::try_from(ms).unwrap();
    // To half past midnight: the attempt was an hour ago, which was yesterday, and the limiter's day goes on.
    let ahead = 14 * HOUR + HOUR / 2;
    let mut tape = stepped(ms(ahead));
    tape.granted(2);
    tape.assert_says(LimiterShadow::new, &["per_org stands for 14h more"]);
    // What is told moves with the wall clock.
    let mut tape = stepped(ms(ahead));
    tape.denied(Denial::PerOrg, &[], Some(ms(MIDNIGHT + ahead)));
    tape.assert_clean(LimiterShadow::new);
    // To six in the morning: by that clock the attempt was made at five, and that day ends later.
    let mut tape = stepped(ms(20 * HOUR));
    tape.granted(2);
    tape.assert_says(LimiterShadow::new, &["per_org stands for 18h more"]);
    // Set back, its midnight comes later than the limiter's, and both are waited for.
    let mut tape = stepped(-ms(2 * HOUR));
    tape.at(MIDNIGHT).granted(2);
    tape.assert_says(LimiterShadow::new, &["per_org stands for 2h more"]);
}

#[test]
fn a_step_of_the_wall_clock_ends_no_cooldown_while_the_process_lives() {
    let mut tape = failed();
    tape.at(HOUR).event(Event::ClockStepped { by: 7_200_000 });
    tape.granted(2);
    tape.assert_says(LimiterShadow::new, &["cooldown stands for 1h 40s more"]);
}

#[test]
fn a_dial_in_time_by_one_clock_and_late_by_the_other_is_too_late() {
    let mut tape = Tape::new();
    tape.granted(1)
        .at(10_000)
        .event(Event::ClockStepped { by: 30_001 });
    tape.at(30_000).spent(1).dial(1, 1, false);
    tape.assert_says(LimiterShadow::new, &["30s 1ms after its wait"]);
}

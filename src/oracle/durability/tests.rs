//! A store or a limiter that forgets, in each way, and those that do not.

use super::super::testing::Tape;
use super::*;
use crate::trace::Ask;
use crate::words::{Cause, Denial};

const HOUR: u64 = 3_600_000;

impl Tape {
    /// The process dies, and boots 5 s later on a store in which this is read of the tape's organization.
    fn reboot(&mut self, remembered: Remembered) -> &mut Self {
        let remembered = BTreeMap::from([("2".into(), remembered)]);
        self.crash()
            .pass(5_000)
            .boot()
            .event(Event::LedgerRead { remembered })
    }
}

fn attempt(number: u64, age: u64) -> Remembered {
    Remembered {
        attempts: vec![(number, Millis::new(age))],
        ..Remembered::default()
    }
}

#[test]
fn a_store_that_remembers_all_of_it_is_fine() {
    let mut tape = Tape::new();
    tape.boot().event(Event::LedgerRead {
        remembered: BTreeMap::new(),
    });
    tape.start().at(HOUR).stream_error("515");
    tape.disconnected(Cause::RateLimited, None).pass(10_000);
    tape.reboot(Remembered {
        blocked: Some(Millis::new(24 * HOUR - 15_000)),
        ..attempt(1, HOUR + 15_000)
    });
    tape.at(2 * HOUR)
        .denied(Denial::Block, &[], Some(25 * 3_600_000));
    tape.at(25 * HOUR).granted(2);
    tape.assert_clean(Durability::new);
}

#[test]
fn an_attempt_that_is_not_in_the_store_is_forgotten() {
    let mut tape = Tape::new();
    tape.start().at(HOUR).reboot(Remembered::default());
    tape.assert_says(
        Durability::new,
        &["attempt 1, admitted 1h 5s ago, is forgotten"],
    );
}

#[test]
fn an_attempt_remembered_as_older_leaves_its_window_too_early() {
    let mut tape = Tape::new();
    tape.start().at(HOUR).reboot(attempt(1, HOUR + 5_001));
    tape.assert_says(Durability::new, &["is remembered as 1h 5s 1ms old"]);
}

#[test]
fn an_attempt_given_back_before_its_dial_need_not_be_remembered_and_one_after_it_must() {
    let mut tape = Tape::new();
    tape.granted(1).pass(10_000).ask(Ask::Stop).withdrawn(1);
    tape.reboot(Remembered::default());
    tape.assert_clean(Durability::new);
    let mut tape = Tape::new();
    tape.granted(1).pass(30_000).spent(1).withdrawn(1);
    tape.reboot(Remembered::default());
    tape.assert_says(Durability::new, &["attempt 1, admitted 35s ago"]);
}

#[test]
fn what_no_rule_asks_for_any_more_may_be_forgotten() {
    let mut tape = Tape::new();
    tape.start().at(2 * HOUR).close().ended();
    tape.at(24 * HOUR).reboot(Remembered::default());
    tape.assert_clean(Durability::new);
}

#[test]
fn a_failure_inside_its_cooldown_is_remembered() {
    let failed = |age: Option<u64>| {
        let mut tape = Tape::new();
        tape.start().at(HOUR).close().ended();
        tape.reboot(Remembered {
            failed: age.map(Millis::new),
            ..attempt(1, HOUR + 5_000)
        });
        tape
    };
    failed(Some(5_000)).assert_clean(Durability::new);
    for age in [None, Some(5_001)] {
        failed(age).assert_says(Durability::new, &["the failure of 5s ago is forgotten"]);
    }
}

#[test]
fn a_block_is_remembered_to_its_end() {
    let blocked = |left: Option<u64>| {
        let mut tape = Tape::new();
        tape.start().at(HOUR).stream_error("515");
        tape.disconnected(Cause::RateLimited, None);
        tape.reboot(Remembered {
            blocked: left.map(Millis::new),
            ..attempt(1, HOUR + 5_000)
        });
        tape
    };
    blocked(Some(24 * HOUR - 5_000)).assert_clean(Durability::new);
    blocked(Some(24 * HOUR - 5_001)).assert_says(
        Durability::new,
        &["23h 59m 55s more is remembered as 23h 59m 54s 999ms"],
    );
    blocked(None).assert_says(Durability::new, &["23h 59m 55s more is forgotten"]);
}

#[test]
fn a_block_of_all_is_remembered_for_everybody() {
    let mut tape = Tape::new();
    tape.header.policy.block_all = true;
    tape.header.organizations.insert("3".into(), true);
    tape.start().at(HOUR).stream_error("515");
    tape.disconnected(Cause::RateLimited, None);
    tape.reboot(Remembered {
        blocked: Some(Millis::new(24 * HOUR - 5_000)),
        ..attempt(1, HOUR + 5_000)
    });
    tape.assert_says(Durability::new, &["a block that stands for 23h 59m 55s"]);
}

#[test]
fn a_start_admitted_against_what_was_before_the_crash_is_a_finding_without_a_look_at_the_store() {
    let mut tape = Tape::new();
    tape.start().at(HOUR).stream_error("515");
    tape.disconnected(Cause::RateLimited, None);
    tape.crash().boot().at(24 * HOUR).granted(2);
    tape.assert_says(Durability::new, &["a block that stands for 1h more"]);

    let mut tape = Tape::new();
    tape.start().at(HOUR).close().ended().crash().boot();
    tape.at(2 * HOUR).granted(2);
    tape.assert_says(Durability::new, &["the failure of 1h ago"]);

    let mut tape = Tape::new();
    tape.granted(1).pass(1_000).granted(2).crash().boot();
    tape.at(20 * HOUR).granted(3);
    tape.assert_says(Durability::new, &["its 2 attempts of the last 1d"]);

    let mut tape = Tape::new();
    for org in 1..=3u64 {
        tape.org(&org.to_string()).granted(org);
    }
    tape.crash().boot().pass(1_000).org("4").granted(4);
    tape.assert_says(Durability::new, &["all 3 attempts of the last 1h"]);
}

#[test]
fn what_this_life_has_admitted_is_no_matter_of_memory() {
    let mut tape = Tape::new();
    tape.boot().granted(1).pass(1_000).granted(2).granted(3);
    tape.assert_clean(Durability::new);
}

#[test]
fn a_lost_store_is_a_reason_to_refuse_and_no_other_is() {
    let lost = || Event::Crashed {
        store: "lost".into(),
    };
    let refused = || Event::RefusedToStart {
        why: "there is none".to_owned(),
    };
    let mut tape = Tape::new();
    tape.start().event(lost()).pass(5_000).boot();
    tape.assert_says(Durability::new, &["booted without its store"]);
    let mut tape = Tape::new();
    tape.start().event(lost()).pass(5_000).event(refused());
    tape.assert_clean(Durability::new);
    let mut tape = Tape::new();
    tape.start().crash().pass(5_000).event(refused());
    tape.assert_says(
        Durability::new,
        &["refused to start, and its store is there"],
    );
}

#[test]
fn after_a_wall_clock_set_back_a_block_stands_from_the_mark_in_the_store() {
    let booted = |left: u64| {
        let mut tape = Tape::new();
        tape.boot().start().at(HOUR).stream_error("515");
        tape.disconnected(Cause::RateLimited, None).pass(1_000);
        tape.event(Event::ClockStepped { by: -7_200_000 });
        let blocked = Some(Millis::new(left));
        tape.reboot(Remembered {
            blocked,
            ..attempt(1, HOUR)
        });
        tape
    };
    booted(24 * HOUR).assert_clean(Durability::new);
    booted(24 * HOUR - 1).assert_says(Durability::new, &["is remembered as"]);
}

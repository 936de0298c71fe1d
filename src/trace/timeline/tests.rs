//! The timeline tells everything once, and folds what is routine.

use squall_protocol::{Instant, Millis};

use super::*;
use crate::oracle::testing::Tape;
use crate::trace::{Answer, Room};
use crate::words::{Cause, Denial};

fn drawn(tape: &Tape) -> Timeline {
    let mut drawing = Drawing::new(&tape.header);
    tape.entries.iter().for_each(|entry| drawing.observe(entry));
    let end = tape.entries.last().map_or(Instant::START, |entry| entry.at);
    drawing.finish(end)
}

/// Six hours, a 515, and an operator who asks three times in the block.
fn blocked() -> Tape {
    let mut tape = Tape::new();
    tape.header.runs_for = Millis::from_hours(12);
    tape.start().keep_alive(30_000, 30_000, 21_600_000);
    tape.pass(62).fault_on(2, 1).fault_acted(2, 1);
    tape.stream_error("515");
    tape.disconnected(Cause::RateLimited, None)
        .state(State::Blocked);
    for hour in 7..=9 {
        tape.at(hour * 3_600_000)
            .denied(Denial::Block, &[], Some(108_000_062));
    }
    tape.event(Event::End);
    tape
}

#[test]
fn no_ping_is_lost_in_a_fold_and_no_fold_spans_more_than_its_share() {
    let timeline = drawn(&blocked());
    let folds: Vec<_> = timeline
        .marks
        .iter()
        .filter(|mark| mark.kind == MarkKind::Fold)
        .collect();
    let pings = |text: &str| {
        let before = text.split(" IQ ping").next()?;
        before.rsplit(' ').next()?.parse::<u64>().ok()
    };
    let folded: u64 = folds.iter().filter_map(|mark| pings(&mark.text)).sum();
    assert_eq!(folded, timeline.facts.iq_pings);
    assert!(folded > 800, "{folded}");
    let longest = folds
        .iter()
        .filter_map(|mark| mark.until.map(|until| until.since(mark.at)))
        .max();
    assert!(
        longest.is_some_and(|longest| longest <= SHORTEST),
        "{longest:?}"
    );
    assert!(timeline.marks.is_sorted_by_key(|mark| mark.at));
}

#[test]
fn an_end_is_marked_where_it_happened_with_its_entry() {
    let timeline = drawn(&blocked());
    let ends: Vec<_> = timeline
        .marks
        .iter()
        .filter(|mark| mark.kind == MarkKind::End)
        .collect();
    assert_eq!(ends.len(), 2, "{ends:#?}");
    assert!(ends[0].text.contains("stream:error"), "{ends:#?}");
    assert!(
        ends[1].text.starts_with("disconnected: rate_limited"),
        "{ends:#?}"
    );
    assert!(ends.iter().all(|mark| mark.at == Instant::at(21_600_062)));
    assert!(matches!(ends[1].event, Some(Event::Disconnected { .. })));
}

#[test]
fn bars_tell_states_and_the_block_and_end_with_the_run() {
    let timeline = drawn(&blocked());
    let of = |kind| {
        let bars = timeline.bars.iter().filter(move |bar| bar.kind == kind);
        bars.map(|bar| {
            (
                bar.text.as_str(),
                bar.from.since_start().get(),
                bar.to.since_start().get(),
            )
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(of(BarKind::Connected), [("connected", 30_000, 21_600_062)]);
    let end = 9 * 3_600_000;
    assert_eq!(
        of(BarKind::Block),
        [
            ("org 2: block", 21_600_062, end),
            ("blocked", 21_600_062, end)
        ]
    );
}

#[test]
fn the_ledger_says_why_each_start_was_admitted_or_refused_and_what_came_of_it() {
    let ledger = drawn(&blocked()).ledger;
    assert_eq!(ledger.len(), 4);
    assert_eq!(
        ledger[0].answer,
        Answer::Granted {
            attempt: 1,
            spent: Some(Instant::at(30_000)),
            undone: None,
            dials: vec![1]
        }
    );
    let day = Some(Room {
        used: 1,
        max: 2,
        per: Millis::from_days(1),
    });
    assert_eq!((ledger[1].global.used, ledger[1].per_org), (0, day));
    assert!(
        matches!(
            ledger[3].answer,
            Answer::Denied {
                cause: Denial::Block,
                retry_at: Some(_),
                ..
            }
        ),
        "{ledger:#?}"
    );
}

#[test]
fn a_dial_that_no_admission_pays_for_is_counted() {
    let mut tape = blocked();
    assert_eq!(drawn(&tape).facts.unasked, 0);
    tape.event(Event::Dial {
        conn: ConnectionId(9),
        org: "2".into(),
        attempt: 1,
        handoff: false,
    });
    let facts = drawn(&tape).facts;
    assert_eq!((facts.dials, facts.unasked), (2, 1));
    assert_eq!(facts.iq_interval, Some(Millis::from_secs(25)));
}

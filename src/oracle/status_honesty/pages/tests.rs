//! A page that does not say what is so, of each kind, and those that do.

use super::super::super::testing::Tape;
use super::super::StatusHonesty;
use super::*;
use crate::trace::Ask;

const HOUR: i64 = 3_600_000;

/// A page of an organization that stands here, and says so.
fn page(state: State) -> Page {
    Page {
        state,
        connected: state.is_connected(),
        blocked_until: None,
        reason: None,
        ended: None,
        last_connected: None,
        last_activity: None,
        needs_pairing: false,
    }
}

/// Both pages of the status the same, and a limiter that refuses for these reasons until then.
fn shown(page: Option<Page>, refused_by: &[Denial], retry_at: Option<i64>) -> Shown {
    Shown {
        one: page.clone(),
        all: page,
        limits: Some(Limits {
            can_connect: refused_by.is_empty(),
            refused_by: refused_by.to_vec(),
            retry_at,
        }),
        answered: None,
    }
}

/// The same, after a start was answered so.
fn after(answered: (u16, Option<u64>), shown: Shown) -> Shown {
    let (status, retry_after) = answered;
    Shown {
        answered: Some(Answered {
            status,
            retry_after,
        }),
        ..shown
    }
}

/// Both pages, changed alike.
fn changed(mut pages: Shown, change: impl Fn(&mut Page)) -> Shown {
    let both = [&mut pages.one, &mut pages.all];
    both.into_iter().flatten().for_each(change);
    pages
}

trait Shows {
    fn shows(&mut self, shown: Shown) -> &mut Self;
}

impl Shows for Tape {
    fn shows(&mut self, shown: Shown) -> &mut Self {
        self.event(Event::Shown {
            org: "2".into(),
            shown: Box::new(shown),
        })
    }
}

/// So many milliseconds of the run, as the wall clock shows them.
fn wall(tape: &Tape, at: i64) -> i64 {
    tape.header.starts.as_millisecond() + at
}

/// When the block ends.
const UNTIL: i64 = 24 * HOUR + 40_000;
/// That, an hour after the run began, in seconds.
const LEFT: u64 = 23 * 3_600 + 40;

/// An organization that is blocked for a day from 40 s on, an hour after the run began; what its pages show then.
fn blocked() -> (Tape, Shown) {
    let mut tape = Tape::new();
    tape.start().at(40_000).stream_error("515");
    tape.disconnected(Cause::RateLimited, None);
    tape.state(State::Blocked).at(3_600_000);
    let until = wall(&tape, UNTIL);
    let page = Page {
        blocked_until: Some(until),
        reason: Some(Cause::RateLimited),
        ended: Some(wall(&tape, 40_000)),
        last_connected: Some(wall(&tape, 30_000)),
        ..page(State::Blocked)
    };
    let pages = shown(Some(page), &[Denial::Block], Some(until));
    (tape, pages)
}

#[test]
fn pages_that_say_what_is_so_are_fine() {
    let mut tape = Tape::new();
    tape.shows(shown(None, &[], None)).granted(1);
    let waiting = shown(Some(page(State::Waiting)), &[Denial::AlreadyActive], None);
    tape.shows(after((202, None), waiting.clone()));
    tape.pass(1).shows(waiting.clone());
    tape.denied(Denial::AlreadyActive, &[], None);
    tape.shows(after((409, None), waiting));
    tape.assert_clean(StatusHonesty::new);

    let (mut tape, pages) = blocked();
    tape.shows(pages.clone());
    tape.denied(Denial::Block, &[], Some(UNTIL));
    tape.shows(after((429, Some(LEFT)), pages));
    tape.assert_clean(StatusHonesty::new);
}

#[test]
fn two_pages_that_differ_are_found() {
    let (mut tape, mut pages) = blocked();
    pages.all = Some(page(State::Connected));
    tape.shows(pages);
    tape.assert_says(StatusHonesty::new, &["than the page of all"]);
}

#[test]
fn a_page_of_another_state_is_found() {
    let (mut tape, pages) = blocked();
    tape.shows(changed(pages, |page| {
        (page.state, page.connected) = (State::Connected, true);
    }));
    tape.assert_says(
        StatusHonesty::new,
        &[
            "says connected, and it is blocked",
            "page says connected, and it is blocked",
        ],
    );
}

#[test]
fn a_page_that_is_missing_or_blames_another_cause_is_found() {
    let (mut tape, mut pages) = blocked();
    (pages.one, pages.all) = (None, None);
    tape.shows(pages);
    tape.assert_says(StatusHonesty::new, &["has no page, and is blocked"]);

    let (mut tape, pages) = blocked();
    tape.shows(changed(pages, |page| page.reason = Some(Cause::Stopped)));
    tape.assert_says(StatusHonesty::new, &["blames stopped"]);
}

/// The organization, as [`blocked`] has it, shown with one thing that is not so.
#[track_caller]
fn found(change: impl Fn(&mut Page), words: &str) {
    let (mut tape, pages) = blocked();
    tape.shows(changed(pages, change));
    tape.assert_says(StatusHonesty::new, &[words]);
}

#[test]
fn a_page_that_says_the_wrong_time_or_none_is_found() {
    found(|page| page.blocked_until = None, "does not say until when");
    found(|page| page.ended = None, "last ended never");
    found(
        |page| page.ended = page.ended.map(|at| at + 1),
        "that it last ended at",
    );
    found(|page| page.last_connected = None, "last connected never");
    found(
        |page| page.last_connected = page.ended,
        "that it was last connected at",
    );
    found(|page| page.needs_pairing = true, "and it is paired");
}

/// What a page shows of one that has been connected since 30 s, and last heard something at 55 s.
fn connected() -> (Tape, Shown) {
    let mut tape = Tape::new();
    tape.start().at(55_000).iq_ping().iq_pong().at(60_000);
    let page = Page {
        last_connected: Some(wall(&tape, 30_000)),
        last_activity: Some(wall(&tape, 55_000)),
        ..page(State::Connected)
    };
    let pages = shown(Some(page), &[Denial::AlreadyActive], None);
    (tape, pages)
}

#[test]
fn a_page_that_has_not_heard_what_came_is_found() {
    let (mut tape, pages) = connected();
    tape.shows(pages);
    tape.assert_clean(StatusHonesty::new);
    for wrong in [None, Some(30_000), Some(60_000)] {
        let (mut tape, pages) = connected();
        let wrong = wrong.map(|at| wall(&tape, at));
        tape.shows(changed(pages, |page| page.last_activity = wrong));
        tape.assert_says(StatusHonesty::new, &["that it last heard something"]);
    }
}

/// After an end that moved the device aside, a page that says paired; and after a boot, one that remembers too much.
#[test]
fn a_page_of_a_device_or_of_a_life_that_is_gone_is_found() {
    let gone = |needs_pairing: bool, remembers: bool| {
        let mut tape = Tape::new();
        tape.start().at(40_000).stream_error("401");
        tape.disconnected(Cause::LoggedOut, None);
        tape.state(State::LoggedOut).crash().pass(1_000).boot();
        let end = Page {
            needs_pairing,
            reason: remembers.then_some(Cause::LoggedOut),
            ..page(State::LoggedOut)
        };
        let free = Some(wall(&tape, 7_240_000));
        tape.shows(shown(Some(end), &[Denial::Cooldown], free));
        tape
    };
    gone(true, false).assert_clean(StatusHonesty::new);
    gone(false, false).assert_says(StatusHonesty::new, &["and it needs a pairing"]);
    gone(true, true).assert_says(StatusHonesty::new, &["blames logged_out"]);
}

#[test]
fn a_page_of_the_limits_that_contradicts_the_state_or_itself_is_found() {
    let (mut tape, mut pages) = blocked();
    let mut limits = pages.limits.clone().unwrap();
    limits.can_connect = true;
    pages.limits = Some(limits);
    tape.shows(pages);
    tape.assert_says(StatusHonesty::new, &["by one word of a page"]);

    let (mut tape, mut pages) = blocked();
    pages.limits = shown(None, &[Denial::AlreadyActive, Denial::Block], None).limits;
    tape.shows(pages);
    tape.assert_says(StatusHonesty::new, &["takes it for under way"]);

    let (mut tape, mut pages) = blocked();
    pages.limits = shown(None, &[], None).limits;
    tape.shows(pages);
    tape.assert_says(StatusHonesty::new, &["knows no block"]);

    let (mut tape, mut pages) = blocked();
    let late = Some(wall(&tape, UNTIL + 1));
    pages.limits = shown(None, &[Denial::Block], late).limits;
    tape.shows(pages);
    tape.assert_says(StatusHonesty::new, &["another time than its block ends"]);
}

#[test]
fn a_start_that_is_answered_otherwise_than_promised_is_found() {
    let mut tape = Tape::new();
    tape.shows(shown(None, &[], None));
    tape.denied(Denial::Cooldown, &[], Some(HOUR));
    tape.assert_says(StatusHonesty::new, &["(that it may connect)"]);

    let mut tape = Tape::new();
    tape.shows(shown(None, &[Denial::Cooldown], Some(0)))
        .granted(1);
    tape.assert_says(StatusHonesty::new, &["(refused by cooldown)"]);

    // What was promised holds for that instant alone.
    let mut tape = Tape::new();
    tape.shows(shown(None, &[Denial::Cooldown], Some(0)));
    tape.event(Event::Resumed).pass(1).granted(1);
    tape.assert_clean(StatusHonesty::new);
}

#[test]
fn a_status_or_a_retry_after_that_belies_the_answer_is_found() {
    for (answered, right) in [
        ((429, Some(LEFT)), true),
        ((429, Some(LEFT - 1)), false),
        ((429, None), false),
        ((409, Some(LEFT)), false),
    ] {
        let (mut tape, pages) = blocked();
        tape.denied(Denial::Block, &[], Some(UNTIL));
        tape.shows(after(answered, pages));
        match right {
            true => tape.assert_clean(StatusHonesty::new),
            false => tape.assert_says(StatusHonesty::new, &["is answered"]),
        }
    }
    let mut tape = Tape::new();
    tape.ask(Ask::Start);
    tape.assert_clean(StatusHonesty::new);
}

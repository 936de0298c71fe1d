//! 5 s after an end no timer and no link of that session is left.

use std::collections::BTreeMap;

use squall_protocol::{Instant, Millis};

use super::clock::OwnClock;
use super::live::Live;
use super::tolerance::Tolerance;
use super::{Findings, Oracle};
use crate::trace::{ConnectionId, Entry, Event, Header, OrgName, Side};
use crate::words::{OracleName, State};

/// Holds every connection to being let go of 5 s after its end, in the client's own time, and every session at rest to
/// having no timer armed by then, as the engine looks it up. The end of a pairing's first connection is one too, though
/// its session goes on; when the process dies, its links go with it.
///
/// One timer is right: a session that stands in `blocked` says so until its block ends, and then something else, so it
/// keeps the timer of that moment and no other. A task is nothing that could be left on its own: each one waits for a
/// timer, for a link or for the operator's next word, and that last one is the organization's and not the session's.
#[derive(Debug)]
pub struct Quiescence {
    tolerance: Tolerance,
    clock: OwnClock,
    links: Live<Open>,
    orgs: BTreeMap<OrgName, Standing>,
    /// Before this no link is overdue.
    next: Instant,
}

/// A link whose client's end is still held.
#[derive(Debug)]
struct Open {
    org: OrgName,
    /// When it must be let go of, once it has had its end.
    due: Option<Instant>,
}

/// Where a session stands.
#[derive(Debug, Default)]
struct Standing {
    state: Option<State>,
    /// When its block ends, where that is known to the millisecond.
    blocked_until: Option<Instant>,
}

/// How long an end may take.
const GRACE: Millis = Millis::from_secs(5);

impl Quiescence {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            tolerance: Tolerance::of(header),
            clock: OwnClock::default(),
            links: Live::default(),
            orgs: BTreeMap::new(),
            next: Instant::NEVER,
        }
    }

    /// Tells of every link that was to be let go of before `now`, once.
    fn sweep(&mut self, now: Instant, at: Instant, findings: &mut Findings) {
        self.next = Instant::NEVER;
        let mut next = Instant::NEVER;
        let late = self.tolerance.late;
        self.links.retain(|conn, open| match open.due {
            Some(due) if due + late < now => {
                findings.judged(OracleName::Quiescence);
                findings.say(
                    OracleName::Quiescence,
                    at,
                    Some(&open.org),
                    Some(conn),
                    || format!("its link is still held, and it has ended: it was due at {due} by the client's own clock"),
                );
                false
            }
            due => {
                next = next.min(due.unwrap_or(Instant::NEVER));
                true
            }
        });
        self.next = next;
    }

    /// This connection has ended, or all of an organization that it has: they are due then, if not before.
    fn due(&mut self, due: Instant, meant: impl Fn(ConnectionId, &Open) -> bool) {
        for (conn, open) in self.links.iter_mut() {
            if open.due.is_none() && meant(conn, open) {
                open.due = Some(due);
                self.next = self.next.min(due);
            }
        }
    }

    fn stands(&mut self, now: Instant, org: &OrgName, state: State) {
        self.standing(org).state = Some(state);
        if state.is_at_rest() {
            self.due(now + GRACE, |_, open| open.org == *org);
        }
    }

    /// What is wrong with the timers that this session has left.
    fn left(&mut self, now: Instant, org: &OrgName, timers: &[Millis]) -> Option<String> {
        let tolerance = self.tolerance;
        let standing = self.standing(org);
        let first = timers.first()?;
        if standing.state != Some(State::Blocked) {
            return Some(format!(
                "at rest, and {} armed: the first fires in {first}",
                counted(timers.len())
            ));
        }
        if timers.len() > 1 {
            return Some(format!(
                "blocked, and {} armed where one says when that is over",
                counted(timers.len())
            ));
        }
        let until = standing.blocked_until?;
        (!tolerance.same(now + *first, until)).then(|| {
            format!(
                "blocked, and the timer that is armed fires in {first}, not when the block ends in {}",
                until - now
            )
        })
    }

    fn standing(&mut self, org: &OrgName) -> &mut Standing {
        self.orgs.entry(org.clone()).or_default()
    }
}

fn counted(timers: usize) -> String {
    match timers {
        1 => "a timer is".to_owned(),
        more => format!("{more} timers are"),
    }
}

impl Oracle for Quiescence {
    fn name(&self) -> OracleName {
        OracleName::Quiescence
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        let now = self.clock.observe(entry);
        if now > self.next {
            self.sweep(now, entry.at, findings);
        }
        match &entry.event {
            Event::Dial { conn, org, .. } => {
                let org = org.clone();
                self.links.insert(*conn, Open { org, due: None });
            }
            Event::ConnectRefused { conn }
            | Event::Unanswered { conn }
            | Event::Released {
                conn,
                by: Side::Client,
            } => {
                let gone = self.links.remove(*conn);
                // Before it was due, or it would have been told of.
                if gone.is_some_and(|open| open.due.is_some()) {
                    findings.judged(self.name());
                }
            }
            Event::Disconnected {
                org, conn, block, ..
            } => {
                self.standing(org).blocked_until = block.map(|length| now + length);
                if let Some(ended) = conn {
                    self.due(now + GRACE, |conn, _| conn == *ended);
                }
            }
            Event::State { org, state } => self.stands(now, org, *state),
            Event::Left { org, timers } => {
                findings.judged(self.name());
                if let Some(why) = self.left(now, org, timers) {
                    findings.say(self.name(), entry.at, Some(org), None, || why);
                }
            }
            // A timer that was armed before a sleep fires early and is armed anew: when, cannot be foretold.
            Event::Resumed => {
                let standings = self.orgs.values_mut();
                standings.for_each(|standing| standing.blocked_until = None);
            }
            Event::Crashed { .. } | Event::Exited => {
                self.orgs.clear();
                self.due(now, |_, _| true);
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: Instant, findings: &mut Findings) {
        self.sweep(self.clock.at(end), end, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tape;
    use super::*;
    use crate::words::{Cause, Stage};

    const DAY: u64 = 86_400_000;

    impl Tape {
        fn left(&mut self, timers: &[u64]) -> &mut Self {
            let timers = timers.iter().copied().map(Millis::new).collect();
            let org = "2".into();
            self.event(Event::Left { org, timers })
        }
    }

    #[test]
    fn a_session_that_lets_go_of_everything_is_fine() {
        let mut tape = Tape::new();
        tape.start().at(60_000).close().ended();
        tape.pass(5_000).released(Side::Client).left(&[]);
        tape.at(DAY).start().at(2 * DAY);
        tape.assert_clean(Quiescence::new);
    }

    #[test]
    fn a_link_held_for_longer_than_five_seconds_is_a_finding_once() {
        for (late, words) in [(0, &[][..]), (1, &["its link is still held"][..])] {
            let mut tape = Tape::new();
            tape.start().at(60_000).close().ended().pass(5_000 + late);
            tape.released(Side::Client).at(DAY);
            tape.assert_says(Quiescence::new, words);
        }
        let mut tape = Tape::new();
        tape.start().at(60_000).close().ended().at(DAY);
        tape.assert_says(Quiescence::new, &["its link is still held"]);
    }

    #[test]
    fn a_link_that_nobody_speaks_of_when_the_session_rests_is_due_too() {
        let mut tape = Tape::new();
        tape.start().at(60_000).dial(9, 1, false).accepted(9);
        tape.on(1).close().ended().released(Side::Client).at(DAY);
        tape.assert_says(Quiescence::new, &["its link is still held"]);
    }

    #[test]
    fn the_first_link_of_a_pairing_is_let_go_of_too() {
        let mut tape = Tape::new();
        tape.pair().dial(2, 1, true).accepted(2).pass(5_001);
        tape.assert_says(Quiescence::new, &["its link is still held"]);
        let mut tape = Tape::new();
        tape.pair().released(Side::Client);
        tape.dial(2, 1, true).accepted(2).pass(DAY);
        tape.assert_clean(Quiescence::new);
    }

    #[test]
    fn a_refused_connection_leaves_no_link() {
        let mut tape = Tape::new();
        tape.granted(1).at(30_000).dial(1, 1, false);
        tape.connect_refused().disconnected(Cause::Refused, None);
        tape.state(State::DisconnectedManualReconnectRequired)
            .at(DAY);
        tape.assert_clean(Quiescence::new);
    }

    #[test]
    fn a_timer_armed_at_rest_is_a_finding() {
        let mut tape = Tape::new();
        tape.start().at(60_000).close().ended();
        tape.released(Side::Client).pass(5_000).left(&[20_000]);
        tape.assert_says(
            Quiescence::new,
            &["a timer is armed: the first fires in 20s"],
        );
    }

    #[test]
    fn a_block_keeps_the_one_timer_that_ends_it() {
        let day = DAY - 5_000;
        for (timers, words) in [
            (&[day][..], &[][..]),
            (&[], &[]),
            (&[25_000], &["fires in 25s, not when the block ends"]),
            (&[25_000, day], &["2 timers are armed"]),
        ] {
            let mut tape = Tape::new();
            tape.start().at(60_000).stream_error("515");
            tape.disconnected(Cause::RateLimited, Some(Stage::Open))
                .state(State::Blocked)
                .released(Side::Client)
                .pass(5_000)
                .left(timers);
            tape.assert_says(Quiescence::new, words);
        }
    }

    #[test]
    fn a_block_that_is_over_keeps_no_timer() {
        let mut tape = Tape::new();
        tape.start().at(60_000).stream_error("515");
        tape.disconnected(Cause::RateLimited, Some(Stage::Open))
            .state(State::Blocked)
            .released(Side::Client)
            .pass(DAY)
            .state(State::DisconnectedManualReconnectRequired)
            .pass(5_000)
            .left(&[1]);
        tape.assert_says(Quiescence::new, &["at rest, and a timer is armed"]);
    }

    #[test]
    fn the_links_of_a_dead_process_go_with_it() {
        let mut tape = Tape::new();
        tape.start().at(60_000).crash().released(Side::Client);
        tape.pass(5_000).boot().at(DAY);
        tape.assert_clean(Quiescence::new);
        let mut tape = Tape::new();
        tape.start().at(60_000).crash().pass(1).boot();
        tape.assert_says(Quiescence::new, &["its link is still held"]);
    }

    #[test]
    fn time_that_the_client_slept_through_is_not_its_own() {
        let mut tape = Tape::new();
        tape.start().at(60_000).close().ended();
        tape.suspended(DAY).released(Side::Client);
        tape.assert_clean(Quiescence::new);
    }
}

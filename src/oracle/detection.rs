//! A dead connection is noticed in time; a live one is never declared dead.

use std::collections::BTreeSet;

use squall_protocol::Instant;

use super::link::{Link, Links};
use super::pulse::{Pulse, Pulses};
use super::tolerance::Tolerance;
use super::{Findings, Oracle};
use crate::trace::{ConnectionId, Entry, Event, Header, Policy, Side};
use crate::words::{Cause, OracleName};

/// Holds every connection to the time by which its client must have noticed that it is over: what ends it at once,
/// silence, a zombie, a stage that takes too long. To the millisecond, in the client's own time, in which what it could
/// not notice since it was paused is left out. Its own timers run in a pause: whether it was right to declare a connection
/// dead is asked of them.
#[derive(Debug)]
pub struct Detection {
    policy: Policy,
    tolerance: Tolerance,
    links: Links,
    pulses: Pulses,
    /// The same by the client's timers, for which a pause counts; told apart from the first pause on.
    timed: Option<Pulses>,
    /// The live connections that were told of.
    told: BTreeSet<ConnectionId>,
    /// Before this no connection is overdue. It may be too early, never too late.
    next: Instant,
}

impl Detection {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            policy: header.policy.clone(),
            tolerance: Tolerance::of(header),
            links: Links::new(header),
            pulses: Pulses::default(),
            timed: None,
            told: BTreeSet::new(),
            next: Instant::NEVER,
        }
    }

    /// Tells of every connection whose end should have been noticed before `now`.
    fn sweep(&mut self, now: Instant, at: Instant, findings: &mut Findings) {
        self.next = Instant::NEVER;
        for (conn, pulse) in self.pulses.iter() {
            let Some(link) = self.links.get(conn) else {
                continue;
            };
            if self.told.contains(&conn) {
                continue;
            }
            let (due, what) = due(&self.policy, &self.links, link, pulse);
            if now > due + self.tolerance.late {
                self.told.insert(conn);
                findings.judged(OracleName::Detection);
                findings.say(OracleName::Detection, at, Some(&link.org), Some(conn), || {
                    format!(
                        "{what} is not noticed: that was due at {due} by the client's own clock, the last thing received \
                         was at {}",
                        pulse.received
                    )
                });
            } else {
                self.next = self.next.min(due);
            }
        }
    }

    /// Something happened on this connection: its end may be due sooner.
    fn touched(&mut self, conn: ConnectionId) {
        if let (Some(link), Some(pulse)) = (self.links.get(conn), self.pulses.get(conn))
            && !self.told.contains(&conn)
        {
            let (due, _) = due(&self.policy, &self.links, link, pulse);
            self.next = self.next.min(due);
        }
    }

    fn forget(&mut self, conn: ConnectionId) {
        self.links.take(conn);
        self.pulses.remove(conn);
        if let Some(timed) = &mut self.timed {
            timed.remove(conn);
        }
        self.told.remove(&conn);
    }
}

/// When, by the client's own clock, it must have noticed at the latest that the connection is over, and by what, if
/// nothing more is delivered.
fn due(policy: &Policy, links: &Links, link: &Link, pulse: &Pulse) -> (Instant, &'static str) {
    if let Some(ending) = &link.ending {
        return (links.polled_time_at(ending.at), ending.what);
    }
    let mut first = (Instant::NEVER, "nothing");
    let mut or = |due: Instant, what| {
        if due < first.0 {
            first = (due, what);
        }
    };
    if let Some(at) = link.stage_ends(policy) {
        or(at, "a stage that takes too long");
    }
    if let Some(at) = link.qr_ends() {
        or(at, "the end of the QR codes");
    }
    if let Some(secured) = link.secured {
        or(pulse.silence_noticed_by(policy, secured), "silence");
        or(pulse.zombie_noticed_by(policy, secured), "a zombie");
    }
    first
}

impl Oracle for Detection {
    fn name(&self) -> OracleName {
        OracleName::Detection
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        let now = self.links.polled_time(entry);
        let timed = self.links.own_time_at(entry.at);
        if now > self.next {
            self.sweep(now, entry.at, findings);
        }
        self.links.observe(entry, now);
        if matches!(entry.event, Event::Paused) {
            self.timed.get_or_insert_with(|| self.pulses.clone());
        }
        self.pulses.observe(entry, now, &self.links);
        if let Some(pulses) = &mut self.timed {
            pulses.observe(entry, timed, &self.links);
        }
        match &entry.event {
            Event::Delivered {
                conn,
                to: Side::Client,
                ..
            }
            | Event::Sent {
                conn,
                from: Side::Client,
                ..
            }
            | Event::ConnectRefused { conn } => self.touched(*conn),
            Event::Dial { conn, .. } => {
                let links = &self.links;
                self.told.retain(|conn| links.get(*conn).is_some());
                self.touched(*conn);
            }
            Event::Crashed { .. } | Event::Exited => self.told.clear(),
            // The client let go of it: that it says so is due in this millisecond.
            Event::Disconnected {
                org,
                conn: Some(conn),
                cause,
                ..
            } => {
                // Its end was reported: not too late, or it would have been told of before, and perhaps too early.
                findings.judged(self.name());
                let pulses = self.timed.as_ref().unwrap_or(&self.pulses);
                if let (Cause::ConnectionLost, Some(link), Some(pulse)) =
                    (cause, self.links.get(*conn), pulses.get(*conn))
                {
                    let dead = pulse.is_silent(&self.policy, timed + self.tolerance.near)
                        || pulse.is_zombie(&self.policy, timed + self.tolerance.near);
                    if !dead && link.ending.is_none() {
                        findings.say(self.name(), entry.at, Some(org), Some(*conn), || {
                            format!(
                                "declared dead while it was alive: the last thing was received {} before",
                                timed - pulse.received
                            )
                        });
                    }
                }
                self.forget(*conn);
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: Instant, findings: &mut Findings) {
        self.sweep(self.links.polled_time_at(end), end, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tape;
    use super::*;
    use crate::trace::Message;
    use crate::words::Stage;

    #[test]
    fn a_living_connection_is_nothing_to_notice() {
        let mut tape = Tape::new();
        tape.start().keep_alive(30_000, 30_000, 7_200_000);
        tape.assert_clean(Detection::new);
    }

    #[test]
    fn silence_noticed_at_its_bound_is_in_time_and_a_millisecond_later_it_is_not() {
        for (late, words) in [(0, &[][..]), (1, &["silence is not noticed"][..])] {
            let mut tape = Tape::new();
            tape.start().at(55_000).iq_ping().at(80_000).iq_ping();
            tape.at(105_000).iq_ping().at(115_000 + late);
            tape.disconnected(Cause::ConnectionLost, Some(Stage::Open));
            tape.assert_says(Detection::new, words);
        }
    }

    #[test]
    fn a_ping_of_the_millisecond_of_the_last_delivery_may_have_gone_out_before_it() {
        for (late, words) in [(0, &[][..]), (1, &["silence is not noticed"][..])] {
            let mut tape = Tape::new();
            tape.start().at(55_000);
            tape.carried(Side::Server, &Message::Ping(vec![])).iq_ping();
            tape.at(80_000).iq_ping().at(140_000 + late);
            tape.disconnected(Cause::ConnectionLost, Some(Stage::Open));
            tape.assert_says(Detection::new, words);
        }
    }

    #[test]
    fn silence_is_due_too_where_the_client_sends_no_ping() {
        let mut tape = Tape::new();
        tape.start().at(30_000 + 85_000);
        tape.assert_clean(Detection::new);
        tape.pass(1);
        tape.assert_says(Detection::new, &["silence is not noticed"]);
    }

    #[test]
    fn a_zombie_is_noticed_within_its_bound() {
        for (late, words) in [(0, &[][..]), (1, &["a zombie is not noticed"][..])] {
            let mut tape = Tape::new();
            tape.start();
            for beat in 1..=12 {
                tape.at(30_000 + beat * 25_000).iq_ping();
                tape.carried(Side::Server, &Message::Ping(vec![]));
            }
            tape.at(355_000 + late)
                .disconnected(Cause::ConnectionLost, Some(Stage::Open));
            tape.assert_says(Detection::new, words);
        }
    }

    /// A zombie that is noticed at its bound, while the server sends `other` after each ping.
    fn zombie(other: impl Fn(&str) -> Message) -> Tape {
        let mut tape = Tape::new();
        tape.start();
        for beat in 1..=12 {
            tape.at(30_000 + beat * 25_000).iq_ping();
            tape.carried(Side::Server, &other(&format!("ping-{beat}")));
        }
        tape.at(355_000);
        tape
    }

    fn answer(kind: &str, id: &str) -> Message {
        let answer = squall_protocol::Node::new("iq")
            .attr("type", kind)
            .attr("id", id);
        Message::Stanza(std::sync::Arc::new(answer))
    }

    #[test]
    fn an_answer_to_another_request_and_a_pong_to_no_ping_settle_nothing() {
        let others: [fn(&str) -> Message; 3] = [
            |id| answer("result", &format!("{id}999999999")),
            |_| Message::Pong(b"nobody asked".to_vec()),
            |id| Message::Pong(id.as_bytes().to_vec()),
        ];
        for other in others {
            let mut noticed = zombie(other);
            let mut missed = noticed.clone();
            noticed.disconnected(Cause::ConnectionLost, Some(Stage::Open));
            noticed.assert_clean(Detection::new);
            missed.pass(1);
            missed.assert_says(Detection::new, &["a zombie is not noticed"]);
        }
    }

    #[test]
    fn an_answer_an_hour_late_is_an_answer() {
        let mut tape = Tape::new();
        tape.start();
        // The line queues for longer and longer: three answers come for four pings.
        for beat in 1..=600_u64 {
            tape.at(30_000 + beat * 25_000).iq_ping();
            let asked = beat * 3 / 4 + 1;
            tape.carried(Side::Server, &answer("result", &format!("ping-{asked}")));
        }
        tape.pass(24_000).assert_clean(Detection::new);
    }

    #[test]
    fn an_error_answers_a_ping_like_a_result() {
        for kind in ["result", "error"] {
            let mut tape = zombie(|id| answer(kind, id));
            tape.disconnected(Cause::ConnectionLost, Some(Stage::Open));
            tape.assert_says(Detection::new, &["declared dead while it was alive"]);
        }
    }

    #[test]
    fn a_later_offer_of_refs_does_not_put_off_their_end() {
        let mut tape = Tape::new();
        tape.start_unpaired().keep_alive(30_000, 900_000, 100_000);
        let offer = squall_protocol::Node::new("pair-device")
            .child(squall_protocol::Node::new("ref").bytes(*b"three"));
        tape.server_says(squall_protocol::Node::new("iq").child(offer));
        tape.keep_alive(30_000, 900_000, 110_000);
        tape.assert_clean(Detection::new);
        tape.pass(1);
        tape.assert_says(Detection::new, &["the end of the QR codes"]);
    }

    #[test]
    fn a_live_connection_declared_dead_is_a_finding() {
        let mut tape = Tape::new();
        tape.start().keep_alive(30_000, 30_000, 7_200_000);
        tape.disconnected(Cause::ConnectionLost, Some(Stage::Open));
        tape.assert_says(Detection::new, &["declared dead while it was alive"]);
    }

    #[test]
    fn what_ends_a_connection_is_reported_in_its_millisecond() {
        let mut tape = Tape::new();
        tape.start().at(40_000).stream_error("503").pass(1).ended();
        tape.assert_says(Detection::new, &["a stream error is not noticed"]);
    }

    #[test]
    fn a_stage_that_takes_too_long_is_noticed() {
        let mut tape = Tape::new();
        tape.granted(1)
            .at(30_000)
            .dial(1, 1, false)
            .accepted(1)
            .at(50_001);
        tape.assert_says(Detection::new, &["a stage that takes too long"]);
    }

    #[test]
    fn qr_codes_that_ran_out_are_noticed() {
        let mut tape = Tape::new();
        tape.start_unpaired().keep_alive(30_000, 900_000, 110_001);
        tape.assert_says(Detection::new, &["the end of the QR codes"]);
    }

    #[test]
    fn a_process_that_dies_in_a_pause_owes_nothing_that_was_due_in_it() {
        let mut tape = Tape::new();
        tape.start().at(55_000).iq_ping();
        tape.event(Event::Paused).pass(600_000).crash();
        tape.assert_clean(Detection::new);
    }

    #[test]
    fn what_could_not_be_noticed_in_a_pause_is_due_after_it_and_no_later() {
        // The ping of 55 s is the last thing that happens before a pause of ten minutes.
        let woken = || {
            let mut tape = Tape::new();
            tape.start().at(55_000).iq_ping().paused(600_000);
            tape
        };
        let mut tape = woken();
        tape.disconnected(Cause::ConnectionLost, Some(Stage::Open));
        tape.assert_clean(Detection::new);
        let mut tape = woken();
        tape.pass(60_000);
        tape.assert_clean(Detection::new);
        tape.pass(1);
        tape.assert_says(Detection::new, &["silence is not noticed"]);
    }

    #[test]
    fn an_answer_that_waited_for_the_end_of_a_pause_is_a_sign_of_life() {
        let mut tape = Tape::new();
        tape.start().at(55_000).iq_ping().paused(600_000).iq_pong();
        tape.disconnected(Cause::ConnectionLost, Some(Stage::Open));
        tape.assert_says(Detection::new, &["declared dead while it was alive"]);
    }

    #[test]
    fn suspended_time_counts_for_nothing() {
        let mut tape = Tape::new();
        tape.start().at(55_000).iq_ping().suspended(3_600_000);
        tape.iq_pong().keep_alive(3_630_000, 3_630_000, 3_700_000);
        tape.assert_clean(Detection::new);
    }
}

//! The pings keep their beat, to the millisecond, whatever else goes on.

use squall_protocol::{Instant, Millis};

use super::clock::OwnClock;
use super::live::Live;
use super::stanza::{iq_ping_id, is_success};
use super::tolerance::Tolerance;
use super::{Findings, Oracle};
use crate::trace::{ConnectionId, Entry, Event, Header, Message, OrgName, Side};
use crate::words::{OracleName, State};

/// Measures the beat where the session hands the frame over: an IQ ping each interval from the Noise transport on, a
/// WebSocket Ping each interval while connected. The IQ ping that follows `<success>` is beside the beat.
#[derive(Debug)]
pub struct KeepAliveCadence {
    keep_alive: Millis,
    active_ping: Millis,
    tolerance: Tolerance,
    clock: OwnClock,
    live: Live<Beats>,
}

#[derive(Debug)]
struct Beats {
    org: OrgName,
    /// When the next IQ ping is due, from the Noise transport on.
    iq: Option<Instant>,
    /// When the next WebSocket Ping is due, while connected.
    active: Option<Instant>,
    /// The next IQ ping is the one that follows `<success>`.
    extra: bool,
}

impl KeepAliveCadence {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            keep_alive: header.policy.keep_alive,
            active_ping: header.policy.active_ping,
            tolerance: Tolerance::of(header),
            clock: OwnClock::default(),
            live: Live::default(),
        }
    }

    fn sent(
        &mut self,
        at: Instant,
        now: Instant,
        conn: ConnectionId,
        message: &Message,
        findings: &mut Findings,
    ) {
        let Some(beats) = self.live.get_mut(conn) else {
            return;
        };
        let (due, interval, what) = match message {
            Message::Ping(_) => (&mut beats.active, self.active_ping, "WebSocket Ping"),
            Message::Handshake(name) if name == "client_finish" => {
                beats.iq = Some(now + self.keep_alive);
                return;
            }
            message if iq_ping_id(message).is_some() => {
                if std::mem::take(&mut beats.extra) {
                    return;
                }
                (&mut beats.iq, self.keep_alive, "IQ ping")
            }
            _ => return,
        };
        let expected = due.take();
        // A late one skips those that were missed, and shifts none that follow.
        let next = match expected {
            Some(due) if due <= now => now - Millis::new((now - due).get() % interval.get().max(1)),
            Some(due) if self.tolerance.same(due, now) => due,
            _ => now,
        };
        *due = Some(next + interval);
        let expected = expected.map(|due| self.clock.once_polled(due));
        findings.judged(OracleName::KeepAliveCadence);
        let Tolerance { late, near } = self.tolerance;
        if expected.is_none_or(|due| now > due + late || due > now + near) {
            findings.say(
                OracleName::KeepAliveCadence,
                at,
                Some(&beats.org),
                Some(conn),
                || match expected {
                    Some(due) if due < now => {
                        format!("a {what} {} late: they go out every {interval}", now - due)
                    }
                    Some(due) => {
                        format!("a {what} {} early: they go out every {interval}", due - now)
                    }
                    None => format!("a {what} before its beat began"),
                },
            );
        }
    }

    /// The connection is over at `now`: a ping that was due before is missing.
    fn over(
        (clock, tolerance): (&OwnClock, Tolerance),
        (at, now): (Instant, Instant),
        conn: ConnectionId,
        beats: &Beats,
        findings: &mut Findings,
    ) {
        for (due, what) in [(beats.iq, "IQ ping"), (beats.active, "WebSocket Ping")] {
            if let Some(due) = due
                && clock.once_polled(due) + tolerance.late < now
            {
                findings.judged(OracleName::KeepAliveCadence);
                findings.say(
                    OracleName::KeepAliveCadence,
                    at,
                    Some(&beats.org),
                    Some(conn),
                    || format!("no {what} in the last {} of the beat", now - due),
                );
            }
        }
    }
}

impl Oracle for KeepAliveCadence {
    fn name(&self) -> OracleName {
        OracleName::KeepAliveCadence
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        let now = self.clock.observe(entry);
        match &entry.event {
            Event::Sent {
                conn,
                from: Side::Client,
                message,
            } => self.sent(entry.at, now, *conn, message, findings),
            Event::Delivered {
                conn,
                to: Side::Client,
                message,
            } if is_success(message) => {
                if let Some(beats) = self.live.get_mut(*conn) {
                    beats.extra = true;
                }
            }
            Event::Dial { conn, org, .. } => {
                let beats = Beats {
                    org: org.clone(),
                    iq: None,
                    active: None,
                    extra: false,
                };
                self.live.insert(*conn, beats);
            }
            Event::State { org, state } => {
                // What an organization says of itself, it says of its newest connection.
                let newest = self
                    .live
                    .iter_mut()
                    .rev()
                    .find(|(_, beats)| beats.org == *org);
                let Some((conn, beats)) = newest else { return };
                if !state.is_connected() {
                    let ended = Beats {
                        org: org.clone(),
                        iq: None,
                        active: beats.active.take(),
                        extra: false,
                    };
                    Self::over(
                        (&self.clock, self.tolerance),
                        (entry.at, now),
                        conn,
                        &ended,
                        findings,
                    );
                } else if *state == State::Connected && beats.active.is_none() {
                    beats.active = Some(now + self.active_ping);
                }
            }
            Event::Disconnected {
                conn: Some(conn), ..
            }
            | Event::Released {
                conn,
                by: Side::Client,
            } => {
                if let Some(beats) = self.live.remove(*conn) {
                    Self::over(
                        (&self.clock, self.tolerance),
                        (entry.at, now),
                        *conn,
                        &beats,
                        findings,
                    );
                }
            }
            Event::Crashed { .. } | Event::Exited => {
                for (conn, beats) in self.live.drain() {
                    Self::over(
                        (&self.clock, self.tolerance),
                        (entry.at, now),
                        conn,
                        &beats,
                        findings,
                    );
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: Instant, findings: &mut Findings) {
        let now = self.clock.at(end);
        for (conn, beats) in self.live.drain() {
            Self::over(
                (&self.clock, self.tolerance),
                (end, now),
                conn,
                &beats,
                findings,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tape;
    use super::*;
    use crate::words::Cause;

    #[test]
    fn pings_on_the_beat_are_fine() {
        let mut tape = Tape::new();
        tape.start().keep_alive(30_000, 30_000, 7_200_000).close();
        tape.ended().at(9_000_000);
        tape.assert_clean(KeepAliveCadence::new);
    }

    #[test]
    fn a_late_iq_ping_is_a_finding() {
        let mut tape = Tape::new();
        tape.start().at(55_001).iq_ping().iq_pong();
        tape.assert_says(KeepAliveCadence::new, &["a IQ ping 1ms late"]);
    }

    #[test]
    fn an_early_iq_ping_is_a_finding() {
        let mut tape = Tape::new();
        tape.start().at(54_999).iq_ping().iq_pong();
        tape.assert_says(KeepAliveCadence::new, &["a IQ ping 1ms early"]);
    }

    #[test]
    fn only_one_ping_after_success_is_beside_the_beat() {
        let mut tape = Tape::new();
        tape.start().at(31_000).iq_ping().iq_pong();
        tape.assert_says(KeepAliveCadence::new, &["24s early"]);
    }

    #[test]
    fn an_iq_ping_before_the_noise_transport_is_a_finding() {
        let mut tape = Tape::new();
        tape.granted(1).at(30_000).dial(1, 1, false).iq_ping();
        tape.assert_says(KeepAliveCadence::new, &["before its beat began"]);
    }

    #[test]
    fn a_missing_iq_ping_is_a_finding_at_the_end_and_at_the_disconnect() {
        let mut tape = Tape::new();
        tape.start().at(55_001);
        tape.assert_says(KeepAliveCadence::new, &["no IQ ping in the last 1ms"]);
        tape.close().ended();
        tape.assert_says(KeepAliveCadence::new, &["no IQ ping in the last 1ms"]);
    }

    #[test]
    fn a_ping_due_in_the_millisecond_of_the_end_may_be_missing() {
        let mut tape = Tape::new();
        tape.start().at(55_000).close().ended();
        tape.assert_clean(KeepAliveCadence::new);
    }

    #[test]
    fn a_late_early_or_missing_websocket_ping_is_a_finding() {
        for (at, words) in [
            (150_001, "a WebSocket Ping 1ms late"),
            (149_999, "a WebSocket Ping 1ms early"),
        ] {
            let mut tape = Tape::new();
            tape.start().keep_alive(30_000, 1_000_000, at).ws_ping();
            tape.assert_says(KeepAliveCadence::new, &[words]);
        }
        let mut tape = Tape::new();
        tape.start().keep_alive(30_000, 1_000_000, 154_000);
        tape.assert_says(KeepAliveCadence::new, &["no WebSocket Ping in the last 4s"]);
    }

    #[test]
    fn a_websocket_ping_before_connected_is_a_finding() {
        let mut tape = Tape::new();
        tape.start_secured().at(40_000).ws_ping();
        tape.assert_says(
            KeepAliveCadence::new,
            &["a WebSocket Ping before its beat began"],
        );
    }

    #[test]
    fn the_beat_goes_on_while_degraded() {
        let mut tape = Tape::new();
        tape.start().keep_alive(30_000, 30_000, 100_000);
        tape.state(State::Degraded)
            .pass(1_000)
            .state(State::Connected);
        tape.keep_alive(30_000, 30_000, 600_000);
        tape.assert_clean(KeepAliveCadence::new);
    }

    #[test]
    fn suspended_time_is_left_out_of_the_beat() {
        let mut tape = Tape::new();
        tape.start().at(40_000).suspended(60_000).at(115_000);
        tape.iq_ping().iq_pong();
        tape.assert_clean(KeepAliveCadence::new);
    }

    #[test]
    fn a_ping_that_was_due_in_a_pause_goes_out_at_its_end_and_the_beat_goes_on() {
        let woken = || {
            let mut tape = Tape::new();
            tape.start().at(40_000).paused(60_000);
            tape
        };
        let mut tape = woken();
        tape.iq_ping().iq_pong().at(105_000).iq_ping().iq_pong();
        tape.at(130_000).iq_ping().iq_pong();
        tape.assert_clean(KeepAliveCadence::new);
        let mut tape = woken();
        tape.pass(1).iq_ping().iq_pong();
        tape.assert_says(KeepAliveCadence::new, &["a IQ ping 1ms late"]);
        let mut tape = woken();
        tape.iq_ping().iq_pong().iq_ping().iq_pong();
        tape.assert_says(KeepAliveCadence::new, &["a IQ ping 5s early"]);
    }

    #[test]
    fn a_process_that_dies_in_a_pause_owes_no_ping_of_it() {
        let mut tape = Tape::new();
        tape.start().at(40_000).event(Event::Paused);
        tape.at(100_000).crash().at(105_000).boot();
        tape.assert_clean(KeepAliveCadence::new);
    }

    #[test]
    fn a_crash_in_time_leaves_no_ping_missing() {
        let mut tape = Tape::new();
        tape.start().at(50_000).crash().at(55_000).boot();
        tape.disconnected(Cause::ProcessDied, None).at(500_000);
        tape.assert_clean(KeepAliveCadence::new);
    }
}

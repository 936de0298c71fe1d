//! The connection holds: it ends only for a reason that the trace shows.
//!
//! Reasons are what was *delivered to that client on that connection* and ends it, a refused connect or upgrade, the rule
//! of silence or of the zombie met, a stage that took too long, QR codes run out, the operator's stop, a revoked permit,
//! the death of the process. That a fault was active is none.

use std::collections::BTreeMap;

use squall_protocol::{Instant, Millis};

use super::link::{Link, Links};
use super::pulse::{Pulse, Pulses};
use super::tolerance::Tolerance;
use super::{Findings, Oracle};
use crate::trace::{Ask, ConnectionId, Entry, Event, Header, OrgName, Policy, Verdict};
use crate::words::{Cause, OracleName, Stage};

/// Asks of every disconnect what warrants it.
#[derive(Debug)]
pub struct Holds {
    policy: Policy,
    tolerance: Tolerance,
    own_silence: Option<Millis>,
    own_patience: Option<Millis>,
    links: Links,
    pulses: Pulses,
    orgs: BTreeMap<OrgName, Org>,
}

/// What warrants an end of an organization's session, whatever its connection received.
#[derive(Debug, Default)]
struct Org {
    /// The operator's last stop, by the client's own clock, paused time left out.
    stopped: Option<Instant>,
    revoked: bool,
    /// An attempt is under way; a process that dies now ends it.
    under_way: bool,
    died: bool,
}

/// A stop may be reported so long after it was asked: a session waits so long for the server's close frame.
const STOP_TAKES: Millis = Millis::from_secs(5);

impl Holds {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            policy: header.policy.clone(),
            tolerance: Tolerance::of(header),
            own_silence: header.claims.own_silence,
            own_patience: header.claims.own_patience,
            links: Links::new(header),
            pulses: Pulses::default(),
            orgs: BTreeMap::new(),
        }
    }

    fn org(&mut self, org: &OrgName) -> &mut Org {
        if !self.orgs.contains_key(org) {
            self.orgs.insert(org.clone(), Org::default());
        }
        self.orgs.entry(org.clone()).or_default()
    }

    /// Nothing, or why this end is not warranted.
    fn judge(
        &self,
        (now, polled): (Instant, Instant),
        org: &OrgName,
        conn: Option<ConnectionId>,
    ) -> Result<(), String> {
        if self.orgs.get(org).is_some_and(|org| org.warrants(polled)) {
            return Ok(());
        }
        let Some(conn) = conn else {
            return Err(
                "no connection, and no stop, revocation or death of the process".to_owned(),
            );
        };
        match (self.links.get(conn), self.pulses.get(conn)) {
            (Some(link), Some(pulse)) => self.ends(now, link, pulse),
            _ => Err("that connection was not open any more".to_owned()),
        }
    }

    fn ends(&self, now: Instant, link: &Link, pulse: &Pulse) -> Result<(), String> {
        let now = now + self.tolerance.near;
        let silent = match self.own_silence {
            Some(bound) => now >= pulse.received + bound,
            None => pulse.is_silent(&self.policy, now) || pulse.is_zombie(&self.policy, now),
        };
        let stage_ends = match self.own_patience {
            Some(bound) => {
                (!matches!(link.stage(), Stage::Pairing | Stage::Open)).then(|| link.dialed + bound)
            }
            None => link.stage_ends(&self.policy),
        };
        let too_long = stage_ends
            .into_iter()
            .chain(link.qr_ends())
            .any(|end| now >= end);
        if link.ending.is_some() || silent || too_long {
            return Ok(());
        }
        let mut why = format!(
            "nothing that ends it was delivered, the last thing received is {} old",
            now - pulse.received
        );
        match pulse.silent_since {
            Some(since) => why += &format!(" and the first ping after it {}", now - since),
            None => why += " and no ping was sent after it",
        }
        Err(why)
    }
}

impl Org {
    fn warrants(&self, now: Instant) -> bool {
        let stopped = self.stopped.is_some_and(|at| now <= at + STOP_TAKES);
        stopped || self.revoked || self.died
    }
}

impl Oracle for Holds {
    fn name(&self) -> OracleName {
        OracleName::Holds
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        let now = self.links.own_time(entry);
        let polled = self.links.polled_time_at(entry.at);
        self.links.observe(entry, now);
        self.pulses.observe(entry, now, &self.links);
        match &entry.event {
            Event::Dial { org, .. }
            | Event::Verdict {
                org,
                verdict: Verdict::Granted { .. },
            } => {
                *self.org(org) = Org {
                    under_way: true,
                    ..Org::default()
                };
            }
            Event::Request {
                org,
                ask: Ask::Stop,
            } if self.links.listens() => self.org(org).stopped = Some(polled),
            Event::Stopping => {
                let orgs = self.orgs.values_mut();
                orgs.for_each(|org| org.stopped = Some(polled));
            }
            Event::PermitRevoked { org, .. } => self.org(org).revoked = true,
            Event::Crashed { .. } | Event::Exited => {
                for org in self.orgs.values_mut() {
                    org.stopped = None;
                    org.died = org.under_way;
                }
            }
            Event::Disconnected {
                org,
                conn,
                cause,
                detail,
                ..
            } => {
                findings.judged(self.name());
                if let Err(why) = self.judge((now, polled), org, *conn) {
                    findings.say(self.name(), entry.at, Some(org), *conn, || {
                        let mut said = cause.to_string();
                        if !detail.is_empty() {
                            said += &format!(" ({detail})");
                        }
                        format!("ended as {said}, which nothing warrants: {why}")
                    });
                }
                // With a restart the attempt goes on, by its handoff.
                let ended = self.org(org);
                ended.under_way = *cause == Cause::RestartRequired;
                ended.died = false;
                ended.revoked = false;
                if let Some(conn) = conn {
                    self.links.take(*conn);
                    self.pulses.remove(*conn);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tape;
    use super::*;
    use crate::trace::{Message, Side};

    fn lost(tape: &mut Tape) -> &mut Tape {
        tape.disconnected(Cause::ConnectionLost, None)
    }

    #[test]
    fn a_disconnect_for_nothing_is_a_finding() {
        let mut tape = Tape::new();
        lost(tape.start().keep_alive(30_000, 30_000, 7_200_000));
        tape.assert_says(Holds::new, &["nothing that ends it was delivered"]);
    }

    #[test]
    fn what_was_sent_and_not_delivered_warrants_nothing() {
        let mut tape = Tape::new();
        tape.start().server_sends_stream_error("515");
        tape.disconnected(Cause::RateLimited, None);
        tape.assert_says(
            Holds::new,
            &["ended as rate_limited, which nothing warrants"],
        );
    }

    #[test]
    fn what_was_delivered_on_another_connection_warrants_nothing() {
        let mut tape = Tape::new();
        tape.pair().dial(2, 1, true).accepted(2);
        tape.on(1).stream_error("401");
        tape.on(2).disconnected(Cause::LoggedOut, None);
        tape.assert_says(Holds::new, &["ended as logged_out"]);
    }

    #[test]
    fn every_delivery_that_ends_a_connection_warrants_it() {
        let malformed = Message::Malformed("reserved_bit".into());
        let garbage = Message::Handshake("garbage_hello".into());
        for message in [Message::Eof, Message::Reset, malformed, garbage] {
            let mut tape = Tape::new();
            tape.start().carried(Side::Server, &message).ended();
            tape.assert_clean(Holds::new);
        }
        let mut tape = Tape::new();
        tape.start().close().ended();
        tape.assert_clean(Holds::new);
    }

    #[test]
    fn silence_warrants_an_end_from_its_bound_on_and_not_a_millisecond_sooner() {
        for (early, findings) in [(1, 1), (0, 0)] {
            let mut tape = Tape::new();
            tape.start().at(55_000).iq_ping().at(80_000).iq_ping();
            lost(tape.at(115_000 - early));
            assert_eq!(tape.judged(Holds::new).len(), findings);
        }
    }

    #[test]
    fn a_zombie_warrants_an_end_from_its_bound_on_and_not_a_millisecond_sooner() {
        for (early, findings) in [(1, 1), (0, 0)] {
            let mut tape = Tape::new();
            tape.start();
            for beat in 1..=12 {
                tape.at(30_000 + beat * 25_000).iq_ping();
                tape.carried(Side::Server, &Message::Ping(vec![]));
            }
            lost(tape.at(55_000 + 300_000 - early));
            assert_eq!(tape.judged(Holds::new).len(), findings);
        }
    }

    #[test]
    fn suspended_time_is_no_silence() {
        let mut tape = Tape::new();
        tape.start().at(55_000).iq_ping().suspended(600_000);
        lost(&mut tape);
        tape.assert_says(Holds::new, &["nothing that ends it was delivered"]);
    }

    #[test]
    fn a_subject_is_held_to_its_own_rule_of_silence() {
        for (early, findings) in [(1, 1), (0, 0)] {
            let mut tape = Tape::new();
            tape.header.claims.own_silence = Some(Millis::from_secs(35));
            lost(tape.start().at(65_000 - early));
            assert_eq!(tape.judged(Holds::new).len(), findings);
        }
    }

    #[test]
    fn a_subject_is_held_to_its_own_patience_in_every_stage_before_its_login() {
        for (early, findings) in [(1, 1), (0, 0)] {
            let mut tape = Tape::new();
            tape.header.claims.own_patience = Some(Millis::from_secs(20));
            tape.start_secured().at(50_000 - early);
            tape.disconnected(Cause::ConnectTimedOut, Some(Stage::Login));
            assert_eq!(tape.judged(Holds::new).len(), findings);
        }
    }

    #[test]
    fn a_stage_warrants_an_end_once_it_took_too_long() {
        for (early, findings) in [(1, 1), (0, 0)] {
            let mut tape = Tape::new();
            tape.start_secured().at(90_000 - early);
            tape.disconnected(Cause::ConnectTimedOut, Some(Stage::Login));
            assert_eq!(tape.judged(Holds::new).len(), findings);
        }
    }

    #[test]
    fn qr_codes_warrant_an_end_once_they_ran_out() {
        for (early, findings) in [(1, 1), (0, 0)] {
            let mut tape = Tape::new();
            tape.start_unpaired();
            tape.keep_alive(30_000, 1_000_000, 110_000 - early);
            tape.disconnected(Cause::QrExpired, Some(Stage::Pairing));
            assert_eq!(tape.judged(Holds::new).len(), findings);
        }
    }

    #[test]
    fn the_operators_stop_a_revocation_and_a_death_warrant_an_end() {
        let mut tape = Tape::new();
        tape.start().at(40_000).ask(Ask::Stop);
        tape.disconnected(Cause::Stopped, None);
        tape.granted(2).pass(30_000).revoked(2, false);
        tape.on(0).disconnected(Cause::PermitRevoked, None);
        tape.on(1).pass(8_000_000).start().pass(1_000).crash();
        tape.pass(5_000)
            .boot()
            .disconnected(Cause::ProcessDied, None);
        tape.assert_clean(Holds::new);
    }

    #[test]
    fn a_stop_that_the_client_could_not_hear_warrants_nothing() {
        let mut tape = Tape::new();
        tape.start().event(Event::Suspended).ask(Ask::Stop);
        tape.event(Event::Resumed)
            .disconnected(Cause::Stopped, None);
        tape.assert_says(Holds::new, &["ended as stopped"]);
    }

    #[test]
    fn a_pairing_without_codes_warrants_an_end_at_once() {
        let mut tape = Tape::new();
        let device = squall_protocol::Node::new("pair-device");
        tape.start_secured();
        tape.server_says(squall_protocol::Node::new("iq").child(device));
        tape.disconnected(Cause::QrExpired, Some(Stage::Pairing));
        tape.assert_clean(Holds::new);
    }

    #[test]
    fn a_bad_certificate_warrants_an_end_once_it_arrived() {
        let mut tape = Tape::new();
        tape.granted(1).at(30_000).dial(1, 1, false);
        tape.upgrade(101, None).fault("bad_certificate");
        let mut without = tape.clone();
        tape.handshake(Side::Server, "server_hello");
        tape.disconnected(Cause::HandshakeFailed, None);
        tape.assert_clean(Holds::new);
        without.disconnected(Cause::HandshakeFailed, None);
        without.assert_says(Holds::new, &["ended as handshake_failed"]);
    }

    #[test]
    fn an_end_without_a_connection_needs_a_reason_too() {
        let mut tape = Tape::new();
        tape.granted(1).disconnected(Cause::PermitRevoked, None);
        tape.assert_says(Holds::new, &["no connection, and no stop"]);
    }

    #[test]
    fn a_connection_ends_once() {
        let mut tape = Tape::new();
        tape.start().close().ended().ended();
        tape.assert_says(Holds::new, &["was not open any more"]);
    }

    #[test]
    fn a_refused_connection_or_upgrade_warrants_an_end() {
        let mut tape = Tape::new();
        tape.granted(1)
            .at(30_000)
            .dial(1, 1, false)
            .connect_refused();
        tape.disconnected(Cause::Refused, None);
        tape.granted(2).at(60_000).dial(2, 2, false);
        tape.upgrade(503, None)
            .disconnected(Cause::ServiceUnavailable, None);
        tape.assert_clean(Holds::new);
    }
}

//! Every connection is one dial of one admitted start, or the one handoff that the pairing protocol demands.

use std::collections::BTreeMap;

use squall_protocol::{Instant, Millis};

use super::stanza::is_restart_required;
use super::tolerance::Tolerance;
use super::{Findings, Oracle};
use crate::trace::{ConnectionId, Entry, Event, Header, Message, OrgName, Side, Verdict};
use crate::words::OracleName;

/// Asks of every dial which admitted start pays for it, and of every handoff whether the *server's* events demand it:
/// pair-success, then 515, on the connection before.
#[derive(Debug)]
pub struct DialAttribution {
    handoff: bool,
    /// How long a handoff may take.
    at_once: Millis,
    /// A subject with a limiter asks it again at dial time.
    confirms: bool,
    orgs: BTreeMap<OrgName, Attempt>,
    /// Dialed, and not accepted or given up yet.
    unaccepted: Vec<ConnectionId>,
}

/// The last start of an organization that was admitted.
#[derive(Debug)]
struct Attempt {
    number: u64,
    paid: Paid,
    /// The connection that it dialed last.
    conn: Option<ConnectionId>,
    pair_success: bool,
    restart_sent: bool,
    restart_delivered: Option<Instant>,
}

/// What an admitted start may still pay for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paid {
    /// Admitted; to be confirmed at dial time.
    Admitted,
    /// Confirmed: one dial.
    Confirmed,
    /// Dialed: nothing more but a handoff.
    Dialed,
    /// Handed off: nothing more.
    HandedOff,
    /// Withdrawn, revoked, or lost with the process: nothing.
    Void(&'static str),
}

impl DialAttribution {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            handoff: header.policy.handoff,
            at_once: header
                .claims
                .own_handoff
                .unwrap_or(Tolerance::of(header).near),
            confirms: header.claims.waits,
            orgs: BTreeMap::new(),
            unaccepted: Vec::new(),
        }
    }

    /// Takes the dial into the books, or says why nothing pays for it.
    fn judge(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        org: &OrgName,
        number: u64,
        handoff: bool,
    ) -> Result<(), String> {
        let Some(attempt) = self.orgs.get_mut(org) else {
            return Err("no start of this organization was ever admitted".to_owned());
        };
        let verdict = if handoff {
            attempt.hands_off(now, number, self.handoff, self.at_once)
        } else {
            attempt.dials(number, self.confirms)
        };
        // Whatever paid for it, this is the connection before the next one.
        attempt.conn = Some(conn);
        attempt.pair_success = false;
        attempt.restart_sent = false;
        attempt.restart_delivered = None;
        verdict
    }

    fn on(&mut self, conn: ConnectionId) -> Option<&mut Attempt> {
        self.orgs
            .values_mut()
            .find(|attempt| attempt.conn == Some(conn))
    }

    fn settle(&mut self, org: &OrgName, number: u64, paid: Paid) {
        if let Some(attempt) = self.orgs.get_mut(org)
            && attempt.number == number
        {
            attempt.paid = paid;
        }
    }
}

impl Attempt {
    fn dials(&mut self, number: u64, confirms: bool) -> Result<(), String> {
        if number != self.number {
            return Err(format!(
                "it belongs to attempt {number}, and the last one admitted is attempt {}",
                self.number
            ));
        }
        match self.paid {
            Paid::Confirmed => {}
            Paid::Admitted if !confirms => {}
            Paid::Admitted => {
                self.paid = Paid::Dialed;
                return Err(format!("the permit of attempt {number} was never spent"));
            }
            Paid::Dialed => return Err(format!("attempt {number} has had its dial")),
            Paid::HandedOff => {
                return Err(format!("attempt {number} has had its dial and its handoff"));
            }
            Paid::Void(why) => return Err(format!("attempt {number} {why}")),
        }
        self.paid = Paid::Dialed;
        Ok(())
    }

    fn hands_off(
        &mut self,
        now: Instant,
        number: u64,
        allowed: bool,
        at_once: Millis,
    ) -> Result<(), String> {
        if !allowed {
            return Err("the policy leaves the restart to the operator".to_owned());
        }
        if number != self.number {
            return Err(format!(
                "it continues attempt {number}, and the last one admitted is attempt {}",
                self.number
            ));
        }
        match self.paid {
            Paid::Dialed => {}
            Paid::HandedOff => return Err(format!("attempt {number} has had its handoff")),
            Paid::Admitted | Paid::Confirmed => {
                return Err(format!("attempt {number} has not dialed yet"));
            }
            Paid::Void(why) => return Err(format!("attempt {number} {why}")),
        }
        self.paid = Paid::HandedOff;
        if !self.pair_success {
            return Err("the server sent no pair-success on the connection before".to_owned());
        }
        if !self.restart_sent {
            return Err("the server sent no 515 on the connection before".to_owned());
        }
        match self.restart_delivered {
            None => Err("the 515 on the connection before has not arrived".to_owned()),
            Some(at) if now > at + at_once => Err(format!(
                "a handoff is dialed at once, and the 515 arrived {} before",
                now - at
            )),
            Some(_) => Ok(()),
        }
    }
}

impl Oracle for DialAttribution {
    fn name(&self) -> OracleName {
        OracleName::DialAttribution
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        match &entry.event {
            Event::Sent {
                conn,
                from: Side::Server,
                message: Message::Stanza(node),
            } if is_restart_required(node) => {
                if let Some(attempt) = self.on(*conn) {
                    attempt.restart_sent = attempt.pair_success;
                }
            }
            Event::Delivered {
                conn,
                to: Side::Client,
                message: Message::Stanza(node),
            } if is_restart_required(node) => {
                if let Some(attempt) = self.on(*conn) {
                    attempt.restart_delivered.get_or_insert(entry.at);
                }
            }
            Event::PairSuccess { conn, .. } => {
                if let Some(attempt) = self.on(*conn) {
                    attempt.pair_success = true;
                }
            }
            Event::Verdict {
                org,
                verdict: Verdict::Granted { attempt },
            } => {
                let conn = self.orgs.get(org).and_then(|before| before.conn);
                let attempt = Attempt {
                    number: *attempt,
                    paid: Paid::Admitted,
                    conn,
                    pair_success: false,
                    restart_sent: false,
                    restart_delivered: None,
                };
                self.orgs.insert(org.clone(), attempt);
            }
            Event::PermitSpent { org, attempt } => {
                findings.judged(self.name());
                if let Some(known) = self.orgs.get_mut(org)
                    && known.number == *attempt
                    && known.paid == Paid::Admitted
                {
                    known.paid = Paid::Confirmed;
                } else {
                    findings.say(self.name(), entry.at, Some(org), None, || {
                        format!("a permit of attempt {attempt} was spent, which has none left")
                    });
                }
            }
            Event::PermitRevoked { org, attempt, .. } => {
                self.settle(org, *attempt, Paid::Void("was revoked at its dial time"));
            }
            Event::Withdrawn { org, attempt } => {
                self.settle(org, *attempt, Paid::Void("was withdrawn"));
            }
            Event::Crashed { .. } | Event::Exited => {
                for attempt in self.orgs.values_mut() {
                    attempt.paid = Paid::Void("was lost with the process");
                }
                self.unaccepted.clear();
            }
            Event::Dial {
                conn,
                org,
                attempt,
                handoff,
            } => {
                self.unaccepted.push(*conn);
                findings.judged(self.name());
                if let Err(why) = self.judge(entry.at, *conn, org, *attempt, *handoff) {
                    findings.say(self.name(), entry.at, Some(org), Some(*conn), || {
                        let what = if *handoff { "a handoff" } else { "a dial" };
                        format!("{what} that nothing pays for: {why}")
                    });
                }
            }
            Event::Accepted { conn } => {
                findings.judged(self.name());
                match self.unaccepted.iter().position(|dialed| dialed == conn) {
                    Some(place) => drop(self.unaccepted.swap_remove(place)),
                    None => findings.say(self.name(), entry.at, None, Some(*conn), || {
                        "the server accepted a connection that nobody dialed".to_owned()
                    }),
                }
            }
            Event::ConnectRefused { conn }
            | Event::Unanswered { conn }
            | Event::Released {
                conn,
                by: Side::Client,
            } => self.unaccepted.retain(|dialed| dialed != conn),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Tape;
    use super::*;

    #[test]
    fn one_dial_of_one_admitted_start_is_paid_for() {
        let mut tape = Tape::new();
        tape.start().at(40_000).close().ended();
        tape.at(8_000_000).start();
        tape.assert_clean(DialAttribution::new);
    }

    #[test]
    fn a_second_dial_of_one_start_is_a_finding() {
        let mut tape = Tape::new();
        tape.start().at(40_000).close().ended();
        tape.at(45_000).dial(2, 1, false).accepted(2);
        tape.assert_says(DialAttribution::new, &["attempt 1 has had its dial"]);
    }

    #[test]
    fn a_dial_without_any_start_is_a_finding() {
        let mut tape = Tape::new();
        tape.at(5_000).dial(1, 0, false);
        tape.assert_says(DialAttribution::new, &["no start of this organization"]);
    }

    #[test]
    fn a_dial_of_another_attempt_is_a_finding() {
        let mut tape = Tape::new();
        tape.granted(2).at(30_000).dial(1, 1, false);
        tape.assert_says(DialAttribution::new, &["it belongs to attempt 1"]);
    }

    #[test]
    fn a_dial_whose_permit_was_not_spent_is_a_finding_where_permits_are_claimed() {
        let mut tape = Tape::new();
        tape.granted(1).at(30_000).dial(1, 1, false);
        tape.assert_says(DialAttribution::new, &["was never spent"]);
        tape.header.claims.waits = false;
        tape.assert_clean(DialAttribution::new);
    }

    #[test]
    fn a_permit_is_spent_once() {
        let mut tape = Tape::new();
        tape.granted(1).at(30_000).spent(1).spent(1);
        tape.assert_says(DialAttribution::new, &["was spent, which has none left"]);
    }

    #[test]
    fn a_start_withdrawn_revoked_or_lost_pays_for_no_dial() {
        let mut tape = Tape::new();
        tape.granted(1)
            .at(10_000)
            .withdrawn(1)
            .at(30_000)
            .dial(1, 1, false);
        tape.assert_says(DialAttribution::new, &["attempt 1 was withdrawn"]);

        let mut tape = Tape::new();
        tape.granted(1)
            .at(30_000)
            .revoked(1, true)
            .dial(1, 1, false);
        tape.assert_says(DialAttribution::new, &["attempt 1 was revoked"]);

        let mut tape = Tape::new();
        tape.granted(1).at(10_000).crash();
        tape.at(15_000).boot().at(30_000).dial(1, 1, false);
        tape.assert_says(
            DialAttribution::new,
            &["attempt 1 was lost with the process"],
        );
    }

    #[test]
    fn a_connection_that_nobody_dialed_is_a_finding() {
        let mut tape = Tape::new();
        tape.start().at(40_000).accepted(7);
        tape.assert_says(DialAttribution::new, &["that nobody dialed"]);
    }

    #[test]
    fn the_handoff_that_pairing_demands_is_paid_for_once() {
        let mut tape = Tape::new();
        tape.pair().dial(2, 1, true).accepted(2);
        tape.assert_clean(DialAttribution::new);
        tape.dial(3, 1, true).accepted(3);
        tape.assert_says(DialAttribution::new, &["attempt 1 has had its handoff"]);
    }

    #[test]
    fn a_late_handoff_is_a_finding() {
        let mut tape = Tape::new();
        tape.pair().pass(1).dial(2, 1, true);
        tape.assert_says(DialAttribution::new, &["the 515 arrived 1ms before"]);
    }

    #[test]
    fn a_handoff_without_pair_success_is_a_finding() {
        let mut tape = Tape::new();
        tape.start().at(40_000).stream_error("515").ended();
        tape.dial(2, 1, true);
        tape.assert_says(DialAttribution::new, &["no pair-success"]);
    }

    #[test]
    fn a_handoff_without_515_is_a_finding() {
        let mut tape = Tape::new();
        tape.start_unpaired().at(45_000).pair_success();
        tape.dial(2, 1, true);
        tape.assert_says(DialAttribution::new, &["no 515"]);
    }

    #[test]
    fn a_handoff_before_the_515_arrived_is_a_finding() {
        let mut tape = Tape::new();
        tape.start_unpaired().at(45_000).pair_success();
        tape.server_sends_stream_error("515").dial(2, 1, true);
        tape.assert_says(DialAttribution::new, &["has not arrived"]);
    }

    #[test]
    fn a_handoff_against_the_policy_is_a_finding() {
        let mut tape = Tape::new();
        tape.header.policy.handoff = false;
        tape.pair().dial(2, 1, true);
        tape.assert_says(
            DialAttribution::new,
            &["leaves the restart to the operator"],
        );
    }

    #[test]
    fn a_handoff_of_a_start_that_never_dialed_is_a_finding() {
        let mut tape = Tape::new();
        tape.granted(1).at(30_000).dial(1, 1, true);
        tape.assert_says(DialAttribution::new, &["has not dialed yet"]);
    }
}

//! The trace as prose, for people and snapshots: a line an event, read aloud; what is routine folds.
//!
//! Pings that are answered, late ones that recover, refusals with one cause, queries and stanzas after login are told as
//! count, first and last, in one line, when something else happens to their organization. A line carries the time of the
//! last thing that it tells. Messages in transit are not told: what matters is what arrived.

mod beat;
mod clock;
mod counted;
mod each;
mod fold;
mod log;
mod refusals;
pub(super) mod says;
mod story;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeMap;

use squall_protocol::Instant;

pub(super) use self::clock::Stamp;
use self::fold::Folds;
use super::{Ask, ConnectionId, Entry, Event, Header, Message, OrgName, Side, Verdict};
use crate::words::State;

pub use each::Each;
pub use log::Log;
pub use story::{Story, Strands};
pub use window::{Excerpt, Window};

/// Tells a trace as it happens, line by line, to `out`. Its memory is the organizations and what they last did.
#[derive(Debug)]
pub struct Prose<F> {
    teller: Teller,
    out: F,
}

impl<F: FnMut(&str)> Prose<F> {
    /// Tells the trace that begins with this header. Lines come without a line end.
    pub fn new(header: &Header, out: F) -> Self {
        Self {
            teller: Teller::new(header),
            out,
        }
    }

    /// Tells the next entry, or folds it into what will be told.
    pub fn observe(&mut self, entry: &Entry) {
        self.teller.observe(entry, &mut self.out);
    }

    /// Tells what is still folded.
    pub fn finish(mut self) {
        self.teller.flush_all(&mut self.out);
    }
}

/// Turns entries into lines.
#[derive(Debug)]
struct Teller {
    stamp: Stamp,
    orgs: BTreeMap<OrgName, Folds>,
    /// Whose connection it is: of each organization the last two.
    conns: Vec<(ConnectionId, OrgName)>,
}

impl Teller {
    fn new(header: &Header) -> Self {
        Self {
            stamp: Stamp::new(header),
            orgs: BTreeMap::new(),
            conns: Vec::new(),
        }
    }

    fn observe(&mut self, entry: &Entry, out: &mut impl FnMut(&str)) {
        let at = entry.at;
        if let Event::ClockStepped { by } = entry.event {
            self.stamp.step(by);
        }
        match &entry.event {
            Event::Sent {
                conn,
                from,
                message,
            } => {
                if *from == Side::Client {
                    self.on_message(at, *conn, message, true, out);
                }
            }
            Event::Delivered { conn, to, message } => {
                if *to == Side::Client {
                    self.on_message(at, *conn, message, false, out);
                }
            }
            Event::Accepted { conn } => {
                if let Some(folds) = self.folds_of(*conn) {
                    folds.opening(at, *conn, "accepted");
                }
            }
            Event::Request { org, ask } => match ask {
                // Told with its verdict.
                Ask::Start => {}
                Ask::Stop => self.line(at, org, "the operator stops it", out),
                Ask::ScanQr => self.line(at, org, "the operator scans the QR code", out),
            },
            Event::Verdict { org, verdict } => self.on_verdict(at, org, verdict, out),
            // Told with its dial.
            Event::PermitSpent { org, attempt } => self.folds(org).permit = Some((at, *attempt)),
            Event::Dial {
                conn,
                org,
                attempt,
                handoff,
            } => self.on_dial(at, *conn, org, *attempt, *handoff, out),
            // The pong was told.
            Event::KeepAliveOk { .. } => {}
            Event::KeepAliveLate { org } => self.folds(org).late(at),
            Event::KeepAliveRecovered { org } => {
                if !self.folds(org).recovered(at) {
                    self.line(at, org, "keep-alive recovered", out);
                }
            }
            Event::State { org, state } => self.on_state(at, org, *state, out),
            // That nothing is remembered or left is no news; nor is the timer that ends a block.
            Event::LedgerRead { remembered } if remembered.is_empty() => {}
            Event::Left { org, timers }
                if timers.is_empty()
                    || timers.len() == 1 && self.folds(org).state == Some(State::Blocked) => {}
            // Pages show what was told already; where they do not, a finding says so.
            Event::Shown { .. } => {}
            // Each is told where the client receives it.
            Event::Login { .. } | Event::LoginFailed { .. } | Event::PairSuccess { .. } => {}
            Event::Disconnected { org, .. } => {
                let said = says::event(&entry.event, at, &self.stamp);
                self.flush(org, out);
                if let Some((spent, idle)) = self.folds(org).idle_permit() {
                    self.line(spent, org, &idle, out);
                }
                if let Some(left) = self.folds(org).unanswered() {
                    self.line(at, org, &left, out);
                }
                self.line(at, org, &said, out);
            }
            event => {
                if let Event::FaultActed { fault, conn, .. } = event
                    && let Some(folds) = self.folds_of(*conn)
                    && folds.acted.replace((*fault, *conn)) == Some((*fault, *conn))
                {
                    return;
                }
                let said = says::event(event, at, &self.stamp);
                match self.whose(event) {
                    Whose::Org(org) => self.line(at, &org, &said, out),
                    Whose::Step(step) => {
                        self.flush_all(out);
                        out(&self.stamp.line(at, &format!("step {step}"), &said));
                    }
                    Whose::Process => {
                        self.flush_all(out);
                        out(&self.stamp.line(at, "process", &said));
                    }
                    Whose::Server => {
                        self.flush_all(out);
                        out(&self.stamp.line(at, "server", &said));
                    }
                    Whose::Run => {
                        self.flush_all(out);
                        out(&self.stamp.line(at, "", &said));
                    }
                }
            }
        }
    }

    fn on_message(
        &mut self,
        at: Instant,
        conn: ConnectionId,
        message: &Message,
        sent: bool,
        out: &mut impl FnMut(&str),
    ) {
        if self
            .folds_of(conn)
            .is_some_and(|folds| folds.take_in(at, conn, message, sent))
        {
            return;
        }
        let Some(said) = says::message(conn, message, sent) else {
            return;
        };
        match self.conns.iter().find(|(known, _)| *known == conn) {
            Some((_, org)) => self.line(at, &org.clone(), &said, out),
            None => out(&self.stamp.line(at, "", &said)),
        }
    }

    fn on_verdict(
        &mut self,
        at: Instant,
        org: &OrgName,
        verdict: &Verdict,
        out: &mut impl FnMut(&str),
    ) {
        match verdict {
            Verdict::Granted { attempt } => {
                self.line(at, org, &format!("start admitted: attempt {attempt}"), out);
            }
            Verdict::Denied {
                cause,
                also,
                retry_at,
            } => {
                let (stamp, folds) = (&self.stamp, self.orgs.entry(org.clone()).or_default());
                if let Some((last, told)) = folds.refused(at, *cause, also, *retry_at, stamp) {
                    out(&stamp.line(last, &format!("org {org}"), &told));
                }
            }
            Verdict::Unreachable => {
                self.line(at, org, "start: no answer, the process is not there", out);
            }
        }
    }

    fn on_dial(
        &mut self,
        at: Instant,
        conn: ConnectionId,
        org: &OrgName,
        attempt: u64,
        handoff: bool,
        out: &mut impl FnMut(&str),
    ) {
        let mut kept = 0;
        self.conns.reverse();
        self.conns.retain(|(_, whose)| {
            kept += usize::from(whose == org);
            whose != org || kept < 2
        });
        self.conns.reverse();
        self.conns.push((conn, org.clone()));
        let spent = self.folds(org).permit.take_if(|(_, of)| *of == attempt);
        let what = match (handoff, spent, attempt) {
            (true, ..) => format!("handoff of attempt {attempt}: dials {conn}"),
            (false, Some(_), _) => {
                format!("permit of attempt {attempt} spent: dials {conn}")
            }
            (false, None, 0) => format!("dials {conn} for no attempt"),
            (false, None, _) => format!("dials {conn} for attempt {attempt}"),
        };
        self.line(at, org, &what, out);
        self.folds(org).new_connection();
    }

    fn on_state(&mut self, at: Instant, org: &OrgName, state: State, out: &mut impl FnMut(&str)) {
        if !self.folds(org).is_told_by_lateness(state) {
            self.line(at, org, &format!("state: {state}"), out);
        }
        self.folds(org).state = Some(state);
    }

    /// Tells a line of this organization, what is folded first.
    fn line(&mut self, at: Instant, org: &OrgName, said: &str, out: &mut impl FnMut(&str)) {
        self.flush(org, out);
        out(&self.stamp.line(at, &format!("org {org}"), said));
    }

    fn flush(&mut self, org: &OrgName, out: &mut impl FnMut(&str)) {
        if let Some(folds) = self.orgs.get_mut(org) {
            let who = format!("org {org}");
            for (at, told) in folds.unfold(&self.stamp) {
                out(&self.stamp.line(at, &who, &told));
            }
        }
    }

    fn flush_all(&mut self, out: &mut impl FnMut(&str)) {
        let mut all = Vec::new();
        for (org, folds) in &mut self.orgs {
            let told = folds.unfold(&self.stamp);
            for (at, told) in told.into_iter().chain(folds.idle_permit()) {
                all.push((at, self.stamp.line(at, &format!("org {org}"), &told)));
            }
        }
        all.sort_by_key(|(at, _)| *at);
        all.iter().for_each(|(_, line)| out(line));
    }

    fn folds(&mut self, org: &OrgName) -> &mut Folds {
        self.orgs.entry(org.clone()).or_default()
    }

    fn folds_of(&mut self, conn: ConnectionId) -> Option<&mut Folds> {
        let (_, org) = self.conns.iter().rev().find(|(known, _)| *known == conn)?;
        self.orgs.get_mut(org)
    }

    fn whose(&self, event: &Event) -> Whose {
        let conn = match event {
            Event::PermitRevoked { org, .. }
            | Event::Withdrawn { org, .. }
            | Event::Qr { org, .. }
            | Event::Alert { org: Some(org), .. }
            | Event::Left { org, .. }
            | Event::PhoneScanned { org }
            | Event::ScanRefused { org }
            | Event::Revoked { org }
            | Event::Penalty { org, .. } => return Whose::Org(org.clone()),
            Event::FaultOn { fault, .. } | Event::FaultOff { fault, .. } => {
                return Whose::Step(fault.step);
            }
            Event::ConnectRefused { conn }
            | Event::Unanswered { conn }
            | Event::Released { conn, .. }
            | Event::UnknownStanza { conn, .. }
            | Event::FaultActed { conn, .. } => conn,
            Event::ServerDown | Event::ServerUp => return Whose::Server,
            Event::SecretFound { .. } | Event::End => return Whose::Run,
            _ => return Whose::Process,
        };
        match self.conns.iter().find(|(known, _)| known == conn) {
            Some((_, org)) => Whose::Org(org.clone()),
            None => Whose::Run,
        }
    }
}

/// Whom a line is about.
enum Whose {
    Org(OrgName),
    Step(u32),
    Process,
    Server,
    Run,
}

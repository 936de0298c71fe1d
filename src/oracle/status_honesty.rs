//! The session's word on itself is true when it is said, and a time told to come back is kept.

mod pages;

use std::collections::BTreeMap;

use squall_protocol::Instant;

use super::limiter_time::LimiterClock;
use super::link::Links;
use super::pulse::Pulses;
use super::tolerance::Tolerance;
use super::{Findings, Oracle};
use crate::trace::{ConnectionId, Entry, Event, Header, OrgName, Policy, Side, Verdict};
use crate::words::{Cause, Denial, OracleName, State};

use pages::Pages;

/// Holds what a session says of itself against what its client has seen. `connected` and `degraded` are said of the
/// newest connection alone, never before its `<success>` was delivered, and no longer than to the millisecond of what
/// ended it; where nothing ended it but it is dead all the same, no longer than the rules of silence (85 s) and of the
/// zombie (325 s) allow. A session that has no such rules, or slower ones, says `connected` of a dead connection.
///
/// A refusal that names an instant to come back at is held to it: the same start asked then, or later, is granted, and
/// until then each refusal names the same instant, as long as nothing happened that moves it: an admission, an end of
/// that organization's, an attempt given back, a suspend, a wall clock that is set, a boot that moves the limiter's time
/// against the wall clock (it goes on from the mark in the store where the wall clock is behind that). Paused time is left out of how long
/// `connected` may still be said.
///
/// What it judges so is the machine's own word, as the engine hears it. Where the subject has an HTTP API, its pages are
/// held against that word and against each other: what is asked for at one instant shows one state, `connected` where the
/// session is so and nowhere else, the last end's cause, and the answer that a start gets at that instant, with its
/// `retry_at` and its Retry-After.
#[derive(Debug)]
pub struct StatusHonesty {
    policy: Policy,
    tolerance: Tolerance,
    links: Links,
    pulses: Pulses,
    orgs: BTreeMap<OrgName, Said>,
    /// Follows the wall clock that people look at, too.
    limiter: LimiterClock,
    pages: Pages,
    /// By how much the limiter's time was ahead of the wall clock when the process died.
    lead: Option<i64>,
    /// Before this nothing that is said can have become untrue.
    next: Instant,
}

/// What an organization's session says, and of what.
#[derive(Debug, Default)]
struct Said {
    conn: Option<ConnectionId>,
    /// Since when it has none.
    without: Option<Instant>,
    connected: bool,
    told: bool,
    retry_at: Option<i64>,
}

impl StatusHonesty {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            policy: header.policy.clone(),
            tolerance: Tolerance::of(header),
            links: Links::new(header),
            pulses: Pulses::default(),
            orgs: BTreeMap::new(),
            limiter: LimiterClock::new(header),
            pages: Pages::new(header),
            lead: None,
            next: Instant::NEVER,
        }
    }

    fn said(&mut self, org: &OrgName) -> &mut Said {
        self.orgs.entry(org.clone()).or_default()
    }

    /// Tells of everybody who says `connected` and was to say something else before `now`.
    fn sweep(&mut self, now: Instant, at: Instant, findings: &mut Findings) {
        self.next = Instant::NEVER;
        for (org, said) in &mut self.orgs {
            if !said.connected || said.told {
                continue;
            }
            let (due, what) = true_until(&self.policy, &self.links, &self.pulses, said);
            if now > due + self.tolerance.late {
                said.told = true;
                findings.judged(OracleName::StatusHonesty);
                findings.say(OracleName::StatusHonesty, at, Some(org), said.conn, || {
                    format!("still says connected, and {what}: that was to be said at {due} by its own clock")
                });
            } else {
                self.next = self.next.min(due);
            }
        }
    }

    fn says(
        &mut self,
        entry: &Entry,
        now: Instant,
        org: &OrgName,
        state: State,
        findings: &mut Findings,
    ) -> Option<String> {
        let said = self.said(org);
        let newly =
            state.is_connected() && !std::mem::replace(&mut said.connected, state.is_connected());
        said.connected = state.is_connected();
        if !newly {
            return None;
        }
        findings.judged(OracleName::StatusHonesty);
        said.told = false;
        let conn = said.conn;
        let link = conn.and_then(|conn| self.links.get(conn));
        let why = match link {
            None => Some("no connection of it is open"),
            Some(link) if link.success.is_none() => {
                Some("the server's <success> was not delivered")
            }
            Some(_) => None,
        };
        if why.is_some() {
            self.said(org).told = true;
        }
        self.next = self.next.min(now);
        why.map(|why| format!("says {state} at {}, and {why}", entry.at))
    }

    fn refused(
        &mut self,
        at: Instant,
        org: &OrgName,
        cause: Denial,
        retry_at: Option<i64>,
        findings: &mut Findings,
    ) -> Option<String> {
        let wall = self.limiter.wall(at);
        let told = std::mem::replace(&mut self.said(org).retry_at, retry_at)?;
        findings.judged(OracleName::StatusHonesty);
        if wall >= told {
            return Some(format!(
                "was told to come back by now, and is refused by {cause}"
            ));
        }
        let near = self.tolerance.near.get();
        retry_at
            .is_none_or(|again| again.abs_diff(told) > near)
            .then(|| {
                "is told another time to come back than before, and nothing happened in between"
                    .to_owned()
            })
    }

    /// Something happened after which other times to come back are true.
    fn forget_times(&mut self, of: Option<&OrgName>) {
        for (org, said) in &mut self.orgs {
            if of.is_none_or(|of| of == org) {
                said.retry_at = None;
            }
        }
    }

    fn verdict(
        &mut self,
        at: Instant,
        org: &OrgName,
        verdict: &Verdict,
        findings: &mut Findings,
    ) -> Option<String> {
        match verdict {
            Verdict::Granted { .. } => self.forget_times(None),
            Verdict::Denied {
                cause, retry_at, ..
            } if *cause != Denial::AlreadyActive => {
                return self.refused(at, org, *cause, *retry_at, findings);
            }
            Verdict::Denied { .. } | Verdict::Unreachable => {}
        }
        None
    }
}

/// Until when a session that says `connected` does so in truth, by the client's own clock, if nothing more happens; and
/// what is the matter then.
fn true_until(
    policy: &Policy,
    links: &Links,
    pulses: &Pulses,
    said: &Said,
) -> (Instant, &'static str) {
    let open = said
        .conn
        .and_then(|conn| Some((links.get(conn)?, pulses.get(conn)?)));
    let Some((link, pulse)) = open else {
        return (
            said.without.unwrap_or(Instant::START),
            "its connection has ended",
        );
    };
    if let Some(ending) = &link.ending {
        return (links.polled_time_at(ending.at), ending.what);
    }
    let (Some(_), Some(secured)) = (link.success, link.secured) else {
        return (link.dialed, "its newest connection is not logged in");
    };
    let silence = pulse.silence_noticed_by(policy, secured);
    let zombie = pulse.zombie_noticed_by(policy, secured);
    if silence <= zombie {
        (silence, "nothing is heard any more")
    } else {
        (zombie, "no ping is answered any more")
    }
}

impl Oracle for StatusHonesty {
    fn name(&self) -> OracleName {
        OracleName::StatusHonesty
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        let now = self.links.polled_time(entry);
        if now > self.next {
            self.sweep(now, entry.at, findings);
        }
        self.links.observe(entry, now);
        self.pulses.observe(entry, now, &self.links);
        let own = self.links.own_time_at(entry.at);
        self.limiter.observe(entry, own);
        if let Some((org, wrong)) = self
            .pages
            .observe(&entry.event, self.limiter.wall(entry.at))
        {
            findings.judged(self.name());
            for why in wrong {
                findings.say(self.name(), entry.at, Some(&org), None, || why);
            }
        }
        match &entry.event {
            Event::Delivered {
                conn,
                to: Side::Client,
                ..
            } if self
                .links
                .get(*conn)
                .is_some_and(|link| link.ending.is_some()) =>
            {
                self.next = self.next.min(now);
            }
            Event::Sent {
                conn,
                from: Side::Client,
                ..
            } => {
                // From the first ping after a sign of life on, its death may be due sooner.
                let pulse = self.pulses.get(*conn);
                if pulse.is_some_and(|pulse| pulse.silent_since == Some(now)) {
                    self.next = self.next.min(now + self.policy.dead_after);
                }
            }
            Event::Dial { conn, org, .. } => {
                self.said(org).conn = Some(*conn);
                self.next = self.next.min(now);
            }
            Event::Disconnected {
                org,
                conn,
                cause,
                block,
                ..
            } => {
                if let Some(conn) = conn {
                    self.links.take(*conn);
                    self.pulses.remove(*conn);
                }
                let said = self.said(org);
                if said.conn == *conn {
                    said.conn = None;
                    said.without = Some(now);
                }
                let is_ban = *cause == Cause::TemporaryBan;
                let all = self.policy.block_all && block.is_some() && !is_ban;
                self.forget_times((!all).then_some(org));
                self.next = self.next.min(now);
            }
            Event::State { org, state } => {
                if let Some(why) = self.says(entry, now, org, *state, findings) {
                    let conn = self.said(org).conn;
                    findings.say(self.name(), entry.at, Some(org), conn, || why);
                }
            }
            Event::Verdict { org, verdict } => {
                if let Some(why) = self.verdict(entry.at, org, verdict, findings) {
                    findings.say(self.name(), entry.at, Some(org), None, || why);
                }
            }
            Event::Withdrawn { .. } => self.forget_times(None),
            // What people are told moves with the clock that they look at.
            Event::Suspended | Event::Resumed | Event::ClockStepped { .. } => {
                self.forget_times(None);
            }
            Event::Booted => {
                let lead = self.limiter.lead(entry.at, own);
                if self.lead.take().is_some_and(|before| before != lead) {
                    self.forget_times(None);
                }
            }
            Event::Crashed { .. } | Event::Exited => {
                self.lead = Some(self.limiter.lead(entry.at, own));
                // Nobody says anything any more.
                for said in self.orgs.values_mut() {
                    *said = Said {
                        retry_at: said.retry_at,
                        ..Said::default()
                    };
                }
            }
            _ => {}
        }
    }

    fn finish(&mut self, end: Instant, findings: &mut Findings) {
        self.sweep(self.links.polled_time_at(end), end, findings);
    }
}

#[cfg(test)]
mod tests;

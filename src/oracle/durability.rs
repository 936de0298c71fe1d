//! After a crash the limiter remembers every admitted attempt, failure and block.

use std::collections::{BTreeMap, VecDeque};

use squall_protocol::{Instant, Millis};

use super::clock::OwnClock;
use super::limiter_time::LimiterClock;
use super::{Finding, Findings, Oracle};
use crate::trace::{Entry, Event, Header, OrgName, Per, Policy, Remembered, Verdict};
use crate::words::{Cause, OracleName};

/// Keeps what was admitted, what failed and what was blocked before a boot, and holds two things against it: what the
/// engine then reads in the store, and whom the limiter admits. The first finds what was forgotten before it does harm;
/// the second needs no view of the store.
///
/// A store that was lost remembers nothing, so the process must refuse to start: a start on a new, empty one would be a
/// finding. A store that is there is no reason to refuse.
///
/// It goes by what the subject itself said of its failures and blocks; whether that was right, `classification` and
/// `limiter_shadow` say. Its time is the limiter's, as in `limiter_shadow`.
#[derive(Debug)]
pub struct Durability {
    policy: Policy,
    clock: OwnClock,
    limiter: LimiterClock,
    orgs: BTreeMap<OrgName, Known>,
    blocked_all: Option<(Instant, Life)>,
    life: Life,
    store_lost: bool,
}

/// A civil day of the clocks' change in autumn.
const LONGEST_DAY: Millis = Millis::from_hours(25);

/// Which life of the process: the number of its boots.
type Life = u32;

#[derive(Debug, Default)]
struct Known {
    /// Oldest first.
    attempts: VecDeque<Attempt>,
    failed: Option<(Instant, Life)>,
    blocked_until: Option<(Instant, Life)>,
}

impl Known {
    /// Whether there is anything that a store could forget.
    fn is_anything(&self) -> bool {
        !self.attempts.is_empty() || self.failed.is_some() || self.blocked_until.is_some()
    }
}

#[derive(Debug)]
struct Attempt {
    number: u64,
    admitted: Instant,
    /// Its permit's time has come: it can no longer be given back.
    spent: bool,
    life: Life,
}

impl Durability {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        let known = |org: &OrgName| (org.clone(), Known::default());
        Self {
            policy: header.policy.clone(),
            clock: OwnClock::default(),
            limiter: LimiterClock::new(header),
            orgs: header.organizations.keys().map(known).collect(),
            blocked_all: None,
            life: 0,
            store_lost: false,
        }
    }

    /// An attempt counts for so long at the most; after that nobody needs to remember it.
    fn longest_window(&self) -> Millis {
        let own = match self.policy.per_org.1 {
            Per::Rolling(per) => per,
            Per::Calendar(_) => LONGEST_DAY,
        };
        self.policy.global.1.max(own)
    }

    fn admitted(&mut self, now: Instant, org: &OrgName, number: u64) -> Option<String> {
        let forgotten = self.stood_from_before(now, org);
        let window = self.longest_window();
        let attempts = &mut self.known(org).attempts;
        while attempts
            .front()
            .is_some_and(|oldest| oldest.admitted + window <= now)
        {
            attempts.pop_front();
        }
        let life = self.life;
        self.known(org).attempts.push_back(Attempt {
            number,
            admitted: now,
            spent: false,
            life,
        });
        forgotten.map(|rule| format!("a start was admitted as if the crash had wiped out {rule}"))
    }

    /// What keeps this organization out by itself and is older than the last boot.
    fn stood_from_before(&self, now: Instant, org: &OrgName) -> Option<String> {
        let nothing = Known::default();
        let known = self.orgs.get(org).unwrap_or(&nothing);
        let older = |since: Option<(Instant, Life)>| {
            since
                .filter(|(_, life)| *life < self.life)
                .map(|(at, _)| at)
        };
        let blocked = older(known.blocked_until).max(older(self.blocked_all));
        if let Some(until) = blocked.filter(|until| *until > now) {
            return Some(format!("a block that stands for {} more", until - now));
        }
        if let Some(failed) = older(known.failed)
            && failed + self.policy.cooldown > now
        {
            return Some(format!("the failure of {} ago", now - failed));
        }
        let count = |known: &Known, per: Millis| {
            let attempts = known.attempts.iter();
            let older = attempts.filter(|attempt| attempt.life < self.life);
            older.filter(|attempt| attempt.admitted + per > now).count()
        };
        let full = |count: usize, max: u32| usize::try_from(max).is_ok_and(|max| count >= max);
        let ((own, per), all) = (&self.policy.per_org, self.policy.global);
        // How many a civil day holds, `limiter_shadow` counts.
        if let Per::Rolling(per) = per {
            let of_own = count(known, *per);
            if of_own > 0 && full(of_own, *own) {
                return Some(format!("its {of_own} attempts of the last {per}"));
            }
        }
        let of_all = self.orgs.values().map(|known| count(known, all.1)).sum();
        if of_all > 0 && full(of_all, all.0) {
            return Some(format!("all {of_all} attempts of the last {}", all.1));
        }
        None
    }

    /// What this organization's part of the store has forgotten.
    fn forgotten(&self, now: Instant, known: &Known, store: &Remembered) -> Vec<String> {
        let mut forgotten = Vec::new();
        let window = self.longest_window();
        for attempt in &known.attempts {
            let age = now - attempt.admitted;
            if age >= window {
                continue;
            }
            let number = attempt.number;
            let stored = store.attempts.iter().find(|(stored, _)| *stored == number);
            match stored {
                None => forgotten.push(format!(
                    "attempt {number}, admitted {age} ago, is forgotten"
                )),
                Some((_, stored)) if *stored > age => forgotten.push(format!(
                    "attempt {number}, admitted {age} ago, is remembered as {stored} old"
                )),
                Some(_) => {}
            }
        }
        if let Some(age) = known.failed.map(|(at, _)| now - at)
            && age < self.policy.cooldown
            && store.failed.is_none_or(|stored| stored > age)
        {
            forgotten.push(format!("the failure of {age} ago is forgotten"));
        }
        let blocked = known.blocked_until.max(self.blocked_all);
        if let Some((until, _)) = blocked.filter(|(until, _)| *until > now) {
            let left = until - now;
            match store.blocked {
                None => forgotten.push(format!("a block that stands for {left} more is forgotten")),
                Some(stored) if stored < left => forgotten.push(format!(
                    "a block that stands for {left} more is remembered as {stored}"
                )),
                Some(_) => {}
            }
        }
        forgotten
    }

    fn read(
        &self,
        entry: &Entry,
        now: Instant,
        remembered: &BTreeMap<OrgName, Remembered>,
        findings: &mut Findings,
    ) {
        let nothing = Remembered::default();
        for (org, known) in &self.orgs {
            if known.is_anything() {
                findings.judged(OracleName::Durability);
            }
            let store = remembered.get(org).unwrap_or(&nothing);
            for message in self.forgotten(now, known, store) {
                findings.add(Finding {
                    oracle: OracleName::Durability,
                    at: entry.at,
                    org: Some(org.clone()),
                    conn: None,
                    message,
                });
            }
        }
    }

    fn known(&mut self, org: &OrgName) -> &mut Known {
        self.orgs.entry(org.clone()).or_default()
    }

    /// A session ended with this cause, which is a failure or none, and blocks for so long or not at all.
    fn ended(
        &mut self,
        now: Instant,
        org: &OrgName,
        cause: Cause,
        (failure, block): (bool, Option<Millis>),
    ) {
        let life = self.life;
        if failure {
            self.known(org).failed = Some((now, life));
        }
        if let Some(length) = block {
            let until = Some((now + length, life));
            if self.policy.block_all && cause != Cause::TemporaryBan {
                self.blocked_all = self.blocked_all.max(until);
            }
            let known = self.known(org);
            known.blocked_until = known.blocked_until.max(until);
        }
    }
}

impl Oracle for Durability {
    fn name(&self) -> OracleName {
        OracleName::Durability
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        let own = self.clock.observe(entry);
        self.limiter.observe(entry, own);
        let now = self.limiter.at(own);
        match &entry.event {
            Event::Verdict {
                org,
                verdict: Verdict::Granted { attempt },
            } => {
                if let Some(why) = self.admitted(now, org, *attempt) {
                    findings.judged(self.name());
                    findings.say(self.name(), entry.at, Some(org), None, || why);
                }
            }
            Event::PermitSpent { org, attempt } => {
                let attempts = self.known(org).attempts.iter_mut().rev();
                if let Some(own) = { attempts }.find(|own| own.number == *attempt) {
                    own.spent = true;
                }
            }
            Event::Withdrawn { org, attempt } => self
                .known(org)
                .attempts
                .retain(|own| own.number != *attempt || own.spent),
            Event::Disconnected {
                org,
                cause,
                failure,
                block,
                ..
            } => self.ended(now, org, *cause, (*failure, *block)),
            Event::Crashed { store } => self.store_lost |= store == "lost",
            Event::Booted => {
                self.life += 1;
                if self.store_lost {
                    findings.judged(self.name());
                    findings.say(self.name(), entry.at, None, None, || {
                        "booted without its store, and so without every attempt, failure and block: it was to refuse"
                            .to_owned()
                    });
                }
            }
            Event::RefusedToStart { .. } if self.store_lost => findings.judged(self.name()),
            Event::RefusedToStart { why } => {
                findings.judged(self.name());
                findings.say(self.name(), entry.at, None, None, || {
                    format!("refused to start, and its store is there: {why}")
                });
            }
            Event::StartedTwice { refused } => {
                findings.judged(self.name());
                if refused.is_none() {
                    findings.say(self.name(), entry.at, None, None, || {
                        "started beside another process on the same store: each forgets what the other admits"
                            .to_owned()
                    });
                }
            }
            Event::LedgerRead { remembered } if !self.store_lost => {
                self.read(entry, now, remembered, findings);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;

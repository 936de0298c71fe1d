//! Each start-session: what the limiter said, with the room that its quotas had, and what came of it.

use std::collections::BTreeMap;

use serde::Serialize;
use squall_protocol::{Instant, Millis};

use crate::trace::{Ask, Event, OrgName, Per, Policy, Verdict};
use crate::words::Denial;

/// One start-session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// When.
    pub at: Instant,
    /// For whom.
    pub org: OrgName,
    /// What the subject said.
    pub answer: Answer,
    /// Attempts of all organizations in the window before it.
    pub global: Room,
    /// Attempts of this one in its window; none where the window is a civil day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_org: Option<Room>,
}

/// How full a quota was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// So many attempts were in the window.
    pub used: usize,
    /// So many may be.
    pub max: u32,
    /// How long the window is.
    pub per: Millis,
}

/// What the subject said to a start-session, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Admitted.
    Granted {
        /// The attempt's number.
        attempt: u64,
        /// When the permit was spent.
        #[serde(skip_serializing_if = "Option::is_none")]
        spent: Option<Instant>,
        /// When it was taken back or given back, and why.
        #[serde(skip_serializing_if = "Option::is_none")]
        undone: Option<(Instant, &'static str)>,
        /// The connections that were dialed for it.
        dials: Vec<u64>,
    },
    /// Refused.
    Denied {
        /// The rule that frees last.
        cause: Denial,
        /// The other rules in the way.
        also: Vec<Denial>,
        /// When it would be granted, in milliseconds of the Unix epoch by the wall clock told.
        retry_at: Option<i64>,
    },
    /// Nobody was there to answer.
    Unreachable,
}

/// The ledger as it grows.
#[derive(Debug)]
pub(super) struct Ledger {
    global: (u32, Millis),
    per_org: Option<(u32, Millis)>,
    /// Who asked last and waits for the answer.
    asks: BTreeMap<OrgName, Instant>,
    asked: Vec<Asked>,
    /// Where in `asked` each attempt stands.
    attempts: BTreeMap<(OrgName, u64), usize>,
    /// Attempts that count.
    counted: Vec<(Instant, OrgName, u64)>,
}

impl Ledger {
    pub(super) fn new(policy: &Policy) -> Self {
        Self {
            global: policy.global,
            per_org: match &policy.per_org {
                (max, Per::Rolling(per)) => Some((*max, *per)),
                (_, Per::Calendar(_)) => None,
            },
            asks: BTreeMap::new(),
            asked: Vec::new(),
            attempts: BTreeMap::new(),
            counted: Vec::new(),
        }
    }

    pub(super) fn hear(&mut self, at: Instant, event: &Event) {
        match event {
            Event::Request {
                org,
                ask: Ask::Start,
            } => {
                self.asks.insert(org.clone(), at);
            }
            Event::Verdict { org, verdict } => self.answer(at, org, verdict),
            Event::PermitSpent { org, attempt } => {
                if let Some(Answer::Granted { spent, .. }) = self.granted(org, *attempt) {
                    *spent = Some(at);
                }
            }
            Event::PermitRevoked {
                org,
                attempt,
                blocked,
            } => {
                let why = if *blocked {
                    "revoked: blocked"
                } else {
                    "revoked: too late"
                };
                self.undo(at, org, *attempt, why);
            }
            Event::Withdrawn { org, attempt } => {
                self.undo(at, org, *attempt, "given back");
                self.counted
                    .retain(|(_, whose, number)| (whose, number) != (org, attempt));
            }
            Event::Dial {
                conn, org, attempt, ..
            } => {
                if let Some(Answer::Granted { dials, .. }) = self.granted(org, *attempt) {
                    dials.push(conn.0);
                }
            }
            _ => {}
        }
    }

    pub(super) fn finish(self) -> Vec<Asked> {
        self.asked
    }

    fn answer(&mut self, at: Instant, org: &OrgName, verdict: &Verdict) {
        let at = self.asks.remove(org).unwrap_or(at);
        let answer = match verdict {
            Verdict::Granted { attempt } => Answer::Granted {
                attempt: *attempt,
                spent: None,
                undone: None,
                dials: Vec::new(),
            },
            Verdict::Denied {
                cause,
                also,
                retry_at,
            } => Answer::Denied {
                cause: *cause,
                also: also.clone(),
                retry_at: *retry_at,
            },
            Verdict::Unreachable => Answer::Unreachable,
        };
        let (max, per) = self.global;
        let global = self.room(at, max, per, None);
        let per_org = self
            .per_org
            .map(|(max, per)| self.room(at, max, per, Some(org)));
        if let Verdict::Granted { attempt } = verdict {
            self.attempts
                .insert((org.clone(), *attempt), self.asked.len());
            self.counted.push((at, org.clone(), *attempt));
        }
        self.asked.push(Asked {
            at,
            org: org.clone(),
            answer,
            global,
            per_org,
        });
    }

    /// The window is half open: an attempt exactly so long ago counts no more.
    fn room(&self, at: Instant, max: u32, per: Millis, of: Option<&OrgName>) -> Room {
        let recent = self.counted.iter().rev();
        let inside = recent.take_while(|(then, ..)| at.since(*then) < per);
        let used = inside.filter(|(_, org, _)| of.is_none_or(|of| of == org));
        Room {
            used: used.count(),
            max,
            per,
        }
    }

    fn granted(&mut self, org: &OrgName, attempt: u64) -> Option<&mut Answer> {
        let place = self.attempts.get(&(org.clone(), attempt))?;
        self.asked.get_mut(*place).map(|asked| &mut asked.answer)
    }

    fn undo(&mut self, at: Instant, org: &OrgName, attempt: u64, why: &'static str) {
        if let Some(Answer::Granted { undone, .. }) = self.granted(org, attempt) {
            *undone = Some((at, why));
        }
    }
}

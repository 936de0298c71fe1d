//! The limiter's rules, written again: too much is a finding, and so is too little.
//!
//! Too much is a start admitted that a rule keeps out, a dial before its wait or in a block, a dial that no admission
//! pays for. Too little is a refusal, or a revocation, that the rules do not ask for. A refusal also names the right
//! cause and the right instant to come back, to the millisecond.

mod book;

use squall_protocol::{Instant, Millis};

use self::book::{Book, Standing};
use super::ending::{blocks, fails};
use super::link::Links;
use super::{Findings, Oracle};
use crate::trace::{ConnectionId, Entry, Event, Header, OrgName, Policy, Verdict};
use crate::words::{Cause, Denial, OracleName};

/// Keeps a limiter's book of its own from the requests, verdicts, dials and disconnects of the trace.
///
/// Its time is the client's monotonic time within one life of the process, and the wall clock's from one life to the
/// next: so a suspend lengthens every window, and a crash does not.
#[derive(Debug)]
pub struct LimiterShadow {
    policy: Policy,
    /// The subject claims the wait before a dial.
    waits: bool,
    /// The wall clock at the start of the run, in milliseconds of the Unix epoch.
    starts: i64,
    links: Links,
    book: Book,
}

/// A dial later than this after its wait, by either clock, is not to happen: the permit is revoked.
const LATEST: Millis = Millis::from_secs(30);

impl LimiterShadow {
    /// For the trace that begins with this header.
    pub fn new(header: &Header) -> Self {
        Self {
            policy: header.policy.clone(),
            waits: header.claims.waits,
            starts: header.starts.as_millisecond(),
            links: Links::new(header),
            book: Book::new(&header.policy),
        }
    }

    fn granted(
        &mut self,
        at: Instant,
        now: Instant,
        org: &OrgName,
        attempt: u64,
    ) -> Result<(), String> {
        let verdict = if self.book.is_active(org) {
            Err(format!("{} was to refuse it", Denial::AlreadyActive))
        } else {
            let standing = self.book.standing(org, now);
            if standing.is_empty() {
                Ok(())
            } else {
                Err(told(&standing, now))
            }
        };
        self.book.admit(org, attempt, now, at);
        verdict.map_err(|why| format!("a start was admitted too many: {why}"))
    }

    fn denied(
        &mut self,
        at: Instant,
        now: Instant,
        org: &OrgName,
        cause: Denial,
        also: &[Denial],
        retry_at: Option<i64>,
    ) -> Result<(), String> {
        if cause == Denial::StoreUnavailable {
            return Err("refused for its store, and the store was healthy".to_owned());
        }
        let mut standing = self.book.standing(org, now);
        let right_retry;
        if self.book.is_active(org) {
            if cause != Denial::AlreadyActive {
                return Err(format!(
                    "refused by {cause}, but it was {}",
                    Denial::AlreadyActive
                ));
            }
            right_retry = None;
            // Whether the rules that stand too are told along with it is left to the subject.
            if also.is_empty() {
                standing.clear();
            }
        } else {
            // The rule that frees last, ties in the order of the table.
            let mut last = 0;
            for (place, rule) in standing.iter().enumerate() {
                if rule.frees > standing[last].frees {
                    last = place;
                }
            }
            if standing.is_empty() {
                return Err(format!("refused by {cause}, but no rule stood in the way"));
            }
            let decisive = standing.remove(last);
            if cause != decisive.rule {
                standing.push(decisive);
                return Err(format!("refused by {cause}, but {}", told(&standing, now)));
            }
            right_retry =
                (decisive.frees != Instant::NEVER).then(|| self.wall(at, decisive.frees - now));
        }
        let mut said = also.to_vec();
        said.sort_unstable();
        if !said
            .iter()
            .copied()
            .eq(standing.iter().map(|standing| standing.rule))
        {
            let names: Vec<_> = also.iter().map(|rule| rule.name()).collect();
            return Err(format!(
                "refused by {cause} and also by {}, but what else stood was: {}",
                if names.is_empty() {
                    "nothing".to_owned()
                } else {
                    names.join(", ")
                },
                told(&standing, now)
            ));
        }
        if retry_at != right_retry {
            return Err(wrong_retry(retry_at, right_retry));
        }
        Ok(())
    }

    /// So long after `at`, as the wall clock shows it.
    fn wall(&self, at: Instant, later: Millis) -> i64 {
        let since = (at + later).since_start().get();
        self.starts.saturating_add_unsigned(since)
    }

    fn dialed(
        &mut self,
        entry: &Entry,
        now: Instant,
        org: &OrgName,
        conn: ConnectionId,
        attempt: u64,
        handoff: bool,
    ) -> Result<(), String> {
        let block = self.book.block(org, now, self.policy.block_all && !handoff);
        let known = self.book.attempt(org, attempt);
        let pays = known.as_ref().is_some_and(|known| {
            if handoff {
                known.dialed && !known.handed_off
            } else {
                !known.dialed && !known.void
            }
        });
        if !pays {
            // Nothing pays for it: it is a start that no limiter was asked about, and counts as one.
            let standing = self.book.standing(org, now);
            let held = if standing.is_empty() {
                String::new()
            } else {
                format!(", and {}", told(&standing, now))
            };
            self.book.rogue(org, attempt, now, entry.at, conn);
            let what = if handoff { "handoff" } else { "dial" };
            return Err(format!("a {what} that no admission pays for{held}"));
        }
        let Some(known) = known else { return Ok(()) };
        known.conn = Some(conn);
        known.open = true;
        if handoff {
            known.handed_off = true;
        } else {
            known.dialed = true;
        }
        let (admitted, admitted_at) = (known.admitted, known.admitted_at);
        if let Some(until) = block {
            return Err(format!("dialed in a block that ends in {}", until - now));
        }
        if self.waits && !handoff {
            let due = admitted + self.policy.delay;
            if now < due {
                return Err(format!("dialed {} before its wait was over", due - now));
            }
            let latest = admitted_at + self.policy.delay + LATEST;
            if entry.at > latest {
                return Err(format!(
                    "dialed {} after its wait: more than {LATEST} late is revoked",
                    entry.at - (admitted_at + self.policy.delay)
                ));
            }
        }
        Ok(())
    }

    fn revoked(
        &mut self,
        at: Instant,
        now: Instant,
        org: &OrgName,
        attempt: u64,
        blocked: bool,
    ) -> Result<(), String> {
        let block = self.book.block(org, now, self.policy.block_all);
        let delay = self.policy.delay;
        let Some(known) = self.book.attempt(org, attempt) else {
            return Err(format!(
                "attempt {attempt} was revoked, which was never admitted"
            ));
        };
        known.void = true;
        known.open = false;
        let late = at > known.admitted_at + delay + LATEST;
        match (blocked, block.is_some(), late) {
            (true, true, _) | (false, _, true) => Ok(()),
            (true, false, _) => Err("a permit was revoked for a block, and none stood".to_owned()),
            (false, _, false) => Err(format!(
                "a permit was revoked as late, and it was within {LATEST} of its time"
            )),
        }
    }

    fn ended(
        &mut self,
        now: Instant,
        org: &OrgName,
        conn: Option<ConnectionId>,
        attempt: u64,
        said: Cause,
    ) {
        // What was delivered counts, not what the subject makes of it.
        let ending = conn
            .and_then(|conn| self.links.take(conn))
            .and_then(|link| link.ending);
        let (cause, stay_away) = match ending {
            Some(ending) => (ending.cause, ending.stay_away),
            None => (said, Millis::ZERO),
        };
        let block = blocks(cause, self.policy.block, stay_away);
        self.book.end(org, conn, attempt);
        if fails(cause) {
            self.book.fail(org, now);
        }
        if block > Millis::ZERO {
            self.book.block_until(org, now + block);
        }
    }
}

/// The rules that stand, in words.
fn told(standing: &[Standing], now: Instant) -> String {
    if standing.is_empty() {
        return "nothing".to_owned();
    }
    let rules: Vec<_> = standing
        .iter()
        .map(|standing| match standing.frees {
            Instant::NEVER => format!("{} stands for ever", standing.rule),
            frees => format!("{} stands for {} more", standing.rule, frees - now),
        })
        .collect();
    rules.join(", ")
}

fn wrong_retry(said: Option<i64>, right: Option<i64>) -> String {
    match (said, right) {
        (Some(said), Some(right)) => {
            let off = Millis::new(said.abs_diff(right));
            let way = if said < right { "early" } else { "late" };
            format!("told to come back {off} too {way}")
        }
        (None, Some(_)) => "not told when to come back".to_owned(),
        _ => "told when to come back, which nobody can know".to_owned(),
    }
}

impl Oracle for LimiterShadow {
    fn name(&self) -> OracleName {
        OracleName::LimiterShadow
    }

    fn observe(&mut self, entry: &Entry, findings: &mut Findings) {
        let now = self.links.own_time(entry);
        self.links.observe(entry, now);
        let (org, conn, verdict) = match &entry.event {
            Event::Verdict { org, verdict } => {
                let right = match verdict {
                    Verdict::Granted { attempt } => self.granted(entry.at, now, org, *attempt),
                    Verdict::Denied {
                        cause,
                        also,
                        retry_at,
                    } => self.denied(entry.at, now, org, *cause, also, *retry_at),
                    Verdict::Unreachable => return,
                };
                (org, None, right)
            }
            Event::Dial {
                conn,
                org,
                attempt,
                handoff,
            } => (
                org,
                Some(*conn),
                self.dialed(entry, now, org, *conn, *attempt, *handoff),
            ),
            Event::PermitRevoked {
                org,
                attempt,
                blocked,
            } => (
                org,
                None,
                self.revoked(entry.at, now, org, *attempt, *blocked),
            ),
            Event::PermitSpent { org, attempt } => {
                if let Some(known) = self.book.attempt(org, *attempt) {
                    known.spent = true;
                }
                return;
            }
            Event::Withdrawn { org, attempt } => (org, None, self.book.withdraw(org, *attempt)),
            Event::Disconnected {
                org,
                attempt,
                conn,
                cause,
                ..
            } => {
                self.ended(now, org, *conn, *attempt, *cause);
                return;
            }
            Event::Crashed { .. } => {
                self.book.die();
                return;
            }
            Event::Booted => {
                self.book.boot(now);
                return;
            }
            _ => return,
        };
        findings.judged(self.name());
        if let Err(why) = verdict {
            findings.say(self.name(), entry.at, Some(org), conn, || why);
        }
    }
}

#[cfg(test)]
mod tests;

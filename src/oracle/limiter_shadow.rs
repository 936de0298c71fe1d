//! The limiter's rules, written again: too much is a finding, and so is too little.
//!
//! Too much is a start admitted that a rule keeps out, a dial before its wait or in a block, a dial that no admission
//! pays for. Too little is a refusal, or a revocation, that the rules do not ask for. A refusal also names the right
//! cause and the right instant to come back, to the millisecond; and a session that says it is blocked says so for as long
//! as the block stands.

mod book;
mod days;

use jiff::{SignedDuration, Timestamp};
use squall_protocol::{Instant, Millis};

use self::book::{Attempt, Book, Standing};
use super::ending::{blocks, fails};
use super::limiter_time::{LimiterClock, Moment};
use super::link::Links;
use super::tolerance::Tolerance;
use super::{Findings, Oracle};
use crate::trace::{ConnectionId, Entry, Event, Header, OrgName, Policy, Verdict};
use crate::words::{Cause, Denial, OracleName};

/// Keeps a limiter's book of its own from the requests, verdicts, dials and disconnects of the trace.
///
/// Its time is the client's monotonic time within one life of the process, and from one life to the next the mark in the
/// store or the wall clock, whichever is later: so a suspend lengthens every window, a crash does not, and no step of the
/// wall clock shortens one unless a crash follows a step forward.
#[derive(Debug)]
pub struct LimiterShadow {
    policy: Policy,
    tolerance: Tolerance,
    /// The subject claims the wait before a dial.
    waits: bool,
    clock: LimiterClock,
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
            tolerance: Tolerance::of(header),
            waits: header.claims.waits,
            clock: LimiterClock::new(header),
            links: Links::new(header),
            book: Book::new(&header.policy),
        }
    }

    fn granted(&mut self, moment: Moment, org: &OrgName, attempt: u64) -> Result<(), String> {
        let verdict = if self.book.is_active(org) {
            Err(format!("{} was to refuse it", Denial::AlreadyActive))
        } else {
            let standing = self.book.standing(org, moment);
            if standing.is_empty() {
                Ok(())
            } else {
                Err(told(&standing, moment.now))
            }
        };
        self.book.admit(org, attempt, moment);
        verdict.map_err(|why| format!("a start was admitted too many: {why}"))
    }

    fn denied(
        &mut self,
        moment: Moment,
        org: &OrgName,
        cause: Denial,
        also: &[Denial],
        retry_at: Option<i64>,
    ) -> Result<(), String> {
        if cause == Denial::StoreUnavailable {
            return Err("refused for its store, and the store was healthy".to_owned());
        }
        let now = moment.now;
        let mut standing = self.book.standing(org, moment);
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
                (decisive.frees != Instant::NEVER).then(|| wall(moment, decisive.frees - now));
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
        let near = self.tolerance.near.get();
        let right = match (retry_at, right_retry) {
            (Some(said), Some(right)) => said.abs_diff(right) <= near,
            (said, right) => said == right,
        };
        if !right {
            return Err(wrong_retry(retry_at, right_retry));
        }
        Ok(())
    }

    fn dialed(
        &mut self,
        moment: Moment,
        org: &OrgName,
        conn: ConnectionId,
        attempt: u64,
        handoff: bool,
    ) -> Result<(), String> {
        let now = moment.now;
        let block = match handoff {
            true => self.book.own_block(org, now),
            false => self.book.block(org, now),
        };
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
            let standing = self.book.standing(org, moment);
            let held = if standing.is_empty() {
                String::new()
            } else {
                format!(", and {}", told(&standing, now))
            };
            self.book.rogue(org, attempt, moment, conn);
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
        let late = lateness(known, self.policy.delay, moment);
        let admitted = known.admitted;
        if let Some(until) = block {
            return Err(format!("dialed in a block that ends in {}", until - now));
        }
        if self.waits && !handoff {
            let due = admitted + self.policy.delay;
            if now + self.tolerance.near < due {
                return Err(format!("dialed {} before its wait was over", due - now));
            }
            if late > LATEST {
                return Err(format!(
                    "dialed {late} after its wait: more than {LATEST} late is revoked"
                ));
            }
        }
        Ok(())
    }

    fn revoked(
        &mut self,
        moment: Moment,
        org: &OrgName,
        attempt: u64,
        blocked: bool,
    ) -> Result<(), String> {
        let block = self.book.block(org, moment.now);
        let delay = self.policy.delay;
        let Some(known) = self.book.attempt(org, attempt) else {
            return Err(format!(
                "attempt {attempt} was revoked, which was never admitted"
            ));
        };
        known.void = true;
        known.open = false;
        let late = lateness(known, delay, moment) > LATEST;
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
            self.book.block_until(org, cause, now + block);
        }
    }
}

/// How long after its wait it is, by whichever clock says more.
fn lateness(attempt: &Attempt, delay: Millis, moment: Moment) -> Millis {
    let by_wall = moment
        .wall
        .duration_since(attempt.admitted_wall)
        .as_millis();
    let by_wall = Millis::new(u64::try_from(by_wall).unwrap_or(0));
    (moment.now - attempt.admitted)
        .max(by_wall)
        .saturating_sub(delay)
}

/// So long from now, as the wall clock shows it.
fn wall(moment: Moment, later: Millis) -> i64 {
    let later = SignedDuration::from_millis(i64::try_from(later.get()).unwrap_or(i64::MAX));
    let wall = moment.wall.saturating_add(later).unwrap_or(Timestamp::MAX);
    wall.as_millisecond()
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
        let own = self.links.own_time(entry);
        self.links.observe(entry, own);
        self.clock.observe(entry, own);
        if let Event::Sent { .. } | Event::Delivered { .. } = entry.event {
            return;
        }
        let moment = self.clock.moment(entry, own);
        let now = moment.now;
        let (org, conn, verdict) = match &entry.event {
            Event::Verdict { org, verdict } => {
                let right = match verdict {
                    Verdict::Granted { attempt } => self.granted(moment, org, *attempt),
                    Verdict::Denied {
                        cause,
                        also,
                        retry_at,
                    } => self.denied(moment, org, *cause, also, *retry_at),
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
                self.dialed(moment, org, *conn, *attempt, *handoff),
            ),
            Event::PermitRevoked {
                org,
                attempt,
                blocked,
            } => (org, None, self.revoked(moment, org, *attempt, *blocked)),
            Event::State { org, state } => (org, None, self.book.says(org, *state, now)),
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
            Event::Crashed { .. } | Event::Exited => {
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

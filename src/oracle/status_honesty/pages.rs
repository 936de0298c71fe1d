//! What the pages of an HTTP API show, against each other and against what is known of that instant.

use std::collections::BTreeMap;

use crate::trace::{Answered, Event, Limits, OrgName, Page, Shown, Verdict};
use crate::words::{Cause, Denial, State};

/// What was told of each organization, which the pages have to show; and what a page said that the next verdict has to
/// say too.
#[derive(Debug, Default)]
pub(super) struct Pages {
    orgs: BTreeMap<OrgName, Told>,
    /// What the limiter was said to say to a start, asked right before one: whose, and at which instant nothing else
    /// happened since.
    promised: Option<(OrgName, Option<Limits>)>,
    /// What the last start was told, until something else happens.
    answered: Option<(OrgName, Verdict)>,
}

#[derive(Debug, Default)]
struct Told {
    state: Option<State>,
    reason: Option<Cause>,
}

impl Pages {
    /// Takes in the next event, at which the wall clock that people see shows `wall`. What is wrong, and of whom.
    pub(super) fn observe(&mut self, event: &Event, wall: i64) -> Option<(OrgName, Vec<String>)> {
        let answered = self.answered.take();
        let promised = match event {
            Event::Request { .. } => return None,
            _ => self.promised.take(),
        };
        match event {
            Event::State { org, state } => self.told(org).state = Some(*state),
            Event::Disconnected { org, cause, .. } => self.told(org).reason = Some(*cause),
            // Why it ended is known to the life of the process alone in which it did.
            Event::Crashed { .. } => {
                let all = self.orgs.values_mut();
                all.for_each(|told| told.reason = None);
            }
            Event::Verdict { org, verdict } => {
                if let Verdict::Granted { .. } = verdict {
                    self.told(org).state = Some(State::Waiting);
                }
                self.answered = Some((org.clone(), verdict.clone()));
                let promised = promised.filter(|(whose, _)| whose == org)?.1;
                return Some((org.clone(), kept(promised.as_ref(), verdict)));
            }
            Event::Shown { org, shown } => {
                let mut wrong = self.untrue(org, shown);
                if let Some(how) = &shown.answered {
                    let verdict = answered.filter(|(whose, _)| whose == org);
                    wrong.extend(misanswered(how, verdict.as_ref().map(|(_, it)| it), wall));
                }
                self.promised = Some((org.clone(), shown.limits.clone()));
                return Some((org.clone(), wrong));
            }
            _ => {}
        }
        None
    }

    fn told(&mut self, org: &OrgName) -> &mut Told {
        self.orgs.entry(org.clone()).or_default()
    }

    /// What on these pages is not so.
    fn untrue(&mut self, org: &OrgName, shown: &Shown) -> Vec<String> {
        let mut wrong = Vec::new();
        if shown.one != shown.all {
            wrong.push("its own page shows something else than the page of all".to_owned());
        }
        let told = self.told(org);
        let stands = told.state.unwrap_or(State::Idle);
        let reason = told.reason;
        match &shown.one {
            None if stands != State::Idle || reason.is_some() => {
                wrong.push(format!("has no page, and is {stands}"));
            }
            None => {}
            Some(page) => wrong.extend(misshown(page, stands, reason)),
        }
        if let Some(limits) = &shown.limits {
            let until = shown.one.as_ref().and_then(|page| page.blocked_until);
            wrong.extend(contradicted(limits, stands, until));
        }
        wrong
    }
}

/// What a page shows of a session that stands here.
fn misshown(page: &Page, stands: State, reason: Option<Cause>) -> Vec<String> {
    let mut wrong = Vec::new();
    if page.state != stands {
        wrong.push(format!("its page says {}, and it is {stands}", page.state));
    }
    if page.connected != stands.is_connected() {
        let says = match page.connected {
            true => "says connected",
            false => "does not say connected",
        };
        wrong.push(format!("its page {says}, and it is {stands}"));
    }
    if page.blocked_until.is_some() && stands != State::Blocked {
        wrong.push(format!(
            "its page says until when it is blocked, and it is {stands}"
        ));
    }
    if reason.is_some() && page.reason != reason {
        let name = |cause: Option<Cause>| cause.map_or("nothing", Cause::name);
        let (says, was) = (name(page.reason), name(reason));
        wrong.push(format!(
            "its page blames {says} for its last end, and that was {was}"
        ));
    }
    wrong
}

/// What the limiter is said to say, against where the session stands and until when its page says that it is blocked.
fn contradicted(limits: &Limits, stands: State, blocked_until: Option<i64>) -> Vec<String> {
    let mut wrong = Vec::new();
    if limits.can_connect != limits.refused_by.is_empty() {
        wrong.push("may connect by one word of a page, and not by another".to_owned());
    }
    let active = limits.refused_by.contains(&Denial::AlreadyActive);
    if active == stands.is_at_rest() {
        let says = if active { "under way" } else { "at rest" };
        wrong.push(format!(
            "the page of the limits takes it for {says}, and it is {stands}"
        ));
    }
    if stands == State::Blocked && !limits.refused_by.contains(&Denial::Block) {
        wrong.push("is blocked, and the page of the limits knows no block".to_owned());
    }
    if let (Some(until), Some(retry_at)) = (blocked_until, limits.retry_at) {
        // A rule that frees later may be the cause; none may free it before the block does.
        let block_frees_it = limits.refused_by.first() == Some(&Denial::Block);
        if retry_at < until || block_frees_it && retry_at != until {
            wrong.push("is told to come back at another time than its block ends".to_owned());
        }
    }
    wrong
}

/// Whether a start was answered as a page had said at that instant.
fn kept(promised: Option<&Limits>, verdict: &Verdict) -> Vec<String> {
    let said = match (promised, verdict) {
        (_, Verdict::Unreachable) => true,
        (Some(limits), Verdict::Granted { .. }) => limits.can_connect,
        (None, Verdict::Granted { .. }) => false,
        // Whether a store takes a write is known once one is tried.
        (
            _,
            Verdict::Denied {
                cause: Denial::StoreUnavailable,
                ..
            },
        ) => true,
        (
            Some(limits),
            Verdict::Denied {
                cause,
                also,
                retry_at,
            },
        ) => {
            let all: Vec<Denial> = std::iter::once(cause).chain(also).copied().collect();
            // Whoever is active is refused before any rule is asked.
            let same = all == limits.refused_by
                || *cause == Denial::AlreadyActive && limits.refused_by.first() == Some(cause);
            same && *retry_at == limits.retry_at
        }
        (None, Verdict::Denied { .. }) => false,
    };
    match said {
        true => Vec::new(),
        false => vec![format!(
            "a start is answered otherwise than the page of the limits had said at that instant ({})",
            promised.map_or("that the store cannot be asked".to_owned(), told)
        )],
    }
}

fn told(limits: &Limits) -> String {
    if limits.can_connect {
        return "that it may connect".to_owned();
    }
    let names: Vec<&str> = limits.refused_by.iter().map(|it| it.name()).collect();
    format!("refused by {}", names.join(", "))
}

/// What is wrong with how HTTP told a verdict.
fn misanswered(how: &Answered, verdict: Option<&Verdict>, wall: i64) -> Option<String> {
    let seconds = |retry_at: &i64| {
        // Rounded up, so that whoever waits for it is never early.
        let ms = u64::try_from(retry_at - wall).unwrap_or(0);
        ms.div_ceil(1_000)
    };
    let (status, retry_after) = match verdict? {
        Verdict::Granted { .. } => (202, None),
        Verdict::Denied {
            cause, retry_at, ..
        } => match cause {
            Denial::AlreadyActive => (409, None),
            Denial::StoreUnavailable => (503, None),
            Denial::Global | Denial::PerOrg | Denial::Cooldown | Denial::Block => {
                (429, retry_at.as_ref().map(seconds))
            }
        },
        Verdict::Unreachable => return None,
    };
    (how.status != status || how.retry_after != retry_after).then(|| {
        let told = |seconds: Option<u64>| seconds.map_or("none".to_owned(), |it| format!("{it} s"));
        format!(
            "a start is answered {} with Retry-After {}, and what it says asks for {status} with {}",
            how.status,
            told(how.retry_after),
            told(retry_after)
        )
    })
}

#[cfg(test)]
mod tests;

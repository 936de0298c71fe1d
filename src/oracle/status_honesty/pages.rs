//! What the pages of an HTTP API show, against each other and against what is known of that instant.

use std::collections::BTreeMap;

use super::Tolerance;
use crate::trace::{
    Answered, ConnectionId, Event, Header, Limits, Message, OrgName, Page, Shown, Side, Verdict,
};
use crate::words::{Cause, Denial, State};

/// What was told of each organization, which the pages have to show; and what a page said that the next verdict has to
/// say too.
#[derive(Debug)]
pub(super) struct Pages {
    orgs: BTreeMap<OrgName, Told>,
    /// Whose session each connection is that is the newest of one, and has not ended.
    conns: BTreeMap<ConnectionId, OrgName>,
    /// Times that lie no further apart are the same.
    near: u64,
    /// What the limiter was said to say to a start, asked right before one: whose, and at which instant nothing else
    /// happened since.
    promised: Option<(OrgName, Option<Limits>)>,
    /// What the last start was told, until something else happens.
    answered: Option<(OrgName, Verdict)>,
}

/// Times are the wall clock's.
#[derive(Debug, Default)]
struct Told {
    state: Option<State>,
    /// The last end of this life of the process, and when it was.
    end: Option<(Cause, i64)>,
    /// When it last began to say that it is connected, in this life of the process.
    connected: Option<i64>,
    /// When its connection last brought it something.
    heard: Option<i64>,
    /// Whether its device is paired, where that is sure.
    paired: Option<bool>,
}

impl Pages {
    /// For the trace that begins with this header.
    pub(super) fn new(header: &Header) -> Self {
        let organizations = header.organizations.iter();
        let told = |paired: &bool| Told {
            paired: Some(*paired),
            ..Told::default()
        };
        Self {
            orgs: organizations
                .map(|(org, paired)| (org.clone(), told(paired)))
                .collect(),
            conns: BTreeMap::new(),
            near: Tolerance::of(header).near.get(),
            promised: None,
            answered: None,
        }
    }

    /// Takes in the next event, at which the wall clock that people see shows `wall`. What is wrong, and of whom.
    pub(super) fn observe(&mut self, event: &Event, wall: i64) -> Option<(OrgName, Vec<String>)> {
        let answered = self.answered.take();
        let promised = match event {
            Event::Request { .. } => return None,
            _ => self.promised.take(),
        };
        match event {
            Event::State { org, state } => {
                let told = self.told(org);
                let before = told.state.replace(*state);
                if *state == State::Connected && !before.is_some_and(State::is_connected) {
                    told.connected = Some(wall);
                }
            }
            Event::Dial { conn, org, .. } => {
                self.conns.retain(|_, whose| whose != org);
                self.told(org).heard = None;
                self.conns.insert(*conn, org.clone());
            }
            Event::Delivered {
                conn,
                to: Side::Client,
                message,
            } => self.delivered(*conn, message, wall),
            // Whether the client took it shows at its next login.
            Event::PairSuccess { org, .. } => self.told(org).paired = None,
            Event::Disconnected {
                org,
                conn,
                cause,
                clear,
                ..
            } => {
                conn.map(|conn| self.conns.remove(&conn));
                let told = self.told(org);
                told.end = Some((*cause, wall));
                if *clear {
                    told.paired = Some(false);
                }
            }
            // Most is known to the life of the process alone in which it happened.
            Event::Crashed { .. } | Event::Exited => {
                // Whoever ends in order leaves its store as it is.
                let lost = matches!(event, Event::Crashed { store } if store != "kept");
                self.conns.clear();
                for told in self.orgs.values_mut() {
                    *told = Told {
                        state: told.state,
                        paired: told.paired.filter(|_| !lost),
                        ..Told::default()
                    };
                }
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

    fn delivered(&mut self, conn: ConnectionId, message: &Message, wall: i64) {
        let org = self.conns.get(&conn);
        let Some(told) = org.and_then(|org| self.orgs.get_mut(org)) else {
            return;
        };
        match message {
            Message::Stanza(node) => {
                told.heard = Some(wall);
                if node.tag == "success" {
                    told.paired = Some(true);
                }
            }
            Message::Ping(_) | Message::Pong(_) => told.heard = Some(wall),
            _ => {}
        }
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
        let near = self.near;
        let told = self.told(org);
        let stands = told.state.unwrap_or(State::Idle);
        match &shown.one {
            None if stands != State::Idle || told.end.is_some() => {
                wrong.push(format!("has no page, and is {stands}"));
            }
            None => {}
            Some(page) => {
                wrong.extend(misshown(page, stands));
                wrong.extend(misremembered(page, stands, told, near));
            }
        }
        if let Some(limits) = &shown.limits {
            let until = shown.one.as_ref().and_then(|page| page.blocked_until);
            wrong.extend(contradicted(limits, stands, until));
        }
        wrong
    }
}

/// What a page shows wrongly of a session that stands here.
fn misshown(page: &Page, stands: State) -> Vec<String> {
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
    match (page.blocked_until, stands) {
        (Some(_), stands) if stands != State::Blocked => wrong.push(format!(
            "its page says until when it is blocked, and it is {stands}"
        )),
        (None, State::Blocked) => {
            wrong.push("is blocked, and its page does not say until when".to_owned());
        }
        _ => {}
    }
    wrong
}

/// What a page shows wrongly of what has been.
fn misremembered(page: &Page, stands: State, told: &Told, near: u64) -> Vec<String> {
    let mut wrong = Vec::new();
    let reason = told.end.map(|(cause, _)| cause);
    if page.reason != reason {
        let name = |cause: Option<Cause>| cause.map_or("nothing", Cause::name);
        let (says, was) = (name(page.reason), name(reason));
        wrong.push(format!(
            "its page blames {says} for its last end, and that was {was}"
        ));
    }
    let mut held = |what: &str, says: Option<i64>, was: Option<i64>| {
        let same = match (says, was) {
            (Some(says), Some(was)) => says.abs_diff(was) <= near,
            (says, was) => says == was,
        };
        if !same {
            let time = |at: Option<i64>| at.map_or("never".to_owned(), |at| format!("at {at}"));
            let (says, was) = (time(says), time(was));
            wrong.push(format!(
                "its page says that it {what} {says}, and it was {was}"
            ));
        }
    };
    held("last ended", page.ended, told.end.map(|(_, at)| at));
    held("was last connected", page.last_connected, told.connected);
    if stands.is_connected() {
        held("last heard something", page.last_activity, told.heard);
    }
    if told
        .paired
        .is_some_and(|paired| paired == page.needs_pairing)
    {
        wrong.push(match page.needs_pairing {
            true => "its page says that it needs a pairing, and it is paired".to_owned(),
            false => "its page says that it is paired, and it needs a pairing".to_owned(),
        });
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

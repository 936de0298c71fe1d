//! The shadow's book: attempts, failures, blocks, and which rules stand in the way of a start now.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use squall_protocol::{Instant, Millis};

use super::super::limiter_time::Moment;
use super::days;
use crate::trace::{ConnectionId, OrgName, Per, Policy};
use crate::words::{Cause, Denial, State};

/// What a limiter remembers. Its memory is the organizations and the attempts of the last windows.
#[derive(Debug)]
pub(super) struct Book {
    global: (usize, Millis),
    per_org: (usize, Per),
    cooldown: Millis,
    block_all: bool,
    /// When the block ends that keeps everybody out.
    blocked_all: Option<Instant>,
    /// Everybody's attempts, oldest first.
    all: VecDeque<(Instant, OrgName, u64)>,
    orgs: BTreeMap<OrgName, Org>,
}

#[derive(Debug, Default)]
struct Org {
    /// Its attempts, oldest first.
    attempts: VecDeque<(Instant, u64)>,
    failed: Option<Instant>,
    blocked_until: Option<Instant>,
    says_blocked: bool,
    last: Option<Attempt>,
}

/// The last attempt of an organization.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) number: u64,
    /// By the limiter's time.
    pub(super) admitted: Instant,
    /// By the wall clock.
    pub(super) admitted_wall: Timestamp,
    /// Waiting, or its connection not reported as ended.
    pub(super) open: bool,
    /// Its time has come: given back now, it counts all the same.
    pub(super) spent: bool,
    pub(super) dialed: bool,
    pub(super) handed_off: bool,
    /// Withdrawn, revoked or lost with the process: it pays for no dial.
    pub(super) void: bool,
    pub(super) conn: Option<ConnectionId>,
}

/// A rule that stands in the way.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) rule: Denial,
    /// When it does no more, if nothing else happens.
    pub(super) frees: Instant,
}

impl Book {
    pub(super) fn new(policy: &Policy) -> Self {
        let most = |max: u32| usize::try_from(max).unwrap_or(usize::MAX);
        let (per_org, window) = &policy.per_org;
        Self {
            global: (most(policy.global.0), policy.global.1),
            per_org: (most(*per_org), window.clone()),
            cooldown: policy.cooldown,
            block_all: policy.block_all,
            blocked_all: None,
            all: VecDeque::new(),
            orgs: BTreeMap::new(),
        }
    }

    /// The rules that refuse this organization a start now, in the order of the table.
    pub(super) fn standing(&mut self, org: &OrgName, moment: Moment) -> Vec<Standing> {
        let now = moment.now;
        let mut standing = Vec::new();
        let mut stands = |rule, frees: Option<Instant>| {
            if let Some(frees) = frees.filter(|frees| *frees > now) {
                standing.push(Standing { rule, frees });
            }
        };
        prune(&mut self.all, self.global.1, now, |(at, ..)| *at);
        let all = &self.all;
        stands(
            Denial::Global,
            frees(all.len(), self.global, |place| all[place].0),
        );
        let ((max, per), cooldown) = (self.per_org.clone(), self.cooldown);
        let known = self.org(org);
        prune(&mut known.attempts, reach(&per), now, |(at, _)| *at);
        let own = &known.attempts;
        let frees = match per {
            Per::Rolling(per) => frees(own.len(), (max, per), |place| own[place].0),
            Per::Calendar(zone) => days::frees(&zone, max, &own.iter().map(|(at, _)| *at), moment),
        };
        stands(Denial::PerOrg, frees);
        stands(Denial::Cooldown, known.failed.map(|at| at + cooldown));
        stands(Denial::Block, self.block(org, now));
        standing
    }

    /// The end of the block that keeps this organization out at `now`: its own, or everybody's.
    pub(super) fn block(&self, org: &OrgName, now: Instant) -> Option<Instant> {
        let own = self.orgs.get(org).and_then(|org| org.blocked_until);
        let until = own.max(self.blocked_all);
        until.filter(|until| *until > now)
    }

    /// The end of the block that stands at `now` for what it itself was told.
    pub(super) fn own_block(&self, org: &OrgName, now: Instant) -> Option<Instant> {
        let own = self.orgs.get(org).and_then(|org| org.blocked_until);
        own.filter(|until| *until > now)
    }

    pub(super) fn is_active(&self, org: &OrgName) -> bool {
        self.orgs
            .get(org)
            .and_then(|org| org.last.as_ref())
            .is_some_and(|last| last.open)
    }

    /// The attempt, if it is the organization's last.
    pub(super) fn attempt(&mut self, org: &OrgName, number: u64) -> Option<&mut Attempt> {
        let last = self.orgs.get_mut(org)?.last.as_mut()?;
        (last.number == number).then_some(last)
    }

    pub(super) fn admit(&mut self, org: &OrgName, number: u64, moment: Moment) {
        let now = moment.now;
        prune(&mut self.all, self.global.1, now, |(at, ..)| *at);
        let per_org = reach(&self.per_org.1);
        self.all.push_back((now, org.clone(), number));
        let known = self.org(org);
        prune(&mut known.attempts, per_org, now, |(at, _)| *at);
        known.attempts.push_back((now, number));
        known.last = Some(Attempt {
            number,
            admitted: now,
            admitted_wall: moment.wall,
            open: true,
            spent: false,
            dialed: false,
            handed_off: false,
            void: false,
            conn: None,
        });
    }

    /// A dial that no admission pays for: an attempt all the same.
    pub(super) fn rogue(&mut self, org: &OrgName, number: u64, moment: Moment, conn: ConnectionId) {
        self.admit(org, number, moment);
        if let Some(last) = self.attempt(org, number) {
            last.dialed = true;
            last.conn = Some(conn);
        }
    }

    /// Gives an attempt back, before its dial.
    pub(super) fn withdraw(&mut self, org: &OrgName, number: u64) -> Result<(), String> {
        let Some(last) = self.attempt(org, number) else {
            return Err(format!(
                "attempt {number} was given back, which is not under way"
            ));
        };
        if last.dialed {
            return Err(format!(
                "attempt {number} was given back after its dial: it counts"
            ));
        }
        if last.void {
            return Err(format!("attempt {number} was given back, and it counts"));
        }
        last.void = true;
        last.open = false;
        if last.spent {
            return Ok(());
        }
        self.all
            .retain(|(_, whose, attempt)| whose != org || *attempt != number);
        self.org(org)
            .attempts
            .retain(|(_, attempt)| *attempt != number);
        Ok(())
    }

    /// A connection, or an attempt before one, ended. A late word on an old connection ends nothing new.
    pub(super) fn end(&mut self, org: &OrgName, conn: Option<ConnectionId>, number: u64) {
        if let Some(last) = self.org(org).last.as_mut() {
            let meant = match conn {
                Some(_) => last.conn == conn,
                None => last.number == number,
            };
            if meant {
                last.open = false;
            }
        }
    }

    pub(super) fn fail(&mut self, org: &OrgName, now: Instant) {
        let known = self.org(org);
        known.failed = known.failed.max(Some(now));
    }

    /// This cause blocks the organization, and with some policies everybody: a ban, which is of one account, with none.
    pub(super) fn block_until(&mut self, org: &OrgName, cause: Cause, until: Instant) {
        if self.block_all && cause != Cause::TemporaryBan {
            self.blocked_all = self.blocked_all.max(Some(until));
        }
        let known = self.org(org);
        known.blocked_until = known.blocked_until.max(Some(until));
    }

    /// Its session says where it stands. Nothing, or what is wrong with it: a block that stands is not over.
    pub(super) fn says(&mut self, org: &OrgName, state: State, now: Instant) -> Result<(), String> {
        let block = self.block(org, now);
        let says_blocked = state == State::Blocked;
        let said_blocked = std::mem::replace(&mut self.org(org).says_blocked, says_blocked);
        match block {
            None if says_blocked => Err("says that it is blocked, and no block stands".to_owned()),
            Some(until) if said_blocked && state == State::DisconnectedManualReconnectRequired => {
                Err(format!(
                    "says that its block is over, which stands for {} more",
                    until - now
                ))
            }
            _ => Ok(()),
        }
    }

    /// The process is gone: permits live in memory only.
    pub(super) fn die(&mut self) {
        for last in self.orgs.values_mut().filter_map(|org| org.last.as_mut()) {
            last.void = true;
        }
    }

    /// It boots: what was under way is closed, as a failure of this instant.
    pub(super) fn boot(&mut self, now: Instant) {
        for org in self.orgs.values_mut() {
            if let Some(last) = org.last.as_mut().filter(|last| last.open) {
                last.open = false;
                org.failed = org.failed.max(Some(now));
            }
        }
    }

    fn org(&mut self, org: &OrgName) -> &mut Org {
        self.orgs.entry(org.clone()).or_default()
    }
}

/// How far back a window asks.
fn reach(per: &Per) -> Millis {
    match per {
        Per::Rolling(per) => *per,
        Per::Calendar(_) => days::LONGEST,
    }
}

/// When a window with so many attempts has room again: `None` if it has room now.
fn frees(
    count: usize,
    (max, per): (usize, Millis),
    admitted: impl Fn(usize) -> Instant,
) -> Option<Instant> {
    if max == 0 {
        return Some(Instant::NEVER);
    }
    // Of so many, all but the newest `max - 1` must have left.
    count.checked_sub(max).map(|place| admitted(place) + per)
}

/// Forgets what has left the half-open window: an attempt exactly `per` old is out.
fn prune<T>(window: &mut VecDeque<T>, per: Millis, now: Instant, at: impl Fn(&T) -> Instant) {
    while window.front().is_some_and(|oldest| at(oldest) + per <= now) {
        window.pop_front();
    }
}

//! What a limiter writes, as values: what cannot be written now is kept and written first of all later.

use crate::cause::Consequence;
use crate::id::{AttemptId, OrgId};
use crate::limiter::calendar;
use crate::policy::{BlockScope, LimiterPolicy, Window};
use crate::state::State;
use crate::store::{Attempt, Ledger, LimiterTime};

/// Something that happened and must be remembered.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// A start was cancelled before its dial.
    Withdrawn(AttemptId),
    /// A permit was used up while nothing could be written.
    Spent(AttemptId),
    /// A session ended, and rests there unless its handoff goes on.
    Ended {
        org: OrgId,
        then: Consequence,
        rests_at: Option<State>,
        at: LimiterTime,
    },
    /// An organization came to rest.
    Rested(OrgId, State),
    /// A start was refused since its commit failed: whatever of it may be stored waits for nobody.
    Unheld(OrgId),
}

impl Write {
    pub(super) fn apply(&self, ledger: &mut Ledger, policy: &LimiterPolicy) {
        match self {
            Self::Withdrawn(attempt) => ledger.withdraw(*attempt),
            Self::Spent(attempt) => {
                ledger.spend(*attempt);
            }
            Self::Ended {
                org,
                then,
                rests_at,
                at,
            } => {
                ledger.end(org, *then, *at, policy.block_scope);
                if let Some(end) = rests_at {
                    ledger.rest(org, *end);
                }
            }
            Self::Rested(org, end) => ledger.rest(org, *end),
            Self::Unheld(org) => ledger.close(org, |attempt| !attempt.spent),
        }
    }
}

impl Ledger {
    /// Moves the high-water mark, and forgets what no rule can ask for any more.
    pub(super) fn advance(&mut self, at: LimiterTime, policy: &LimiterPolicy) {
        self.high_water = Some(self.high_water.map_or(at, |before| before.max(at)));
        let own = match policy.per_org.per {
            Window::Rolling(per) => per,
            Window::Calendar(_) => calendar::LONGEST,
        };
        let window = policy.global.per.max(own);
        self.attempts
            .retain(|_, attempt| attempt.open || attempt.admitted_at + window > at);
        self.failures
            .retain(|_, failed_at| *failed_at + policy.cooldown > at);
        self.blocks.retain(|_, until| *until > at);
        self.block_of_all = self.block_of_all.filter(|until| *until > at);
    }

    pub(super) fn admit(&mut self, org: &OrgId, at: LimiterTime) -> AttemptId {
        self.attempts_ever += 1;
        let id = AttemptId(self.attempts_ever);
        self.attempts.insert(
            id,
            Attempt {
                org: org.clone(),
                admitted_at: at,
                open: true,
                spent: false,
            },
        );
        id
    }

    /// The time of an attempt's permit has come. Whether the attempt still waited for that: it was not given back.
    pub(super) fn spend(&mut self, id: AttemptId) -> bool {
        self.attempts
            .get_mut(&id)
            .is_some_and(|attempt| !std::mem::replace(&mut attempt.spent, true))
    }

    fn withdraw(&mut self, id: AttemptId) {
        if self.attempts.get(&id).is_some_and(|attempt| !attempt.spent) {
            self.attempts.remove(&id);
        }
    }

    fn end(&mut self, org: &OrgId, then: Consequence, at: LimiterTime, scope: BlockScope) {
        if then.failure {
            self.failures.insert(org.clone(), at);
        }
        if let Some(length) = then.block {
            let until = at + length;
            let block = match scope {
                _ if then.ban => self.blocks.entry(org.clone()).or_insert(until),
                BlockScope::Org => self.blocks.entry(org.clone()).or_insert(until),
                BlockScope::All => self.block_of_all.get_or_insert(until),
            };
            *block = until.max(*block);
        }
    }

    /// Closes what was dialed or revoked. An attempt that waits stays open: it was admitted since, and the session has
    /// not heard of it yet.
    fn rest(&mut self, org: &OrgId, end: State) {
        self.close(org, |attempt| attempt.spent);
        self.ends.insert(org.clone(), end);
    }

    /// What the death of the process can no longer cut short, of an organization's attempts.
    fn close(&mut self, org: &OrgId, which: impl Fn(&Attempt) -> bool) {
        let own = self.attempts.values_mut();
        own.filter(|attempt| attempt.org == *org && which(attempt))
            .for_each(|attempt| attempt.open = false);
    }

    /// Closes what the death of a process left open: each is a failure at boot time.
    pub(super) fn cut_short(&mut self, at: LimiterTime) -> Vec<(OrgId, AttemptId)> {
        let open = self.attempts.iter_mut().filter(|(_, own)| own.open);
        let cut_short: Vec<_> = open
            .map(|(id, attempt)| {
                attempt.open = false;
                (attempt.org.clone(), *id)
            })
            .collect();
        for (org, _) in &cut_short {
            self.ends
                .insert(org.clone(), State::DisconnectedManualReconnectRequired);
            self.failures.insert(org.clone(), at);
        }
        cut_short
    }
}

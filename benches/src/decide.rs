//! One decision of the limiter, over a ledger with little in it or over one with the attempts, failures and blocks of a
//! thousand organizations.

use std::hint::black_box;

use squall_protocol::Millis;
use squall_session::limiter::{Moment, decide};
use squall_session::store::{Attempt, Ledger, LimiterTime};
use squall_session::{AttemptId, LimiterPolicy, OrgId};

fn begins() -> LimiterTime {
    LimiterTime::from_wall("2026-01-19T14:00:00Z".parse().expect("a timestamp"))
}

/// Two attempts of each organization, a minute apart; each tenth has failed, each hundredth is blocked.
fn ledger(organizations: u64) -> Ledger {
    let mut ledger = Ledger::default();
    for number in 0..organizations {
        let org = OrgId::new(number.to_string());
        for attempt in [2 * number + 1, 2 * number + 2] {
            ledger.attempts.insert(
                AttemptId(attempt),
                Attempt {
                    org: org.clone(),
                    admitted_at: begins() + Millis::from_mins(attempt),
                    open: false,
                    spent: true,
                },
            );
        }
        let ended = begins() + Millis::from_mins(2 * number + 3);
        if number % 10 == 0 {
            ledger.failures.insert(org.clone(), ended);
        }
        if number % 100 == 0 {
            ledger.blocks.insert(org, ended + Millis::from_hours(24));
        }
    }
    ledger.attempts_ever = 2 * organizations;
    ledger
}

/// Who asks, when, and what is remembered.
pub struct Question {
    ledger: Ledger,
    policy: LimiterPolicy,
    org: OrgId,
    now: Moment,
}

impl Question {
    /// Right after the last attempt, when the answer is no.
    pub fn refused(organizations: u64) -> Self {
        Self::asked(organizations, Millis::ZERO)
    }

    /// Thirty days later, when it is yes.
    pub fn granted(organizations: u64) -> Self {
        Self::asked(organizations, Millis::from_days(30))
    }

    fn asked(organizations: u64, later: Millis) -> Self {
        let at = begins() + Millis::from_mins(2 * organizations) + later;
        let wall = jiff::Timestamp::from_millisecond(at.as_millisecond()).expect("in range");
        let question = Self {
            ledger: ledger(organizations),
            policy: LimiterPolicy::default(),
            org: OrgId::new("0"),
            now: Moment { at, wall },
        };
        let granted = later > Millis::ZERO;
        assert_eq!(question.decide(), granted, "{organizations} organizations");
        question
    }

    /// Whether it is granted.
    pub fn decide(&self) -> bool {
        decide(black_box(&self.ledger), &self.policy, &self.org, self.now).is_ok()
    }
}

//! What one rule answers, and how the answers of all become one verdict.

use serde::{Deserialize, Serialize};

use crate::id::OrgId;
use crate::limiter::clock::Moment;
use crate::limiter::{block, cooldown, quota};
use crate::policy::LimiterPolicy;
use crate::store::{Ledger, LimiterTime};

/// When a rule lets an attempt through, if nothing else happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Frees {
    /// It does.
    Now,
    /// From this time on, itself included.
    At(LimiterTime),
    /// It never will: a quota of none.
    Never,
}

impl Frees {
    /// Free from `time` on.
    pub(super) fn from(time: LimiterTime, at: LimiterTime) -> Self {
        if time <= at {
            Self::Now
        } else {
            Self::At(time)
        }
    }
}

/// Why a start is refused, in the order in which ties are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(utoipa::ToSchema), schema(as = Rule))]
#[serde(rename_all = "snake_case")]
pub enum Denial {
    /// The store could not be asked.
    StoreUnavailable,
    /// The organization has an attempt or a session under way.
    AlreadyActive,
    /// Attempts of all organizations together.
    Global,
    /// Attempts of this organization.
    PerOrg,
    /// After this organization's last failure.
    Cooldown,
    /// After a `rate_limited`.
    Block,
}

impl Denial {
    /// The name in the API, in logs and in scenarios.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StoreUnavailable => "store_unavailable",
            Self::AlreadyActive => "already_active",
            Self::Global => "global",
            Self::PerOrg => "per_org",
            Self::Cooldown => "cooldown",
            Self::Block => "block",
        }
    }
}

/// What the rules refuse, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The rule that frees last; of several, the first in the order of the rules.
    pub cause: Denial,
    /// The other rules that stand in the way.
    pub also: Vec<Denial>,
    /// The earliest time at which the same call would be granted if nothing else happened; none if it never would.
    pub until: Option<LimiterTime>,
}

/// Whether an attempt of `org` may begin `now`: the rules of the policy over what the ledger remembers.
///
/// # Errors
/// What refuses it, and until when.
pub fn decide(
    ledger: &Ledger,
    policy: &LimiterPolicy,
    org: &OrgId,
    now: Moment,
) -> Result<(), Refused> {
    let at = now.at;
    let rules = [
        (Denial::Global, quota::global(ledger, policy.global, at)),
        (
            Denial::PerOrg,
            quota::per_org(ledger, &policy.per_org, org, now),
        ),
        (
            Denial::Cooldown,
            cooldown::cooldown(ledger, policy.cooldown, org, at),
        ),
        (Denial::Block, block::block(ledger, org, at)),
    ];
    let last = rules
        .iter()
        .map(|(_, frees)| *frees)
        .max()
        .unwrap_or(Frees::Now);
    let until = match last {
        Frees::Now => return Ok(()),
        Frees::At(time) => Some(time),
        Frees::Never => None,
    };
    let mut standing = rules
        .iter()
        .filter(|(_, frees)| *frees != Frees::Now)
        .map(|(denial, _)| *denial);
    let cause = rules
        .iter()
        .find(|(_, frees)| *frees == last)
        .map_or(Denial::Global, |(denial, _)| *denial);
    Err(Refused {
        cause,
        also: standing
            .by_ref()
            .filter(|denial| *denial != cause)
            .collect(),
        until,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_named_as_the_api_names_it() {
        let named = |denial: Denial| denial.name();
        let serialized = |denial: Denial| {
            serde_json::to_value(denial)
                .ok()
                .and_then(|value| value.as_str().map(str::to_owned))
        };
        for denial in [
            Denial::StoreUnavailable,
            Denial::AlreadyActive,
            Denial::Global,
            Denial::PerOrg,
            Denial::Cooldown,
            Denial::Block,
        ] {
            assert_eq!(serialized(denial).as_deref(), Some(named(denial)));
        }
    }
}

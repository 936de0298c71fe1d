//! The limiter against its rules stated once more, the simplest way, over any history: starts, failures, blocks, crashes
//! with the wall clock set back, and a store that is away.

use jiff::Timestamp;
use proptest::prelude::*;
use squall_protocol::{Instant, Millis, Now};
use squall_session::limiter::{Admission, Limiter, MemoryStore};
use squall_session::policy::{BlockScope, Quota, Window};
use squall_session::{Consequence, LimiterPolicy, OrgId, State};

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const DAY: u64 = 24 * HOUR;
const DAY_LONG: Millis = Millis::new(DAY);
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

const FAILED: Consequence = Consequence {
    failure: true,
    clear: false,
    block: None,
    ban: false,
};

fn blocked(hours: u64) -> Consequence {
    Consequence {
        block: Some(Millis::from_hours(hours)),
        ..Consequence::default()
    }
}

fn clocks(mono: u64, wall: u64) -> Now {
    let wall = i64::try_from(wall).expect("a time within a few years");
    Now {
        mono: Instant::at(mono),
        wall: Timestamp::from_millisecond(wall).expect("in range"),
    }
}

fn org(name: &str) -> OrgId {
    OrgId::new(name)
}

fn boot(store: &MemoryStore, policy: LimiterPolicy, now: Now) -> Limiter<MemoryStore> {
    Limiter::boot(store.clone(), policy, now)
        .expect("healthy")
        .0
}

/// One thing that may happen.
#[derive(Clone, Debug)]
enum Act {
    /// Asked; and what becomes of the permit.
    Start(usize, Fate),
    Fail(usize),
    Block(usize, u64),
    /// The process dies and boots with the wall clock set back by so much.
    Crash(u64),
    /// The store cannot be used for the next act.
    Outage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Dialed,
    Late,
    Withdrawn,
    Kept,
}

fn act() -> impl Strategy<Value = Act> {
    let who = || 0..NAMES.len();
    let fate = prop_oneof![
        4 => Just(Fate::Dialed),
        1 => Just(Fate::Late),
        1 => Just(Fate::Withdrawn),
        1 => Just(Fate::Kept),
    ];
    prop_oneof![
        8 => (who(), fate).prop_map(|(who, fate)| Act::Start(who, fate)),
        2 => who().prop_map(Act::Fail),
        1 => (who(), 1u64..40).prop_map(|(who, hours)| Act::Block(who, hours)),
        1 => (0u64..2 * DAY).prop_map(Act::Crash),
        1 => Just(Act::Outage),
    ]
}

/// What was truly granted, in true time, remembered the simplest way.
#[derive(Debug, Default)]
struct Memory {
    counted: Vec<(u64, usize)>,
    failures: Vec<(u64, usize)>,
    blocks: Vec<(u64, usize)>,
}

impl Memory {
    /// The rules once more, each as its table says it, over everything that ever happened.
    fn admits(&self, policy: &LimiterPolicy, now: u64, who: usize) -> bool {
        let inside = |from: u64, per: Millis| from + per.get() > now;
        let all = self.counted.iter();
        let global = all.clone().filter(|(t, _)| inside(*t, policy.global.per));
        let own = all.filter(|(t, w)| *w == who && inside(*t, DAY_LONG));
        let max = |max: u32| usize::try_from(max).expect("small");
        global.count() < max(policy.global.max)
            && own.count() < max(policy.per_org.max)
            && self
                .failures
                .iter()
                .all(|(t, w)| *w != who || t + policy.cooldown.get() <= now)
            && self.blocks.iter().all(|(until, w)| {
                (policy.block_scope == BlockScope::Org && *w != who) || *until <= now
            })
    }
}

fn policy() -> impl Strategy<Value = LimiterPolicy> {
    (1u32..4, 1u32..4, any::<bool>()).prop_map(|(global, per_org, all)| LimiterPolicy {
        global: Quota {
            max: global,
            per: Millis::from_hours(1),
        },
        per_org: Quota {
            max: per_org,
            per: Window::Rolling(DAY_LONG),
        },
        block_scope: if all {
            BlockScope::All
        } else {
            BlockScope::Org
        },
        ..LimiterPolicy::default()
    })
}

proptest! {
    #[test]
    fn every_answer_is_that_of_the_rules_over_all_that_ever_happened(
        policy in policy(),
        history in prop::collection::vec((1u64..3 * HOUR, act()), 1..60),
        asked in 0..NAMES.len(),
    ) {
        let store = MemoryStore::new();
        let mut limiter = boot(&store, policy.clone(), clocks(0, 1_000 * DAY));
        let mut memory = Memory::default();
        // True time; the wall clock lags by what it was set back, the monotonic one began at the last boot.
        let (mut now, mut lag, mut booted) = (0u64, 0u64, 0u64);
        let mut kept: Vec<usize> = Vec::new();
        let mut out = false;
        for (later, act) in history {
            now += later;
            let clock = |ms: u64| clocks(ms - booted, (1_000 * DAY + ms) - lag);
            store.set_available(!out);
            match act {
                Act::Start(who, _) if kept.contains(&who) => {}
                Act::Start(who, fate) => {
                    let expected = !out && memory.admits(&policy, now, who);
                    let Admission::Granted(permit) = limiter.admit(clock(now), &org(NAMES[who]), false) else {
                        prop_assert!(!expected, "refused what the rules admit at {now}");
                        continue;
                    };
                    prop_assert!(expected, "granted what the rules refuse at {now}");
                    memory.counted.push((now, who));
                    let due = now + 30 * SECOND;
                    match fate {
                        Fate::Kept => kept.push(who),
                        Fate::Withdrawn => {
                            memory.counted.pop();
                            let _ = limiter.withdraw(clock(now), permit.attempt());
                        }
                        Fate::Dialed | Fate::Late => {
                            now = if fate == Fate::Late { due + 31 * SECOND } else { due };
                            let confirmed = limiter.confirm(clock(now), permit).is_ok();
                            prop_assert_eq!(confirmed, fate == Fate::Dialed);
                            let _ = limiter.rest(&org(NAMES[who]), State::Idle);
                        }
                    }
                }
                Act::Fail(who) => {
                    memory.failures.push((now, who));
                    let _ = limiter.ended(clock(now), &org(NAMES[who]), FAILED, None);
                }
                Act::Block(who, hours) => {
                    memory.blocks.push((now + hours * HOUR, who));
                    let _ = limiter.ended(clock(now), &org(NAMES[who]), blocked(hours), None);
                }
                Act::Crash(back) => {
                    // What is unwritten would die with the process, which is another test's matter.
                    store.set_available(true);
                    let _ = limiter.status(clock(now), &org("a"));
                    let _ = limiter.rest(&org("z"), State::Idle);
                    let _ = limiter.ended(clock(now), &org("z"), Consequence::default(), None);
                    (lag, booted) = (lag + back, now);
                    limiter = boot(&store, policy.clone(), clocks(0, (1_000 * DAY + now) - lag));
                    memory.failures.extend(kept.drain(..).map(|who| (now, who)));
                }
                Act::Outage => {
                    out = true;
                    continue;
                }
            }
            out = false;
        }
        store.set_available(true);
        let clock = |ms: u64| clocks(ms - booted, (1_000 * DAY + ms) - lag);
        let name = org(NAMES[asked]);
        let refused = limiter.status(clock(now), &name).expect("healthy");
        prop_assert_eq!(refused.refused.is_none(), memory.admits(&policy, now, asked));
        if let Some(retry_at) = refused.retry_at {
            let remaining = u64::try_from(retry_at.duration_since(clock(now).wall).as_millis()).expect("ahead");
            let edge = now + remaining;
            let early = limiter.admit(clock(edge - 1), &name, false);
            let denied = matches!(early, Admission::Denied { .. });
            prop_assert!(denied, "granted 1 ms before retry_at");
            let on_time = matches!(limiter.admit(clock(edge), &name, false), Admission::Granted(_));
            prop_assert!(on_time, "refused at retry_at");
        }
    }
}

//! What every store does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use proptest::prelude::*;
use squall_session::limiter::{Admission, Denial, Limiter};
use squall_session::store::{Ledger, Store};
use squall_session::{AttemptId, Consequence, LimiterPolicy, State};

use crate::bench::{Bench, Failing, InFile, InMemory, OnDisk};
use crate::{acts, all, at, attempt, device, live, org, paired, time};

fn a_new_store_remembers_nothing<B: Bench>() {
    let mut store = B::new().open();
    let ledger = store.transact(|ledger| ledger.clone()).expect("healthy");
    assert_eq!(ledger, Ledger::default());
    assert!(store.device(&org("a")).expect("healthy").is_none());
}

fn each_act_is_there_after_a_restart<B: Bench>() {
    let bench = B::new();
    let mut seen = vec![all(&bench.open())];
    for act in acts() {
        let mut store = bench.open();
        assert!(act(&mut store), "a healthy store does as it is told");
        let said = all(&store);
        drop(store);
        assert_eq!(all(&bench.open()), said);
        assert!(!seen.contains(&said), "each act changes something");
        seen.push(said);
    }
}

fn work_that_panics_commits_nothing<B: Bench>() {
    let bench = B::new();
    let mut store = bench.open();
    live(&mut store);
    let before = all(&store);
    let panics = catch_unwind(AssertUnwindSafe(|| {
        let _ = store.transact(|ledger| {
            ledger.attempts.clear();
            panic!("in the midst of it");
        });
    }));
    assert!(panics.is_err());
    assert_eq!(all(&store), before);
    drop(store);
    assert_eq!(all(&bench.open()), before);
}

fn a_device_comes_back_whole_and_is_replaced_by_the_next<B: Bench>() {
    let bench = B::new();
    let mut store = bench.open();
    store.put_device(&org("a"), device(1)).expect("healthy");
    store.put_device(&org("a"), paired(2)).expect("healthy");
    drop(store);
    let (kept, put) = (bench.open().device(&org("a")).expect("healthy"), paired(2));
    let kept = kept.expect("it was put there");
    assert_eq!(kept.noise.secret(), put.noise.secret());
    assert_eq!(kept.identity.secret(), put.identity.secret());
    assert_eq!(kept.signed_pre_key.secret(), put.signed_pre_key.secret());
    assert_eq!(kept.signed_pre_key_signature, put.signed_pre_key_signature);
    assert_eq!(
        (kept.registration_id, kept.adv_secret, kept.jid, kept.lid),
        (put.registration_id, put.adv_secret, put.jid, put.lid)
    );
}

fn a_device_set_aside_is_not_the_organizations_any_more_and_is_not_erased<B: Bench>() {
    let mut store = B::new().open();
    store.put_device(&org("a"), device(1)).expect("healthy");
    let set_aside = store.set_device_aside(&org("a"), AttemptId(4));
    set_aside.expect("healthy");
    assert!(store.device(&org("a")).expect("healthy").is_none());
    let aside = store.contents().expect("healthy").aside;
    let kept = aside.get(&(org("a"), AttemptId(4))).expect("not erased");
    assert_eq!(kept.noise.secret(), device(1).noise.secret());
    // Nobody's device is nothing to set aside, and overwrites none that is.
    let again = store.set_device_aside(&org("a"), AttemptId(4));
    again.expect("healthy");
    assert_eq!(store.contents().expect("healthy").aside.len(), 1);
}

fn an_admission_counts_after_the_death_of_the_process<B: Bench>() {
    let bench = B::new();
    let policy = LimiterPolicy::default();
    let (mut limiter, _) = Limiter::boot(bench.open(), policy.clone(), at(0)).expect("healthy");
    let admission = limiter.admit(at(1), &org("a"), false);
    assert!(matches!(admission, Admission::Granted(_)), "{admission:?}");
    drop(limiter);
    let (mut limiter, found) = Limiter::boot(bench.open(), policy, at(2)).expect("healthy");
    assert_eq!(found.cut_short, [(org("a"), AttemptId(1))]);
    let status = limiter.status(at(3), &org("a")).expect("healthy");
    assert_eq!((status.global_attempts, status.org_attempts), (1, 1));
    let refused = status.refused.expect("a death is a failure");
    assert_eq!(refused.cause, Denial::Cooldown);
}

fn a_commit_that_fails_changes_nothing_and_the_next_one_is_done<B: Failing>() {
    let count = acts::<B::Store>().len();
    for nth in 0..count {
        let bench = B::new();
        let mut store = bench.open();
        let acts = acts();
        for act in &acts[..nth] {
            assert!(act(&mut store), "a healthy store does as it is told");
        }
        let before = all(&store);
        bench.fail_next_commit();
        let grown = store.transact(|ledger| {
            ledger.attempts.insert(AttemptId(99), attempt("c", 5, true));
        });
        assert!(grown.is_err(), "after {nth} acts");
        assert_eq!(all(&store), before, "after {nth} acts");
        bench.recover();
        for act in &acts[nth..] {
            assert!(act(&mut store), "it goes on after it failed");
        }
        let mut whole = B::new().open();
        live(&mut whole);
        assert_eq!(all(&store), all(&whole), "after {nth} acts");
        drop(store);
        assert_eq!(all(&bench.open()), all(&whole), "after {nth} acts");
    }
}

macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[test] fn $name() { super::$name::<super::InMemory>(); })*
        }
        mod file {
            $(#[test] fn $name() { super::$name::<super::InFile>(); })*
        }
    };
}

suite!(
    a_new_store_remembers_nothing,
    each_act_is_there_after_a_restart,
    work_that_panics_commits_nothing,
    a_device_comes_back_whole_and_is_replaced_by_the_next,
    a_device_set_aside_is_not_the_organizations_any_more_and_is_not_erased,
    an_admission_counts_after_the_death_of_the_process,
);

#[test]
fn a_failed_commit_of_the_store_in_memory() {
    a_commit_that_fails_changes_nothing_and_the_next_one_is_done::<InMemory>();
}

#[test]
fn a_failed_commit_of_the_store_in_a_file() {
    a_commit_that_fails_changes_nothing_and_the_next_one_is_done::<OnDisk>();
}

/// One thing that a gateway asks of its limiter.
#[derive(Clone, Debug)]
enum Ask {
    Start(usize),
    Failed(usize),
    Blocked(usize),
    Rest(usize),
    Restart,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

fn ask() -> impl Strategy<Value = Ask> {
    let who = || 0..NAMES.len();
    prop_oneof![
        4 => who().prop_map(Ask::Start),
        1 => who().prop_map(Ask::Failed),
        1 => who().prop_map(Ask::Blocked),
        1 => who().prop_map(Ask::Rest),
        1 => Just(Ask::Restart),
    ]
}

/// What the limiter answered to each, and what the store holds in the end.
fn answers<B: Bench>(asks: &[(u64, Ask)]) -> (Vec<String>, String) {
    let bench = B::new();
    let boot = |store, ms| Limiter::boot(store, LimiterPolicy::default(), at(ms)).expect("healthy");
    let mut limiter = boot(bench.open(), 0).0;
    let mut ms = 0;
    let answers = asks.iter().map(|(after, ask)| {
        ms += after;
        let failed = Consequence {
            failure: true,
            ..Consequence::default()
        };
        match ask {
            Ask::Start(who) => format!("{:?}", limiter.admit(at(ms), &org(NAMES[*who]), false)),
            Ask::Failed(who) => format!(
                "{:?}",
                limiter.ended(at(ms), &org(NAMES[*who]), failed, None)
            ),
            Ask::Blocked(who) => {
                let block = Some(time(90_000_000) - time(0));
                let then = Consequence { block, ..failed };
                format!("{:?}", limiter.ended(at(ms), &org(NAMES[*who]), then, None))
            }
            Ask::Rest(who) => format!("{:?}", limiter.rest(&org(NAMES[*who]), State::Idle)),
            Ask::Restart => {
                // A store that is open is not opened again: it is let go of first.
                let elsewhere = B::new();
                drop(std::mem::replace(
                    &mut limiter,
                    boot(elsewhere.open(), ms).0,
                ));
                let (booted, found) = boot(bench.open(), ms);
                limiter = booted;
                format!("{found:?}")
            }
        }
    });
    let answers = answers.collect();
    drop(limiter);
    (answers, all(&bench.open()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_history_tells_one_store_from_the_other(
        asks in prop::collection::vec((1u64..20_000_000, ask()), 1..24)
    ) {
        prop_assert_eq!(answers::<InMemory>(&asks), answers::<OnDisk>(&asks));
    }
}

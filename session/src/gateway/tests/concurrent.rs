//! Many operators at once.

use std::sync::Barrier;
use std::thread;

use super::*;
use crate::gateway::Denied;
use crate::limiter::Denial;

/// Calls at once, and for how many organizations.
const CALLS: usize = 50;
const ORGANIZATIONS: usize = 10;

/// What fifty calls at once are answered; and how many attempts are stored.
fn ask_all(runtime: &tokio::runtime::Runtime) -> (Vec<(OrgId, Option<Denial>)>, usize) {
    let context = runtime.enter();
    let house = House::new();
    drop(context);
    let begin = Barrier::new(CALLS);
    let answers: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..CALLS)
            .map(|call| {
                let (gateway, begin, handle) = (&house.gateway, &begin, runtime.handle());
                scope.spawn(move || {
                    let _context = handle.enter();
                    let org = org(&(call % ORGANIZATIONS).to_string());
                    begin.wait();
                    let denied = match gateway.start(&org) {
                        Ok(_) => None,
                        Err(Denied::Limiter { cause, .. }) => Some(cause),
                        Err(Denied::Closing) => panic!("nobody closes it"),
                    };
                    (org, denied)
                })
            })
            .collect();
        calls
            .into_iter()
            .map(|call| call.join().expect("no panic"))
            .collect()
    });
    let mut store = house.store.clone();
    let stored = store.transact(|ledger| ledger.attempts.len());
    (answers, stored.expect("healthy"))
}

#[test]
fn fifty_starts_at_once_admit_exactly_what_the_rules_allow() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    for round in 0..100 {
        let (answers, stored) = ask_all(&runtime);
        let granted: BTreeSet<_> = answers
            .iter()
            .filter(|(_, denied)| denied.is_none())
            .map(|(org, _)| org)
            .collect();
        let all = answers
            .iter()
            .filter(|(_, denied)| denied.is_none())
            .count();
        // 3 an hour in all, and one at a time for each organization.
        assert_eq!((all, granted.len(), stored), (3, 3, 3), "round {round}");
        for (org, denied) in &answers {
            let allowed: &[Option<Denial>] = match granted.contains(org) {
                true => &[None, Some(Denial::AlreadyActive), Some(Denial::Global)],
                false => &[Some(Denial::Global)],
            };
            assert!(allowed.contains(denied), "round {round}: {org} {denied:?}");
        }
    }
}

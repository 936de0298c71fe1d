//! An operator's day.

use super::*;
use crate::gateway::{Denied, NoQr, NoSuchOrganization};
use crate::limiter::Denial;

#[tokio::test(start_paused = true)]
async fn from_the_start_over_the_scan_to_the_block_and_its_refusal() {
    let mut house = House::new();
    let two = org("2");
    assert_eq!(house.gateway.standing(&two), Err(NoSuchOrganization));
    let limits = house.gateway.limits(Some(&two)).expect("healthy");
    assert!(limits.can_connect && limits.global_attempts == 0);

    let began = house.clock.now();
    let granted = house.gateway.start(&two).expect("admitted");
    assert!(granted.needs_pairing);
    assert_eq!(
        granted.dial_at.duration_since(began.wall).as_millis(),
        30_000
    );
    assert_eq!(house.state(&two), State::Waiting);
    assert_eq!(house.gateway.qr(&two), Err(NoQr::NotShown(State::Waiting)));

    let mut first = house.secured().await;
    assert_eq!(house.clock.mono(), Instant::at(30_000));
    house.pair(&mut first, &two).await;
    let mut peer = house.connected().await;
    house.stands(&two, State::Connected).await;
    let standing = house.gateway.standing(&two).expect("known");
    assert_eq!(standing.phone_number.as_deref(), Some("15550100"));
    assert!(standing.status.connected && standing.status.last_activity.is_some());
    assert!(matches!(house.gateway.qr(&two), Err(NoQr::NotShown(_))));

    house.pass(Millis::from_secs(1)).await;
    let at = house.clock.now();
    peer.send(&Node::new("stream:error").attr("code", "515"))
        .await;
    house.stands(&two, State::Blocked).await;
    let standing = house.gateway.standing(&two).expect("known");
    assert_eq!(standing.status.disconnect_reason, Some(Cause::RateLimited));
    let until = standing.blocked_until.expect("a block has an end");
    assert_eq!(until.duration_since(at.wall).as_hours(), 24);
    let Err(Denied::Limiter {
        cause, retry_at, ..
    }) = house.gateway.start(&two)
    else {
        panic!("a block refuses")
    };
    assert_eq!((cause, retry_at), (Denial::Block, Some(until)));
    let limits = house.gateway.limits(Some(&two)).expect("healthy");
    assert!(!limits.can_connect);
    assert_eq!(limits.retry_at, Some(until));
    assert_eq!(limits.decisions.len(), 2);
    house.pass(Millis::from_hours(48)).await;
    assert!(!house.has_dialed(), "nothing dials after an end");
    let end = State::DisconnectedManualReconnectRequired;
    assert_eq!(house.state(&two), end);
    assert!(house.told.lock().expect("unpoisoned").contains(&(two, end)));
}

use crate::cause::Cause;

#[tokio::test(start_paused = true)]
async fn a_cancel_before_the_dial_gives_the_slot_back() {
    let mut house = House::new();
    let two = org("2");
    house.gateway.start(&two).expect("admitted");
    let refused = house.gateway.start(&two);
    assert!(matches!(
        refused,
        Err(Denied::Limiter {
            cause: Denial::AlreadyActive,
            retry_at: None,
            ..
        })
    ));
    house.gateway.stop(&two).expect("known");
    house.stands(&two, State::Idle).await;
    let limits = house.gateway.limits(Some(&two)).expect("healthy");
    assert!(limits.can_connect);
    assert_eq!((limits.global_attempts, limits.org_attempts), (0, Some(0)));
    house.pass(Millis::from_hours(1)).await;
    assert!(!house.has_dialed());
    assert_eq!(house.gateway.stop(&org("3")), Err(NoSuchOrganization));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_closes_ends_its_sessions_and_admits_none() {
    let mut house = House::new();
    let (two, three) = (org("2"), org("3"));
    let _peer = house.paired(&two).await;
    house.stands(&two, State::Connected).await;
    house.gateway.start(&three).expect("admitted");
    let began = house.clock.mono();
    house.gateway.close().await.expect("healthy");
    assert!(house.clock.mono() - began <= LET_GO);
    assert_eq!(house.gateway.start(&org("4")), Err(Denied::Closing));
    let mut store = house.store.clone();
    let ledger = store.transact(|ledger| ledger.clone()).expect("healthy");
    assert_eq!(ledger.ends.get(&two), Some(&State::Idle));
    assert!(ledger.failures.is_empty(), "a stop is no failure");
    assert_eq!(ledger.attempts.len(), 1, "what never dialed is given back");
    assert!(!house.has_dialed());
}

#[tokio::test(start_paused = true)]
async fn a_device_that_could_not_be_written_is_written_later() {
    let mut house = House::new();
    let two = org("2");
    house.gateway.start(&two).expect("admitted");
    let mut first = house.secured().await;
    house.store.set_available(false);
    house.pair(&mut first, &two).await;
    let _second = house.connected().await;
    house.store.set_available(true);
    assert!(house.store.device(&two).expect("healthy").is_none());
    house.pass(crate::limiter::MARK).await;
    let kept = house.store.device(&two).expect("healthy");
    assert!(kept.is_some_and(|device| device.is_paired()));
}

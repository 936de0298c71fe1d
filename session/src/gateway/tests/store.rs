//! A store that fails for a while: nothing that happens meanwhile is forgotten, and operators are told.

use super::*;
use crate::store::Store as _;

/// What the store holds, for a process that boots after this one.
fn stored(house: &House) -> Contents {
    house.store.contents().expect("healthy")
}

fn told(house: &House) -> Vec<&'static str> {
    let notices = house.of_the_store.lock().expect("unpoisoned");
    notices
        .iter()
        .map(|notice| match notice {
            Notice::StoreFails { .. } => "fails",
            Notice::StoreWorks => "works",
            other => panic!("not of the store: {other:?}"),
        })
        .collect()
}

/// A connected session of organization 2, whose server says 429 while the store cannot be written.
async fn blocked_while_the_store_fails() -> House {
    let mut house = House::new();
    let two = org("2");
    let mut peer = house.paired(&two).await;
    house.store.set_available(false);
    peer.send(&Node::new("stream:error").attr("code", "429"))
        .await;
    house.stands(&two, State::Blocked).await;
    assert_eq!(told(&house), ["fails"]);
    house
}

#[tokio::test(start_paused = true)]
async fn a_block_that_the_store_could_not_take_is_in_it_a_second_after_it_works_again() {
    let house = blocked_while_the_store_fails().await;
    house.pass(Millis::from_mins(1)).await;
    assert_eq!(told(&house), ["fails"], "told once");
    house.store.set_available(true);
    assert!(stored(&house).ledger.blocks.is_empty());
    house.pass(TRY_AGAIN).await;
    let ledger = stored(&house).ledger;
    assert!(ledger.blocks.contains_key(&org("2")));
    // With the end that it is for: a death from now on cuts nothing short.
    assert_eq!(ledger.ends.get(&org("2")), Some(&State::Blocked));
    assert!(ledger.attempts.values().all(|attempt| !attempt.open));
    assert_eq!(told(&house), ["fails", "works"]);
}

#[tokio::test(start_paused = true)]
async fn an_orderly_end_writes_what_the_store_had_not_taken_or_says_that_it_is_lost() {
    let house = blocked_while_the_store_fails().await;
    house.store.set_available(true);
    assert_eq!(house.gateway.close().await, Ok(()));
    assert!(stored(&house).ledger.blocks.contains_key(&org("2")));

    let house = blocked_while_the_store_fails().await;
    house.gateway.close().await.expect_err("it still fails");
}

#[tokio::test(start_paused = true)]
async fn a_pairing_that_the_store_could_not_take_is_in_it_once_it_works_again() {
    let mut house = House::new();
    let two = org("2");
    house.start(&two);
    let mut first = house.secured().await;
    house.offer(&mut first, &two).await;
    house.store.set_available(false);
    house.scan(&mut first, &two).await;
    let _second = house.secured().await;
    house.store.set_available(true);
    let paired = |house: &House| {
        stored(house)
            .devices
            .get(&two)
            .is_some_and(Device::is_paired)
    };
    assert!(!paired(&house));
    house.pass(TRY_AGAIN + Millis::new(1)).await;
    assert!(paired(&house));
    assert_eq!(told(&house), ["fails", "works"]);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_no_driver_has_heard_of_is_cancelled_by_an_orderly_end() {
    let house = House::new();
    house.start(&org("2"));
    house.gateway.close().await.expect("healthy");
    let ledger = stored(&house).ledger;
    assert!(ledger.attempts.is_empty(), "{:?}", ledger.attempts);
    assert_eq!(ledger.ends.get(&org("2")), Some(&State::Idle));
}

//! Boot never dials, whatever it finds, and forgets nothing.

use super::*;
use crate::cause::Cause;
use crate::gateway::Denied;
use crate::limiter::Denial;

/// The process dies where it stands, and the next one boots on its store.
async fn killed(house: House) -> House {
    let House { clock, store, .. } = house;
    // The tasks of the dead process go on in this one; their store is another one from now on.
    let contents = store.contents().expect("healthy");
    House::on(MemoryStore::holding(contents), clock)
}

#[tokio::test(start_paused = true)]
async fn a_boot_finds_what_its_death_cut_short_and_dials_nothing() {
    for stage in 0..4 {
        let mut house = House::new();
        let two = org("2");
        house.gateway.start(&two).expect("admitted");
        let mut peers = Vec::new();
        if stage > 0 {
            let mut first = house.secured().await;
            if stage > 1 {
                house.pair(&mut first, &two).await;
                peers.push(house.secured().await);
            }
            if stage > 2 {
                let peer = peers.last_mut().expect("dialed again");
                peer.send(&Node::new("success")).await;
                house.pass(Millis::from_secs(1)).await;
            }
            peers.push(first);
        }
        let mut house = killed(house).await;
        assert_eq!(house.found.cut_short.len(), 1, "stage {stage}");
        let standing = house.gateway.standing(&two).expect("known");
        assert_eq!(
            (standing.status.state, standing.status.disconnect_reason),
            (
                State::DisconnectedManualReconnectRequired,
                Some(Cause::ProcessDied)
            ),
            "stage {stage}"
        );
        assert_eq!(standing.status.needs_pairing, stage < 2, "stage {stage}");
        let Err(Denied::Limiter { cause, .. }) = house.gateway.start(&two) else {
            panic!("stage {stage}: a death is a failure")
        };
        assert_eq!(cause, Denial::Cooldown, "stage {stage}");
        house.pass(Millis::from_hours(48)).await;
        assert!(!house.has_dialed(), "stage {stage}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_death_of_a_process_is_the_last_end_until_there_is_another() {
    let house = House::new();
    let two = org("2");
    house.start(&two);
    let house = killed(house).await;
    house.pass(Millis::from_hours(3)).await;
    let reason = |house: &House| {
        let standing = house.gateway.standing(&two).expect("known");
        standing.status.disconnect_reason
    };
    house.start(&two);
    assert_eq!(reason(&house), Some(Cause::ProcessDied));
    house.pass(Millis::from_secs(1)).await;
    house.gateway.stop(&two).expect("known");
    house.stands(&two, State::Idle).await;
    assert_eq!(reason(&house), Some(Cause::Stopped));
}

#[tokio::test(start_paused = true)]
async fn a_block_outlives_the_process() {
    let mut house = House::new();
    let two = org("2");
    let mut peer = house.paired(&two).await;
    peer.send(&Node::new("stream:error").attr("code", "429"))
        .await;
    house.stands(&two, State::Blocked).await;
    let until = house.gateway.standing(&two).expect("known").blocked_until;
    let mut house = killed(house).await;
    assert!(house.found.cut_short.is_empty());
    let standing = house.gateway.standing(&two).expect("known");
    assert_eq!(standing.status.state, State::Blocked);
    assert_eq!(standing.blocked_until, until);
    house.pass(Millis::from_hours(25)).await;
    let end = State::DisconnectedManualReconnectRequired;
    assert_eq!(house.state(&two), end);
    assert!(!house.has_dialed());
    assert!(!house.gateway.start(&two).expect("it is over").needs_pairing);
}

//! Faults of the link: what becomes of messages and dials.

use crate::script::{Script, said};
use squall_mock_server::fault::{
    Blackhole, Connect, Direction, Fate, Flap, Latency, Partition, RefuseConnect, Target, Ways,
    Which,
};
use squall_mock_server::server::Settings;
use squall_protocol::Millis;

#[test]
fn a_blackhole_keeps_messages_until_it_is_taken_off() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    let conn = script.login("2", &device);
    let fates = |script: &mut Script| {
        [Direction::ToClient, Direction::ToServer].map(|way| script.carry(conn, way, 0).fate)
    };
    assert_eq!(fates(&mut script), [Fate::Goes, Fate::Goes]);
    let fault = Blackhole {
        direction: Ways::ToClient,
        reads: true,
    };
    script.fault(1, fault, Target::default(), false);
    assert_eq!(fates(&mut script), [Fate::Held, Fate::Goes]);
    script.sent();
    script.fault_off(1);
    assert_eq!(script.sent(), said(&["1 resume"]));
    assert_eq!(fates(&mut script), [Fate::Goes, Fate::Goes]);
}

#[test]
fn latency_is_drawn_from_seed_fault_connection_direction_and_message_alone() {
    let draws = |order: &[(u64, Direction, u64)]| {
        let mut script = Script::new(Settings::default());
        script.dial("2");
        script.dial("3");
        let jitter = Millis::from_secs(100);
        let fault = Latency {
            base: Millis::ZERO,
            jitter,
        };
        script.fault(1, fault, Target::default(), false);
        let drawn = order.iter().map(|&(conn, way, number)| {
            let which = (conn, way == Direction::ToClient, number);
            (which, script.carry(conn, way, number).after)
        });
        drawn.collect::<std::collections::BTreeMap<_, _>>()
    };
    let mut order = Vec::new();
    for conn in [1, 2] {
        for way in [Direction::ToClient, Direction::ToServer] {
            order.extend([0, 1, 2].map(|number| (conn, way, number)));
        }
    }
    let drawn = draws(&order);
    // Each is asked about twice, as what is held is, and in another order.
    let twice: Vec<_> = order.iter().rev().chain(&order).copied().collect();
    assert_eq!(draws(&twice), drawn);
    let different: std::collections::BTreeSet<_> = drawn.values().collect();
    assert_eq!(different.len(), drawn.len());
}

#[test]
fn what_faults_do_to_a_message_adds_up() {
    let mut script = Script::new(Settings::default());
    let conn = script.dial("2");
    let slow = |base| Latency {
        base: Millis::new(base),
        jitter: Millis::ZERO,
    };
    for (id, base) in [(1, 0), (2, 20), (3, 30)] {
        script.fault(id, slow(base), Target::default(), false);
    }
    let passage = script.carry(conn, Direction::ToClient, 0);
    assert_eq!((passage.after, passage.fate), (Millis::new(50), Fate::Goes));
    let hole = Blackhole {
        direction: Ways::Both,
        reads: true,
    };
    script.fault(4, hole, Target::default(), false);
    let passage = script.carry(conn, Direction::ToClient, 1);
    assert_eq!(
        passage.fate,
        Fate::Held,
        "a slow link does not hide the hole"
    );
}

#[test]
fn the_first_fault_with_a_verdict_wins() {
    let mut script = Script::new(Settings::default());
    script.fault(1, Partition::default(), Target::default(), false);
    script.fault(2, RefuseConnect {}, Target::default(), false);
    assert_eq!(script.connect("2"), Connect::Silence);
    script.fault_off(1);
    assert_eq!(script.connect("2"), Connect::Refuse);
}

#[test]
fn a_dial_without_an_answer_is_one_dial_however_often_it_is_tried() {
    let mut script = Script::new(Settings::default());
    script.fault(1, Partition::default(), Target::default(), false);
    assert_eq!(script.connect("2"), Connect::Silence);
    assert_eq!(script.connect_again("2"), Connect::Silence);
    script.fault_off(1);
    assert_eq!(script.connect_again("2"), Connect::Accept);
    let second = Target {
        account: Some("2".into()),
        connection: Which::Nth(2),
    };
    script.fault(2, RefuseConnect {}, second, false);
    assert_eq!(script.connect("2"), Connect::Refuse, "the second dial");
}

#[test]
fn a_network_that_flaps_lets_what_it_held_be_asked_about_when_it_is_up() {
    let mut script = Script::new(Settings::default());
    let device = script.paired("2");
    let conn = script.login("2", &device);
    let began = script.at().mono.since_start().get();
    let flap: Flap = serde_json::from_str(r#"{"up":"50s","down":"10s"}"#).unwrap();
    script.fault(1, flap, Target::default(), false);
    script.sent();
    assert_eq!(script.carry(conn, Direction::ToServer, 9).fate, Fate::Held);
    script.run_until(began + 9_999);
    assert_eq!(script.sent(), said(&[]));
    script.run_until(began + 10_000);
    assert_eq!(script.sent(), said(&["1 resume"]));
    assert_eq!(script.carry(conn, Direction::ToServer, 9).fate, Fate::Goes);
}

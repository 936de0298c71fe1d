//! Few refs, and phones that scan late.

use crate::machine::of;
use crate::script::{Script, said};
use squall_mock_server::fault::{RefsRunOut, ScanLate};
use squall_mock_server::server::{ServerEvent, Settings};
use squall_protocol::pairing::Device;
use squall_protocol::{Millis, Node};

/// The refs of the last pair-device.
fn refs(script: &Script) -> Vec<String> {
    let offer = script.last_node();
    let text = |one: &Node| String::from_utf8(one.content_bytes().unwrap().to_vec()).unwrap();
    let offer = offer.find("pair-device").expect("an offer");
    offer.children().iter().map(text).collect()
}

fn few(refs: u8, renewed: bool) -> RefsRunOut {
    RefsRunOut {
        refs: refs.try_into().unwrap(),
        renewed,
    }
}

/// A device that was offered its refs, 150 ms after the server began.
fn offered(script: &mut Script) -> Device {
    let device = script.device(1);
    script.secured("2", &device);
    script.run_until(150);
    device
}

fn scanned(script: &Script) -> Option<bool> {
    script.events().iter().rev().find_map(|event| match event {
        ServerEvent::Phone { scanned, .. } => Some(*scanned),
        _ => None,
    })
}

#[test]
fn few_refs_have_their_time_and_then_the_server_closes() {
    for (left, closes) in [(2, 150 + 85_000), (1, 150 + 65_000), (0, 150 + 5_000)] {
        let mut script = Script::new(Settings::default());
        script.fault(1, few(left, false), of("2"), true);
        offered(&mut script);
        assert_eq!(refs(&script).len(), usize::from(left));
        script.sent();
        script.run_until(closes - 1);
        assert_eq!(script.sent(), said(&[]));
        script.run_until(closes);
        assert_eq!(script.sent(), said(&["1 close 1000"]));
        script.close_all();
        let device = script.device(2);
        script.secured("2", &device);
        script.run_until(script.now + 150);
        assert_eq!(refs(&script).len(), 6, "an injected fault is over");
    }
}

#[test]
fn a_pairing_of_few_refs_that_was_scanned_is_not_closed_by_their_end() {
    let mut script = Script::new(Settings::default());
    script.fault(1, few(1, false), of("2"), true);
    let device = offered(&mut script);
    script.scan(&device);
    script.sent();
    script.run_until(600_000);
    assert_eq!(script.sent(), said(&[]));
}

#[test]
fn renewed_refs_are_others_and_come_before_the_first_have_had_their_time() {
    let mut script = Script::new(Settings::default());
    script.fault(1, few(2, true), of("2"), true);
    offered(&mut script);
    let mut known = refs(&script);
    for offer in 1..4 {
        script.sent();
        script.run_until(150 + offer * 75_000);
        assert_eq!(script.sent().len(), 1);
        let new = refs(&script);
        assert!(new.len() == 2 && new.iter().all(|text| !known.contains(text)));
        known.extend(new);
    }
}

#[test]
fn a_late_phone_scans_what_is_shown_then() {
    let mut script = Script::new(Settings::default());
    let after = Millis::from_secs(70);
    script.fault(1, ScanLate { after }, of("2"), true);
    let device = offered(&mut script);
    let refs = refs(&script);
    script.phone_sees("2", &device, &refs[0]);
    script.run_until(60_150);
    script.phone_sees("2", &device, &refs[1]);
    script.run_until(70_149);
    assert_eq!(scanned(&script), None);
    script.run_until(70_150);
    assert_eq!(scanned(&script), Some(true));
}

#[test]
fn a_phone_that_scans_after_the_refs_scans_in_vain_whether_the_client_is_still_there() {
    for gone in [true, false] {
        let mut script = Script::new(Settings::default());
        let after = Millis::from_secs(166);
        script.fault(1, ScanLate { after }, of("2"), true);
        let device = offered(&mut script);
        let refs = refs(&script);
        script.phone_sees("2", &device, &refs[5]);
        if gone {
            script.run_until(160_150);
            script.close_all();
        }
        script.run_until(166_149);
        assert_eq!(scanned(&script), None);
        script.run_until(166_150);
        assert_eq!(scanned(&script), Some(false), "gone: {gone}");
    }
}

#[test]
fn a_phone_is_late_once_and_keeps_its_habit_then() {
    let mut script = Script::new(Settings::default());
    let after = Millis::from_mins(10);
    script.fault(1, ScanLate { after }, of("2"), true);
    let device = offered(&mut script);
    let first = refs(&script)[0].clone();
    script.phone_sees("2", &device, &first);
    script.run_until(100_000);
    script.close_all();
    let device = script.device(2);
    script.secured("2", &device);
    script.run_until(script.now + 150);
    let first = refs(&script)[0].clone();
    script.phone_sees("2", &device, &first);
    script.run_until(script.now + 5_000);
    assert_eq!(scanned(&script), Some(true));
}

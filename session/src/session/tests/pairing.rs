//! Pairing: codes, the signed identity, and the one re-dial.

use squall_protocol::jid::Jid;
use squall_protocol::pairing::{Account, PairSuccess, parse_qr};

use super::*;
use crate::cause::{Cause, Stage};
use crate::policy::PairingRestart;

fn pair_device(refs: usize) -> Node {
    let offer = (0..refs).fold(Node::new("pair-device"), |offer, n| {
        offer.child(Node::new("ref").bytes(format!("ref-{n}").into_bytes()))
    });
    Node::new("iq")
        .attr("from", "s.whatsapp.net")
        .attr("type", "set")
        .attr("id", "pd-1")
        .attr("xmlns", "md")
        .child(offer)
}

pub(super) fn pair_success(account: &Account, bench: &Bench) -> Node {
    let device = bench.session.device();
    let what = PairSuccess {
        identity: &device.identity.public(),
        jid: Jid::phone(15_550_100, 1),
        lid: Jid::lid(100, 1),
        platform: "android",
        key_index: 3,
        now: bench.now().wall,
    };
    Node::new("iq")
        .attr("from", "s.whatsapp.net")
        .attr("type", "set")
        .attr("id", "ps-1")
        .attr("xmlns", "md")
        .child(account.pair_success(&what, &device.adv_secret, &mut rng(9)))
}

/// An unpaired session whose code was scanned, in the millisecond of the Noise transport.
fn scanned(policy: Policy) -> Bench {
    let mut bench = Bench::with(policy, Device::generate(&mut rng(1)), None).secured();
    bench.stanza(1, pair_device(6));
    let success = pair_success(&Account::generate(&mut rng(8)), &bench);
    bench.did();
    bench.stanza(1, success);
    bench
}

#[test]
fn codes_are_shown_for_60_s_and_then_20_s_each_and_run_out() {
    let mut bench = Bench::unpaired().secured();
    bench.did();
    bench.stanza(1, pair_device(3));
    assert_eq!(
        bench.did(),
        [
            r#"send 1 <iq to="s.whatsapp.net" type="result" id="pd-1"/>"#,
            "state awaiting_qr_scan",
            "qr 1"
        ]
    );
    let mut shown = vec![SECURED];
    while bench.ends.is_empty() {
        let codes = bench.codes.len();
        let (due, _) = bench.next().expect("codes run out");
        bench.until(due);
        bench.answer_all();
        if bench.codes.len() > codes {
            shown.push(due);
        }
    }
    assert_eq!(shown, [SECURED, SECURED + 60_000, SECURED + 80_000]);
    assert_eq!(bench.at, SECURED + 100_000);
    assert_eq!(bench.last_end().cause, Cause::QrExpired);
    assert_eq!(bench.state(), State::DisconnectedManualReconnectRequired);
    let codes = bench
        .codes
        .iter()
        .map(|code| parse_qr(code).expect("a QR code"));
    let references: Vec<String> = codes.map(|code| code.reference).collect();
    assert_eq!(references, ["ref-0", "ref-1", "ref-2"]);
}

#[test]
fn a_later_offer_brings_other_codes_and_no_more_time() {
    let mut bench = Bench::unpaired().secured();
    bench.stanza(1, pair_device(2));
    for _ in 0..100 {
        if !bench.ends.is_empty() {
            break;
        }
        bench.until(bench.at + 15_000);
        bench.answer_all();
        bench.stanza(1, pair_device(2));
    }
    assert_eq!(bench.last_end().cause, Cause::QrExpired);
    assert_eq!(bench.codes.len(), 1 + 5, "one at once, and one an offer");
    let mut bench = Bench::unpaired().secured();
    bench.stanza(1, pair_device(2));
    bench.until(SECURED + 70_000);
    bench.stanza(1, pair_device(6));
    bench.until(SECURED + 79_999);
    assert_eq!(bench.ends, []);
    bench.until(SECURED + 80_000);
    assert_eq!(bench.last_end().cause, Cause::QrExpired);
}

#[test]
fn a_later_offer_of_few_or_no_codes_ends_sooner() {
    let mut bench = Bench::unpaired().secured();
    bench.stanza(1, pair_device(6));
    bench.until(SECURED + 10_000);
    bench.stanza(1, pair_device(1));
    bench.until(SECURED + 69_999);
    bench.answer_all();
    assert_eq!(bench.ends, []);
    bench.until(SECURED + 70_000);
    assert_eq!(bench.last_end().cause, Cause::QrExpired);
    let mut bench = Bench::unpaired().secured();
    bench.stanza(1, pair_device(6));
    bench.stanza(1, pair_device(0));
    assert_eq!(bench.last_end().cause, Cause::QrExpired);
}

#[test]
fn a_scan_that_comes_after_the_codes_pairs_nobody() {
    let mut bench = Bench::unpaired().secured();
    bench.stanza(1, pair_device(1));
    let success = pair_success(&Account::generate(&mut rng(8)), &bench);
    bench.until(SECURED + 30_000);
    bench.answer_all();
    bench.until(SECURED + 60_000);
    assert_eq!(bench.last_end().cause, Cause::QrExpired);
    bench.did();
    bench.stanza(1, success);
    assert_eq!(bench.did(), [""; 0]);
    assert!(bench.session.status().needs_pairing);
}

#[test]
fn a_scan_is_verified_stored_answered_and_awaits_the_515() {
    let mut bench = scanned(Policy::default());
    let did = bench.did();
    assert_eq!(
        did[..2],
        ["device 15550100:1@s.whatsapp.net", "state pairing"]
    );
    assert!(
        did[2].contains(r#"id="ps-1""#) && did[2].contains("pair-device-sign"),
        "{did:?}"
    );
    assert_eq!(did.len(), 3);
    assert!(bench.device.as_ref().is_some_and(Device::is_paired));
    let mut bench = scanned(Policy::default());
    bench.until(SECURED + 59_999);
    assert_eq!(bench.ends, []);
    bench.until(SECURED + 60_000);
    assert_eq!(
        bench.last_end().cause,
        Cause::ConnectTimedOut {
            stage: Stage::Pairing
        }
    );
}

#[test]
fn the_515_after_a_pairing_dials_once_at_once_on_the_same_attempt() {
    let mut bench = scanned(Policy::default());
    bench.until(SECURED + 354);
    bench.did();
    bench.stanza(1, stream_error("515"));
    assert_eq!(
        bench.did(),
        [
            "disconnected restart_required",
            "close 1 1000",
            "state connecting",
            "handoff 2 for attempt 1"
        ]
    );
    assert!(bench.last_end().handoff);
    assert_eq!(bench.last_end().rests_at(), None);
    assert_eq!(bench.last_end().then, crate::cause::Consequence::default());
    bench.secure(2);
    bench.stanza(2, Node::new("success"));
    bench.answer_all();
    assert_eq!(bench.state(), State::Connected);
    // The next 515 finds no right to dial left.
    bench.did();
    bench.stanza(2, stream_error("515"));
    assert_eq!(bench.did()[0], "disconnected rate_limited");
    assert_eq!(bench.state(), State::Blocked);
}

#[test]
fn a_handoff_that_fails_is_an_ordinary_failure() {
    let mut bench = scanned(Policy::default());
    bench.stanza(1, stream_error("515"));
    bench.did();
    bench.link(2, LinkInput::Closed(Closed::Reset));
    assert_eq!(
        bench.did(),
        [
            "disconnected connection_closed",
            "state disconnected_manual_reconnect_required",
            "drop 2"
        ]
    );
    assert!(bench.last_end().then.failure && !bench.last_end().handoff);
    bench.until(SECURED + 86_400_000);
    assert_eq!(bench.did(), ["drop 1"]);
}

#[test]
fn a_manual_restart_leaves_the_dial_to_the_operator_without_a_failure() {
    let mut bench = scanned(Policy {
        pairing_restart: PairingRestart::Manual,
        ..Policy::default()
    });
    bench.did();
    bench.stanza(1, stream_error("515"));
    assert_eq!(
        bench.did(),
        [
            "disconnected restart_required",
            "state disconnected_manual_reconnect_required",
            "close 1 1000"
        ]
    );
    assert_eq!(bench.last_end().then, crate::cause::Consequence::default());
    assert!(!bench.session.status().needs_pairing);
}

#[test]
fn only_a_515_spends_the_handoff() {
    for code in ["503", "401", "429", "403"] {
        let mut bench = scanned(Policy::default());
        bench.did();
        bench.stanza(1, stream_error(code));
        assert!(
            !bench.did().iter().any(|line| line.contains("handoff")),
            "{code}"
        );
        assert!(bench.state().is_at_rest());
    }
}

#[test]
fn a_515_before_the_scan_is_a_block() {
    let mut bench = Bench::unpaired().secured();
    bench.stanza(1, pair_device(6));
    bench.stanza(1, stream_error("515"));
    assert_eq!(bench.state(), State::Blocked);
}

#[test]
fn a_pair_success_for_another_secret_is_refused_and_ends_the_attempt() {
    let mut bench = Bench::unpaired().secured();
    bench.stanza(1, pair_device(6));
    let other = Bench::with(Policy::default(), Device::generate(&mut rng(77)), None);
    let success = pair_success(&Account::generate(&mut rng(8)), &other);
    bench.did();
    bench.stanza(1, success);
    let did = bench.did();
    assert!(did[0].contains(r#"type="error""#), "{did:?}");
    assert_eq!(bench.last_end().cause, Cause::ProtocolError);
    assert!(bench.session.status().needs_pairing);
}

#[test]
fn a_late_401_for_the_old_link_does_not_log_the_new_one_out() {
    let mut bench = scanned(Policy::default());
    bench.stanza(1, stream_error("515"));
    bench.secure(2);
    bench.stanza(2, Node::new("success"));
    bench.answer_all();
    bench.did();
    bench.stanza(1, stream_error("401"));
    assert_eq!(bench.did(), [""; 0]);
    bench.link(1, LinkInput::Closed(Closed::Eof));
    assert_eq!(bench.did(), ["drop 1"]);
    assert_eq!(bench.state(), State::Connected);
}

#[test]
fn a_drop_while_the_code_is_shown_is_not_an_expired_code() {
    let mut bench = Bench::unpaired().secured();
    bench.stanza(1, pair_device(6));
    bench.stanza(1, stream_error("503"));
    assert_eq!(bench.last_end().cause, Cause::ServiceUnavailable);
    assert!(!bench.last_end().then.clear);
}

#[test]
fn a_cancel_while_the_code_is_shown_stops_every_timer_but_the_drain() {
    let mut bench = Bench::unpaired().secured();
    bench.stanza(1, pair_device(6));
    bench.input(Input::Stop);
    assert_eq!(bench.next(), Some((SECURED + 5_000, Timer::Drain)));
    bench.until(SECURED + 5_000);
    assert_eq!(bench.next(), None);
}

#[test]
fn a_paired_device_ignores_an_offer_to_pair() {
    let mut bench = Bench::paired().secured();
    bench.did();
    bench.stanza(1, pair_device(6));
    assert_eq!(bench.did(), [""; 0]);
}

//! Ends: the first terminal delivery decides, in its millisecond, and nothing dials afterwards.

use super::*;
use crate::cause::{Cause, Stage};
use crate::machine::Refusal;

#[test]
fn a_515_in_mid_session_blocks_for_a_day_and_dials_nothing() {
    let mut bench = Bench::paired().connected();
    bench.stanza(1, stream_error("515"));
    assert_eq!(
        bench.did(),
        [
            "disconnected rate_limited",
            "ask block",
            "alert rate_limited",
            "state blocked",
            "close 1 1000"
        ]
    );
    let end = bench.last_end();
    assert_eq!(end.then.block, Some(Millis::from_hours(24)));
    assert!(!end.then.failure && !end.then.clear && !end.handoff);
    assert_eq!(end.rests_at(), Some(State::Blocked));
    assert_eq!(end.raw, Some(stream_error("515")));
    let free = SECURED + 86_400_000;
    bench.until(free - 1);
    assert_eq!(bench.did(), ["drop 1"]);
    assert_eq!(bench.state(), State::Blocked);
    bench.until(free);
    assert_eq!(
        bench.did(),
        ["ask block", "state disconnected_manual_reconnect_required"]
    );
    assert_eq!(bench.next(), None);
}

#[test]
fn a_close_frame_of_ours_waits_five_seconds_for_the_servers() {
    let mut bench = Bench::paired().connected();
    bench.stanza(1, Node::new("failure").attr("reason", "403"));
    bench.did();
    bench.until(SECURED + 4_999);
    assert_eq!(bench.did(), [""; 0]);
    bench.until(SECURED + 5_000);
    assert_eq!(bench.did(), ["drop 1"]);
    assert_eq!(bench.next(), None);
}

#[test]
fn the_servers_close_lets_go_of_the_link_at_once() {
    let mut bench = Bench::paired().connected();
    bench.stanza(1, Node::new("xmlstreamend"));
    bench.did();
    bench.until(SECURED + 40);
    bench.link(
        1,
        LinkInput::Closed(Closed::Frame {
            code: Some(1000),
            reason: String::new(),
        }),
    );
    assert_eq!(bench.did(), ["drop 1"]);
    assert_eq!(bench.next(), None);
}

#[test]
fn the_first_terminal_delivery_decides_and_the_next_changes_nothing() {
    let mut bench = Bench::paired().connected();
    bench.stanza(1, stream_error("503"));
    bench.stanza(1, stream_error("515"));
    bench.stanza(1, stream_error("401"));
    bench.link(1, LinkInput::Closed(Closed::Reset));
    assert_eq!(bench.ends.len(), 1);
    assert_eq!(bench.last_end().cause, Cause::ServiceUnavailable);
    assert_eq!(bench.state(), State::DisconnectedManualReconnectRequired);
}

#[test]
fn a_logout_clears_the_device_and_the_next_start_pairs_again() {
    let mut bench = Bench::paired().connected();
    let old = bench.session.device().identity.public();
    let removed = Node::new("conflict").attr("type", "device_removed");
    bench.stanza(1, stream_error("401").child(removed));
    assert_eq!(
        bench.did(),
        [
            "disconnected logged_out",
            "device unpaired",
            "state logged_out",
            "close 1 1000"
        ]
    );
    assert!(bench.last_end().then.clear && bench.last_end().then.failure);
    assert!(bench.session.status().needs_pairing);
    assert_ne!(bench.session.device().identity.public(), old);
}

#[test]
fn a_refusal_at_the_upgrade_never_clears_and_a_429_keeps_its_retry_after() {
    for (status, retry_after, cause, block) in [
        (401, None, Cause::Refused, None),
        (404, None, Cause::Refused, None),
        (503, Some("120"), Cause::ServiceUnavailable, None),
        (429, None, Cause::RateLimited, Some(86_400)),
        (429, Some("60"), Cause::RateLimited, Some(86_400)),
        (429, Some("90000"), Cause::RateLimited, Some(90_000)),
        (429, Some("-5"), Cause::RateLimited, Some(86_400)),
        (
            429,
            Some("99999999999"),
            Cause::RateLimited,
            Some(366 * 86_400),
        ),
    ] {
        let mut bench = Bench::paired().dialed();
        bench.did();
        let retry_after = retry_after.map(str::to_owned);
        bench.link(
            1,
            LinkInput::Refused(Refusal::Http {
                status,
                retry_after: retry_after.clone(),
            }),
        );
        let end = bench.last_end();
        assert_eq!(end.cause, cause, "{status} {retry_after:?}");
        assert_eq!(
            end.then.block,
            block.map(Millis::from_secs),
            "{status} {retry_after:?}"
        );
        assert!(!end.then.clear);
        if let Some(raw) = retry_after {
            assert!(end.detail.contains(&raw), "{}", end.detail);
        }
        assert_eq!(bench.did().last().map(String::as_str), Some("drop 1"));
    }
}

#[test]
fn a_ban_blocks_until_it_expires_and_its_raw_value_is_kept() {
    for (expire, block) in [
        (Some("86400"), Some(86_400)),
        (Some("3456000"), Some(3_456_000)),
        (Some("0"), None),
        (Some("-7"), None),
        (Some("soon"), None),
        (None, None),
        (Some("4294967296"), Some(366 * 86_400)),
    ] {
        let mut bench = Bench::paired().secured();
        let mut node = Node::new("failure").attr("reason", 402).attr("code", 101);
        if let Some(expire) = expire {
            node = node.attr("expire", expire);
        }
        bench.stanza(1, node);
        let end = bench.last_end();
        assert_eq!(end.cause, Cause::TemporaryBan);
        assert!(end.then.failure);
        assert_eq!(end.then.block, block.map(Millis::from_secs), "{expire:?}");
        assert!(end.detail.contains(expire.unwrap_or("")), "{}", end.detail);
        let state = match block {
            Some(_) => State::Blocked,
            None => State::DisconnectedManualReconnectRequired,
        };
        assert_eq!(bench.state(), state);
    }
}

#[test]
fn a_ban_in_a_longer_block_of_everybody_is_blocked_until_that_ends() {
    for (block, ends) in [
        (None, 3_600_000),
        (Some(1_000), 3_600_000),
        (Some(7_200_000), 7_200_000),
    ] {
        let mut bench = Bench::paired().secured();
        let now = bench.at;
        bench.block = block.map(|later| Instant::at(now + later));
        bench.stanza(
            1,
            Node::new("failure")
                .attr("reason", 402)
                .attr("expire", 3_600),
        );
        bench.until(now + ends - 1);
        assert_eq!(bench.state(), State::Blocked, "{block:?}");
        bench.block = None;
        bench.until(now + ends);
        assert_eq!(
            bench.state(),
            State::DisconnectedManualReconnectRequired,
            "{block:?}"
        );
    }
}

#[test]
fn a_link_that_ends_says_at_which_stage_and_how() {
    let closed = |bench: &mut Bench, how| {
        bench.link(1, LinkInput::Closed(how));
        let end = bench.last_end();
        (end.cause.clone(), end.detail.clone())
    };
    let frame = Closed::Frame {
        code: Some(1011),
        reason: "going away".to_owned(),
    };
    let mut bench = Bench::paired().dialed();
    let stage = Stage::Connect;
    assert_eq!(
        closed(&mut bench, Closed::Eof).0,
        Cause::ConnectionClosed { stage }
    );
    let mut bench = Bench::paired().dialed();
    bench.link(1, LinkInput::Upgraded);
    let stage = Stage::Handshake;
    assert_eq!(
        closed(&mut bench, Closed::Reset).0,
        Cause::ConnectionClosed { stage }
    );
    let mut bench = Bench::paired().secured();
    let stage = Stage::Login;
    assert_eq!(
        closed(&mut bench, Closed::Eof).0,
        Cause::ConnectionClosed { stage }
    );
    let mut bench = Bench::paired().connected();
    let (cause, detail) = closed(&mut bench, frame);
    assert_eq!(cause, Cause::ConnectionClosed { stage: Stage::Open });
    assert_eq!(detail, r#"close frame 1011 "going away""#);
    assert_eq!(
        bench.did(),
        [
            "disconnected connection_closed",
            "state disconnected_manual_reconnect_required",
            "drop 1"
        ]
    );
}

#[test]
fn a_frame_that_does_not_authenticate_clears_and_one_that_does_not_decode_does_not() {
    for (how, cause, clear) in [
        (Closed::BadMac, Cause::BadMac, true),
        (
            Closed::BadNode("no list".to_owned()),
            Cause::ProtocolError,
            false,
        ),
        (
            Closed::InvalidFrame("reserved bits".to_owned()),
            Cause::ProtocolError,
            false,
        ),
    ] {
        let mut bench = Bench::paired().connected();
        bench.link(1, LinkInput::Closed(how));
        assert_eq!(bench.last_end().cause, cause);
        assert_eq!(bench.last_end().then.clear, clear);
        assert_eq!(bench.did().last().map(String::as_str), Some("close 1 1002"));
        assert_eq!(bench.next(), Some((SECURED + 5_000, Timer::Drain)));
    }
}

#[test]
fn a_codeless_stream_error_keeps_the_raw_node_and_is_closed_by_us() {
    let mut bench = Bench::paired().connected();
    let node = Node::new("stream:error").child(Node::new("xml-not-well-formed"));
    bench.stanza(1, node.clone());
    assert_eq!(bench.last_end().cause, Cause::StreamError);
    assert_eq!(bench.last_end().raw, Some(node));
    assert!(bench.did().contains(&"close 1 1000".to_owned()));
}

#[test]
fn an_operators_stop_is_idle_at_once_and_no_failure() {
    let mut bench = Bench::paired().connected();
    bench.input(Input::Stop);
    assert_eq!(
        bench.did(),
        ["disconnected stopped", "state idle", "close 1 1000"]
    );
    assert_eq!(bench.last_end().then, crate::cause::Consequence::default());
    let mut bench = Bench::paired().dialed();
    bench.did();
    bench.input(Input::Stop);
    assert_eq!(
        bench.did(),
        ["disconnected stopped", "state idle", "drop 1"]
    );
}

#[test]
fn a_stop_at_rest_does_nothing() {
    let mut bench = Bench::paired();
    bench.input(Input::Stop);
    assert_eq!(bench.did(), [""; 0]);
}

#[test]
fn what_an_old_link_still_says_does_not_touch_the_new_one() {
    let mut bench = Bench::paired().connected();
    bench.stanza(1, stream_error("503"));
    bench.start();
    bench.until(bench.at + 30_000);
    bench.confirm();
    bench.secure(2);
    bench.stanza(2, Node::new("success"));
    bench.answer_all();
    assert_eq!(bench.state(), State::Connected);
    bench.did();
    bench.stanza(1, stream_error("401"));
    bench.stanza(1, Node::new("failure").attr("reason", 403));
    bench.link(1, LinkInput::Ping);
    assert_eq!(bench.did(), [""; 0]);
    assert_eq!(bench.state(), State::Connected);
    assert!(!bench.session.status().needs_pairing);
}

#[test]
fn the_second_loss_within_a_day_is_an_alert() {
    for (gap, alerted) in [(86_399_999, true), (86_400_000, false), (86_400_001, false)] {
        let mut bench = Bench::paired().connected();
        bench.stanza(1, Node::new("xmlstreamend"));
        let second = bench.at + gap;
        bench.until(second - 30_000);
        bench.start();
        bench.until(second);
        bench.confirm();
        bench.did();
        bench.link(2, LinkInput::Closed(Closed::Eof));
        let told = bench
            .did()
            .contains(&"alert two_disconnects_in_a_day".to_owned());
        assert_eq!(told, alerted, "{gap}");
    }
}

#[test]
fn undecryptable_messages_are_counted_and_told_and_never_end_a_connection() {
    let mut bench = Bench::paired().connected();
    for _ in 0..25 {
        bench.input(Input::Undecryptable(4));
    }
    assert_eq!(bench.did(), ["alert undecryptable 4"]);
    assert_eq!(bench.session.status().undecryptable, 100);
    bench.healthy_until(SECURED + 3_600_000);
    bench.did();
    bench.input(Input::Undecryptable(1));
    assert_eq!(bench.did(), ["alert undecryptable 101"]);
    assert_eq!(bench.state(), State::Connected);
}

#[test]
fn a_frame_that_does_not_authenticate_is_an_alert_of_its_own() {
    for (how, alerted) in [
        (Closed::BadMac, true),
        (Closed::BadNode("x".to_owned()), false),
        (Closed::Eof, false),
    ] {
        let mut bench = Bench::paired().connected();
        bench.link(1, LinkInput::Closed(how.clone()));
        let told = bench.did().contains(&"alert bad_mac".to_owned());
        assert_eq!(told, alerted, "{how:?}");
    }
}

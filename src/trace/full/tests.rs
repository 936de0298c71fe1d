//! What is written reads back, and what was not written so is refused with its place.

use std::sync::Arc;

use compact_str::CompactString;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use squall_protocol::codec::MAX_DEPTH;
use squall_protocol::{Content, Instant, Millis, Node};

use super::*;
use crate::oracle::testing::{Tape, header};
use crate::trace::{
    Answered, Ask, ConnectionId, Event, FORMAT, FaultRef, Fingerprint, Limits, Message, Page,
    Remembered, Shown, Side, Verdict,
};
use crate::words::{Alert, Cause, Denial, Stage, State};

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

fn text() -> impl Strategy<Value = CompactString> {
    ".{0,30}".prop_map(CompactString::from)
}

fn conn() -> impl Strategy<Value = ConnectionId> {
    any::<u64>().prop_map(ConnectionId)
}

fn side() -> impl Strategy<Value = Side> {
    one_of(&[Side::Client, Side::Server])
}

fn millis() -> impl Strategy<Value = Millis> {
    (0..400 * 86_400_000u64).prop_map(Millis::new)
}

fn fault() -> impl Strategy<Value = FaultRef> {
    (any::<u32>(), any::<u32>()).prop_map(|(step, nth)| FaultRef { step, nth })
}

fn node() -> impl Strategy<Value = Arc<Node>> {
    let leaf = (text(), vec((text(), text()), 0..4), vec(any::<u8>(), 0..20)).prop_map(
        |(tag, attrs, bytes)| Node {
            tag,
            attrs,
            content: Content::Bytes(bytes),
        },
    );
    leaf.prop_recursive(3, 12, 3, |inner| {
        (text(), vec((text(), text()), 0..4), vec(inner, 0..3)).prop_map(
            |(tag, attrs, children)| Node {
                tag,
                attrs,
                content: if children.is_empty() {
                    Content::Empty
                } else {
                    Content::Nodes(children)
                },
            },
        )
    })
    .prop_map(Arc::new)
}

fn message() -> impl Strategy<Value = Message> {
    prop_oneof![
        Just(Message::UpgradeRequest),
        Just(Message::Eof),
        Just(Message::Reset),
        (any::<u16>(), option::of(text()), any::<bool>()).prop_map(
            |(status, retry_after, valid)| {
                Message::UpgradeResponse {
                    status,
                    retry_after,
                    valid,
                }
            }
        ),
        text().prop_map(Message::Handshake),
        node().prop_map(Message::Stanza),
        node().prop_map(Message::Corrupt),
        vec(any::<u8>(), 0..125).prop_map(Message::Ping),
        vec(any::<u8>(), 0..125).prop_map(Message::Pong),
        (option::of(any::<u16>()), text())
            .prop_map(|(code, reason)| Message::Close { code, reason }),
        text().prop_map(Message::Malformed),
    ]
}

fn verdict() -> impl Strategy<Value = Verdict> {
    let denial = || one_of(Denial::ALL);
    prop_oneof![
        any::<u64>().prop_map(|attempt| Verdict::Granted { attempt }),
        Just(Verdict::Unreachable),
        (denial(), vec(denial(), 0..3), option::of(any::<i64>())).prop_map(
            |(cause, also, retry_at)| Verdict::Denied {
                cause,
                also,
                retry_at
            }
        ),
    ]
}

fn page() -> impl Strategy<Value = Page> {
    let at = || option::of(any::<i64>());
    let reason = option::of(one_of(Cause::ALL));
    let flags = (any::<bool>(), any::<bool>());
    (one_of(State::ALL), flags, reason, at(), at(), at(), at()).prop_map(
        |(state, flags, reason, blocked_until, ended, last_connected, last_activity)| Page {
            state,
            connected: flags.0,
            blocked_until,
            reason,
            ended,
            last_connected,
            last_activity,
            needs_pairing: flags.1,
        },
    )
}

fn shown() -> impl Strategy<Value = Shown> {
    let refused_by = vec(one_of(Denial::ALL), 0..3);
    let limits = (any::<bool>(), refused_by, option::of(any::<i64>())).prop_map(
        |(can_connect, refused_by, retry_at)| Limits {
            can_connect,
            refused_by,
            retry_at,
        },
    );
    let answered =
        (any::<u16>(), option::of(any::<u64>())).prop_map(|(status, retry_after)| Answered {
            status,
            retry_after,
        });
    let pages = (option::of(page()), option::of(page()));
    (pages, option::of(limits), option::of(answered)).prop_map(|((one, all), limits, answered)| {
        Shown {
            one,
            all,
            limits,
            answered,
        }
    })
}

fn disconnected() -> impl Strategy<Value = Event> {
    let ids = (text(), any::<u64>(), option::of(conn()));
    let why = (one_of(Cause::ALL), option::of(one_of(Stage::ALL)));
    let then = (any::<bool>(), option::of(millis()), any::<bool>());
    let what = (option::of(node()), ".{0,40}");
    (ids, why, then, what).prop_map(
        |((org, attempt, conn), (cause, stage), (failure, block, clear), (raw, detail))| {
            Event::Disconnected {
                org,
                attempt,
                conn,
                cause,
                stage,
                failure,
                block,
                clear,
                raw,
                detail,
            }
        },
    )
}

fn of_org() -> impl Strategy<Value = Event> {
    prop_oneof![
        (text(), one_of(&[Ask::Start, Ask::Stop, Ask::ScanQr]))
            .prop_map(|(org, ask)| Event::Request { org, ask }),
        (text(), verdict()).prop_map(|(org, verdict)| Event::Verdict { org, verdict }),
        (text(), any::<u64>()).prop_map(|(org, attempt)| Event::PermitSpent { org, attempt }),
        (text(), any::<u64>(), any::<bool>()).prop_map(|(org, attempt, blocked)| {
            Event::PermitRevoked {
                org,
                attempt,
                blocked,
            }
        }),
        (text(), any::<u64>()).prop_map(|(org, attempt)| Event::Withdrawn { org, attempt }),
        (text(), one_of(State::ALL)).prop_map(|(org, state)| Event::State { org, state }),
        (text(), any::<u32>()).prop_map(|(org, nth)| Event::Qr { org, nth }),
        disconnected(),
        (text(), millis()).prop_map(|(org, after)| Event::KeepAliveOk { org, after }),
        text().prop_map(|org| Event::KeepAliveLate { org }),
        text().prop_map(|org| Event::KeepAliveRecovered { org }),
        (
            option::of(text()),
            one_of(Alert::ALL),
            option::of(any::<u64>())
        )
            .prop_map(|(org, kind, messages)| {
                Event::Alert {
                    org,
                    kind,
                    messages,
                }
            }),
        text().prop_map(|org| Event::ScanRefused { org }),
        (text(), vec(millis(), 0..3)).prop_map(|(org, timers)| Event::Left { org, timers }),
        (text(), shown()).prop_map(|(org, shown)| Event::Shown {
            org,
            shown: Box::new(shown),
        }),
        text().prop_map(|org| Event::PhoneScanned { org }),
        text().prop_map(|org| Event::Revoked { org }),
        (option::of(conn()), text()).prop_map(|(conn, org)| Event::Penalty { conn, org }),
    ]
}

fn of_wire() -> impl Strategy<Value = Event> {
    prop_oneof![
        (conn(), text(), any::<u64>(), any::<bool>()).prop_map(|(conn, org, attempt, handoff)| {
            Event::Dial {
                conn,
                org,
                attempt,
                handoff,
            }
        }),
        conn().prop_map(|conn| Event::ConnectRefused { conn }),
        conn().prop_map(|conn| Event::Unanswered { conn }),
        conn().prop_map(|conn| Event::Accepted { conn }),
        (conn(), side(), message()).prop_map(|(conn, from, message)| Event::Sent {
            conn,
            from,
            message
        }),
        (conn(), side(), message()).prop_map(|(conn, to, message)| Event::Delivered {
            conn,
            to,
            message
        }),
        (conn(), side()).prop_map(|(conn, by)| Event::Released { conn, by }),
        (conn(), text()).prop_map(|(conn, org)| Event::Login { conn, org }),
        (conn(), text(), text()).prop_map(|(conn, org, reason)| Event::LoginFailed {
            conn,
            org,
            reason
        }),
        (conn(), text()).prop_map(|(conn, org)| Event::PairSuccess { conn, org }),
        (conn(), ".{0,40}").prop_map(|(conn, kind)| Event::UnknownStanza { conn, kind }),
    ]
}

fn remembered() -> impl Strategy<Value = Remembered> {
    let attempts = vec((any::<u64>(), millis()), 0..3);
    (attempts, option::of(millis()), option::of(millis())).prop_map(
        |(attempts, failed, blocked)| Remembered {
            attempts,
            failed,
            blocked,
        },
    )
}

fn of_engine() -> impl Strategy<Value = Event> {
    prop_oneof![
        (fault(), text(), any::<bool>(), any::<bool>()).prop_map(
            |(fault, kind, once, at_random)| Event::FaultOn {
                fault,
                kind,
                once,
                at_random
            }
        ),
        (fault(), text(), conn()).prop_map(|(fault, kind, conn)| Event::FaultActed {
            fault,
            kind,
            conn
        }),
        (fault(), text()).prop_map(|(fault, kind)| Event::FaultOff { fault, kind }),
        Just(Event::Booted),
        btree_map(text(), remembered(), 0..3)
            .prop_map(|remembered| Event::LedgerRead { remembered }),
        ".{0,40}".prop_map(|why| Event::RefusedToStart { why }),
        option::of(".{0,40}").prop_map(|refused| Event::StartedTwice { refused }),
        Just(Event::Stopping),
        Just(Event::Exited),
        text().prop_map(|store| Event::Crashed { store }),
        (".{0,40}", ".{0,40}").prop_map(|(key, place)| Event::SecretFound { key, place }),
        Just(Event::Suspended),
        Just(Event::Resumed),
        Just(Event::Paused),
        Just(Event::Continued),
        any::<i64>().prop_map(|by| Event::ClockStepped { by }),
        Just(Event::ServerDown),
        Just(Event::ServerUp),
        Just(Event::End),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let event = prop_oneof![of_org(), of_wire(), of_engine()];
    (any::<u64>(), event).prop_map(|(at, event)| Entry {
        at: Instant::at(at),
        event,
    })
}

fn written(entries: &[Entry]) -> Vec<u8> {
    let mut writer = FullWriter::new(Vec::new(), &header()).unwrap();
    for entry in entries {
        writer.write(entry).unwrap();
    }
    writer.finish().unwrap()
}

fn compressed(lines: &str) -> Vec<u8> {
    zstd::encode_all(lines.as_bytes(), LEVEL).unwrap()
}

/// What reading it to the end says.
fn refused(bytes: &[u8]) -> String {
    let reader = match FullReader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return error.to_string(),
    };
    reader
        .filter_map(Result::err)
        .map(|error| error.to_string())
        .collect()
}

fn a_trace() -> Vec<Entry> {
    let mut tape = Tape::new();
    tape.start().keep_alive(30_000, 30_000, 600_000);
    tape.entries
}

proptest! {
    #[test]
    fn any_entry_reads_back_as_it_was_written(entries in vec(entry(), 0..8)) {
        let bytes = written(&entries);
        let reader = FullReader::new(bytes.as_slice()).unwrap();
        prop_assert_eq!(reader.header(), &header());
        let read: Vec<Entry> = reader.map(Result::unwrap).collect();
        prop_assert_eq!(read, entries);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..200)) {
        let mut damaged = written(&a_trace());
        for (place, byte) in bytes.iter().enumerate() {
            let place = place * 7 % damaged.len();
            damaged[place] ^= byte;
        }
        refused(&damaged);
        refused(&bytes);
    }
}

#[test]
fn a_file_that_is_not_compressed_is_no_trace() {
    assert!(refused(b"{}").starts_with("not a trace"));
    assert!(refused(b"{\"version\":1}\n").starts_with("not a trace"));
    assert!(refused(b"").starts_with("not a trace"));
}

#[test]
fn a_stanza_as_deep_as_may_be_reads_back() {
    let nested = |depth| (1..depth).fold(Node::new("a"), |inner, _| Node::new("a").child(inner));
    let deepest = Arc::new(nested(MAX_DEPTH));
    let entry = Entry {
        at: Instant::START,
        event: Event::Delivered {
            conn: ConnectionId(1),
            to: Side::Client,
            message: Message::Stanza(deepest),
        },
    };
    assert_eq!(refused(&written(&[entry])), "");
}

#[test]
fn a_trace_cut_off_says_after_which_line() {
    let whole = written(&a_trace());
    let cut = refused(&whole[..whole.len() / 2]);
    assert!(cut.starts_with("the trace is cut off after line"), "{cut}");
    assert!(refused(&compressed("")).contains("cut off after line 0"));
    let header = serde_json::to_string(&header()).unwrap();
    let half = compressed(&format!("{header}\n{{\"at\":1,"));
    assert!(refused(&half).contains("cut off after line 1"));
}

#[test]
fn a_trace_of_another_format_says_which() {
    let other = compressed("{\"version\":9,\"unheard\":\"of\"}\n");
    assert_eq!(
        refused(&other),
        format!(
            "the trace has format 9, and this program reads format {FORMAT}; run the scenario again with --trace"
        )
    );
}

#[test]
fn a_bad_line_says_its_number_and_what_is_wrong() {
    let header = serde_json::to_string(&header()).unwrap();
    let bad = compressed(&format!(
        "{header}\n{{\"at\":1,\"event\":\"end\"}}\n{{\"at\":1}}\n"
    ));
    let said = refused(&bad);
    assert!(
        said.starts_with("line 3 of the trace is no entry: missing field `event`"),
        "{said}"
    );
    let said = refused(&compressed("{\"version\":1}\n"));
    assert!(
        said.starts_with("line 1 of the trace is no header"),
        "{said}"
    );
}

#[test]
fn equal_traces_have_equal_names_and_one_entry_makes_another() {
    let name = |entries: &[Entry]| {
        let mut hash = TraceHash::new(&header());
        entries.iter().for_each(|entry| hash.add(entry));
        hash.finish()
    };
    let trace = a_trace();
    assert_eq!(name(&trace), name(&trace));
    assert_eq!(name(&trace).len(), 64);
    assert_ne!(name(&trace), name(&trace[1..]));
}

proptest! {
    #[test]
    fn fingerprints_are_equal_where_names_are(one in vec(entry(), 0..4), other in vec(entry(), 0..4)) {
        let fingerprint = |entries: &[Entry]| {
            let mut fingerprint = Fingerprint::new(&header());
            entries.iter().for_each(|entry| fingerprint.add(entry));
            fingerprint.finish()
        };
        prop_assert_eq!(fingerprint(&one), fingerprint(&one.clone()));
        prop_assert_eq!(one == other, fingerprint(&one) == fingerprint(&other));
    }
}

//! Whatever comes, in whatever order: no panic, and no dial without a right to it.

use proptest::collection::vec;
use proptest::prelude::*;

use squall_protocol::pairing::Account;

use super::*;
use crate::machine::Refusal;
use crate::policy::PairingRestart;

/// An input that a test can hold without a permit.
#[derive(Clone, Debug)]
enum Act {
    Start,
    Go,
    Revoked(bool),
    Stop,
    Wait(u64),
    Timeout,
    Undecryptable(u64),
    Link(u8, What),
}

#[derive(Clone, Debug)]
enum What {
    Connected,
    Refused(u16),
    Upgraded,
    Secured,
    HandshakeFailed,
    Stanza(Node),
    AnswerAll,
    PairSuccess,
    Ping,
    Pong(Vec<u8>),
    Closed(u8),
}

fn stanza() -> impl Strategy<Value = Node> {
    prop_oneof![
        Just(Node::new("success")),
        Just(Node::new("xmlstreamend")),
        (0u16..600).prop_map(|code| Node::new("stream:error").attr("code", code)),
        Just(Node::new("stream:error").attr("code", 515)),
        (0u16..600).prop_map(|code| Node::new("failure").attr("reason", code)),
        (0u64..9).prop_map(|id| result(&id.to_string())),
        (0usize..4).prop_map(|refs| {
            let offer = (0..refs).fold(Node::new("pair-device"), |offer, _| {
                offer.child(Node::new("ref").bytes(*b"ref"))
            });
            Node::new("iq")
                .attr("type", "set")
                .attr("xmlns", "md")
                .child(offer)
        }),
        Just(Node::new("pair-success")),
        Just(
            Node::new("iq")
                .attr("type", "get")
                .attr("xmlns", "urn:xmpp:ping")
        ),
        Just(Node::new("message")),
    ]
}

fn what() -> impl Strategy<Value = What> {
    prop_oneof![
        1 => Just(What::Connected),
        1 => (100u16..600).prop_map(What::Refused),
        3 => Just(What::Upgraded),
        3 => Just(What::Secured),
        1 => Just(What::HandshakeFailed),
        6 => stanza().prop_map(What::Stanza),
        3 => Just(What::AnswerAll),
        2 => Just(What::PairSuccess),
        1 => Just(What::Ping),
        1 => vec(any::<u8>(), 0..10).prop_map(What::Pong),
        1 => (0u8..6).prop_map(What::Closed),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => Just(Act::Start),
        3 => Just(Act::Go),
        1 => any::<bool>().prop_map(Act::Revoked),
        1 => Just(Act::Stop),
        4 => (0u64..100_000).prop_map(Act::Wait),
        1 => Just(Act::Timeout),
        1 => any::<u64>().prop_map(Act::Undecryptable),
        // 0 is the current link, 1 the one before, and so on.
        20 => (prop_oneof![8 => Just(0u8), 1 => 0u8..3], what()).prop_map(|(link, what)| Act::Link(link, what)),
    ]
}

/// What a run did that gives or takes a right to dial.
#[derive(Debug, Default)]
struct Count {
    goes: usize,
    handoffs: usize,
    dials: usize,
}

/// The attempt that the session asks about, or else one that it knows nothing of.
fn asked_for(bench: &Bench) -> AttemptId {
    let asked = bench.asked.as_ref();
    asked.map_or(AttemptId(0), Permit::attempt)
}

fn apply(bench: &mut Bench, act: Act, count: &mut Count) {
    match act {
        Act::Start => bench.start(),
        Act::Go => {
            if let Some(permit) = bench.asked.take() {
                count.goes += 1;
                let go = bench.permits.confirm(permit);
                bench.input(Input::Go(go));
            }
        }
        Act::Revoked(true) => {
            let until = Instant::at(bench.at + 1_000);
            let attempt = asked_for(bench);
            bench.input(Input::Revoked(attempt, Revocation::Blocked { until }));
        }
        Act::Revoked(false) => {
            let attempt = asked_for(bench);
            bench.input(Input::Revoked(attempt, Revocation::Late));
        }
        Act::Stop => bench.input(Input::Stop),
        Act::Wait(length) => bench.until(bench.at + length),
        Act::Timeout => bench.input(Input::Timeout),
        Act::Undecryptable(messages) => bench.input(Input::Undecryptable(messages)),
        Act::Link(age, what) => {
            let link = bench.session.last_link.0.saturating_sub(u64::from(age));
            let input = match what {
                What::AnswerAll => return bench.answer_all(),
                What::PairSuccess => {
                    let account = Account::generate(&mut rng(8));
                    LinkInput::Stanza(pairing::pair_success(&account, bench))
                }
                What::Connected => LinkInput::Connected,
                What::Refused(status) => LinkInput::Refused(Refusal::Http {
                    status,
                    retry_after: Some("60".to_owned()),
                }),
                What::Upgraded => LinkInput::Upgraded,
                What::Secured => LinkInput::Secured,
                What::HandshakeFailed => LinkInput::HandshakeFailed("bad".to_owned()),
                What::Stanza(node) => LinkInput::Stanza(node),
                What::Ping => LinkInput::Ping,
                What::Pong(payload) => LinkInput::Pong(payload),
                What::Closed(how) => LinkInput::Closed(match how {
                    0 => Closed::Eof,
                    1 => Closed::Reset,
                    2 => Closed::BadMac,
                    3 => Closed::BadNode("bad".to_owned()),
                    4 => Closed::InvalidFrame("bad".to_owned()),
                    _ => Closed::Frame {
                        code: Some(1000),
                        reason: String::new(),
                    },
                }),
            };
            bench.link(link, input);
        }
    }
}

/// Reads what was done: a dial needs a right that nobody has used, and nothing dials once an end has come.
fn judge(bench: &mut Bench, count: &mut Count, ended: &mut bool) {
    let mut ends = std::mem::take(&mut bench.ends).into_iter();
    for line in bench.did() {
        if line.starts_with("dial") || line.starts_with("handoff") {
            count.dials += 1;
            assert!(!*ended, "dialed after an end, without a start between");
            assert!(count.dials <= count.goes + count.handoffs, "{count:?}");
        } else if line.starts_with("disconnected") {
            let end = ends.next().expect("each is kept");
            count.handoffs += usize::from(end.handoff);
            *ended = !end.handoff;
        } else if line == "state waiting" {
            *ended = false;
        }
    }
}

/// Lengths of time that nobody would set, and some that one would.
fn length() -> impl Strategy<Value = Millis> {
    prop_oneof![
        Just(Millis::ZERO),
        Just(Millis::new(1)),
        Just(Millis::from_secs(10)),
        Just(Millis::from_secs(25)),
        Just(Millis::from_mins(5)),
    ]
}

fn policy() -> impl Strategy<Value = Policy> {
    let lengths = (
        length(),
        length(),
        length(),
        length(),
        length(),
        length(),
        length(),
        length(),
    );
    (lengths, any::<bool>()).prop_map(|(lengths, manual)| Policy {
        keep_alive_interval: lengths.0,
        active_ping_interval: lengths.1,
        late_after: lengths.2,
        dead_after: lengths.3,
        zombie_after: lengths.4,
        connect_timeout: lengths.5,
        login_timeout: lengths.6,
        pairing_timeout: lengths.7,
        pairing_restart: if manual {
            PairingRestart::Manual
        } else {
            PairingRestart::Handoff
        },
        ..Policy::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_sequence_panics_or_dials_without_a_right(
        paired: bool,
        policy in prop_oneof![Just(Policy::default()), policy()],
        acts in vec(act(), 1..80),
    ) {
        let device = if paired { paired_device() } else { Device::generate(&mut rng(1)) };
        let mut bench = Bench::with(policy, device, None);
        let (mut count, mut ended) = (Count::default(), false);
        for act in acts {
            apply(&mut bench, act, &mut count);
            judge(&mut bench, &mut count, &mut ended);
            prop_assert!(bench.next().is_none_or(|(at, _)| at >= bench.at || bench.state() != State::Idle));
        }
        let before = count.dials;
        bench.until(bench.at + 400 * 86_400_000);
        judge(&mut bench, &mut count, &mut ended);
        prop_assert_eq!(count.dials, before);
        prop_assert!(bench.state().is_at_rest() || bench.asked.is_some() || bench.state() == State::Waiting);
    }
}

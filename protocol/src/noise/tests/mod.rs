//! Both sides against each other, and against fixed bytes.

mod resumption;

use jiff::Timestamp;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::*;
use crate::certificate::{Authority, Defect, TrustedRoot, Validity};
use crate::fixed::{Repeating, hex};
use crate::frame::{FrameReader, INTRO};
use crate::keys::KeyPair;
use crate::node::Node;

struct Scene {
    rng: ChaCha8Rng,
    client: KeyPair,
    server: KeyPair,
    root: TrustedRoot,
    chain: Vec<u8>,
}

impl Scene {
    fn new(seed: u64, defect: Option<Defect>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let client = KeyPair::generate(&mut rng);
        let server = KeyPair::generate(&mut rng);
        let authority = Authority::generate(&mut rng);
        let chain = authority.issue(&server.public(), Validity::around(now()), defect, &mut rng);
        Self {
            rng,
            client,
            server,
            root: authority.root(),
            chain,
        }
    }

    fn open(&mut self) -> (Initiator, Vec<u8>) {
        Initiator::new(&INTRO, self.client.clone(), &mut self.rng)
    }

    fn hear(&mut self, hello: &[u8]) -> Result<(Answered, Vec<u8>), HandshakeError> {
        Responder::new(&INTRO, self.server.clone(), self.chain.clone())
            .on_client_hello(hello, &mut self.rng)
    }

    /// Of a server that waits for the client's conclusion.
    fn answer(&mut self, hello: &[u8]) -> Result<(AwaitingFinish, Vec<u8>), HandshakeError> {
        let (answered, answer) = self.hear(hello)?;
        Ok((awaiting(answered), answer))
    }

    /// The client's transport, the client as the server sees it, and the three messages.
    fn run(&mut self, payload: &[u8]) -> (Transport, Client, [Vec<u8>; 3]) {
        let (initiator, hello) = self.open();
        let (awaiting, answer) = self.answer(&hello).unwrap();
        let trusted = initiator
            .on_server_hello(&answer, &self.root, now())
            .unwrap();
        assert_eq!(trusted.static_key(), self.server.public());
        let (finish, transport) = trusted.finish(payload).unwrap();
        let client = awaiting.on_client_finish(&finish).unwrap();
        (transport, client, [hello, answer, finish])
    }
}

fn awaiting(answered: Answered) -> AwaitingFinish {
    match answered {
        Answered::Awaiting(awaiting) => awaiting,
        Answered::Resumed(_) => panic!("the client did not say who it is"),
    }
}

fn now() -> Timestamp {
    "2026-01-20T12:00:00Z".parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn both_sides_agree_and_read_each_other(
        seed: u64,
        payload: Vec<u8>,
        messages in prop::collection::vec((any::<bool>(), any::<Vec<u8>>()), 0..10),
    ) {
        let mut scene = Scene::new(seed, None);
        let (mut client, there, _) = scene.run(&payload);
        prop_assert_eq!(there.payload, payload);
        prop_assert_eq!(there.static_key, scene.client.public());
        let mut server = there.transport;
        for (from_client, message) in messages {
            let mut sealed = message.clone();
            let (from, to) = if from_client { (&mut client, &mut server) } else { (&mut server, &mut client) };
            from.encrypt(&mut sealed).unwrap();
            prop_assert_eq!(sealed.len(), message.len() + 16);
            to.decrypt(&mut sealed).unwrap();
            prop_assert_eq!(sealed, message);
        }
    }

    #[test]
    fn hostile_messages_end_the_handshake(seed: u64, bytes: Vec<u8>) {
        let mut scene = Scene::new(seed, None);
        prop_assert!(scene.answer(&bytes).is_err());
        let (initiator, hello) = scene.open();
        let (awaiting, _) = scene.answer(&hello).unwrap();
        prop_assert!(initiator.on_server_hello(&bytes, &scene.root, now()).is_err());
        prop_assert!(awaiting.on_client_finish(&bytes).is_err());
    }

    #[test]
    fn a_message_with_one_bit_changed_or_cut_short_ends_the_handshake(
        seed: u64, which in 0usize..3, place: prop::sample::Index, bit in prop::option::of(0u8..8),
    ) {
        let mut scene = Scene::new(seed, None);
        let mangle = |number: usize, mut message: Vec<u8>| {
            let place = place.index(message.len());
            match bit {
                _ if number != which => {}
                Some(bit) => message[place] ^= 1 << bit,
                None => message.truncate(place),
            }
            message
        };
        let mut run = || -> Result<(), HandshakeError> {
            let (initiator, hello) = scene.open();
            let (awaiting, answer) = scene.answer(&mangle(0, hello))?;
            let trusted = initiator.on_server_hello(&mangle(1, answer), &scene.root, now())?;
            let (finish, _) = trusted.finish(b"payload")?;
            awaiting.on_client_finish(&mangle(2, finish)).map(|_| ())
        };
        prop_assert!(run().is_err());
    }

    #[test]
    fn hostile_frames_do_not_open_and_the_next_one_still_does(seed: u64, mut bytes: Vec<u8>) {
        let mut scene = Scene::new(seed, None);
        let (mut client, mut there, _) = scene.run(b"");
        prop_assert_eq!(
            there.transport.opener.open(&mut bytes),
            Err(TransportError::Authentication { counter: 0 })
        );
        let mut sealed = b"next".to_vec();
        client.encrypt(&mut sealed).unwrap();
        prop_assert!(there.transport.decrypt(&mut sealed).is_ok());
    }
}

#[test]
fn a_node_goes_through_whole() {
    let mut scene = Scene::new(1, None);
    let (client, there, _) = scene.run(b"");
    let (mut sealer, _) = client.split();
    let (_, mut opener) = there.transport.split();
    let mut reader = FrameReader::of_server(1 << 20);
    let mut stream = Vec::new();
    let ping = |id: u32| {
        Node::new("iq")
            .attr("to", "s.whatsapp.net")
            .attr("id", id)
            .child(Node::new("ping"))
    };
    for id in 0..3 {
        sealer.seal_node(&ping(id), &mut stream).unwrap();
    }
    reader.push(&stream);
    for id in 0..3 {
        let body = reader.pop().unwrap().unwrap();
        assert_eq!(opener.open_node(body), Ok(ping(id)));
    }
    assert_eq!(reader.pop(), Ok(None));
    assert_eq!((sealer.counter(), opener.counter()), (3, 3));
}

#[test]
fn frames_out_of_order_do_not_open() {
    let mut scene = Scene::new(1, None);
    let (mut client, mut there, _) = scene.run(b"");
    let (mut first, mut second) = (b"first".to_vec(), b"second".to_vec());
    client.encrypt(&mut first).unwrap();
    client.encrypt(&mut second).unwrap();
    let second_too_early = there.transport.opener.open(&mut second.clone()).map(|_| ());
    assert_eq!(
        second_too_early,
        Err(TransportError::Authentication { counter: 0 })
    );
    assert!(there.transport.decrypt(&mut first.clone()).is_ok());
    assert!(there.transport.decrypt(&mut second).is_ok());
    assert!(there.transport.decrypt(&mut first).is_err(), "a replay");
}

#[test]
fn every_defect_of_a_certificate_ends_the_handshake_at_the_client() {
    for defect in Defect::ALL {
        let mut scene = Scene::new(1, Some(defect));
        let (initiator, hello) = scene.open();
        let (_, answer) = scene.answer(&hello).unwrap();
        let outcome = initiator.on_server_hello(&answer, &scene.root, now());
        assert!(
            matches!(outcome, Err(HandshakeError::Certificate(_))),
            "{defect:?}"
        );
    }
}

#[test]
fn another_prologue_is_another_transcript() {
    let mut scene = Scene::new(1, None);
    let (initiator, hello) =
        Initiator::new(&[b'W', b'A', 6, 2], scene.client.clone(), &mut scene.rng);
    let (_, answer) = scene.answer(&hello).unwrap();
    assert_eq!(
        initiator
            .on_server_hello(&answer, &scene.root, now())
            .unwrap_err(),
        HandshakeError::Authentication("server's static key")
    );
}

#[test]
fn a_client_hello_with_a_key_of_low_order_is_refused() {
    use crate::message::{ClientHello, HandshakeMessage};
    use prost::Message;

    let hello = |ephemeral: Vec<u8>, r#static: Option<Vec<u8>>| {
        HandshakeMessage {
            client_hello: Some(ClientHello {
                ephemeral: Some(ephemeral),
                r#static,
                payload: None,
            }),
            ..HandshakeMessage::default()
        }
        .encode_to_vec()
    };
    let mut scene = Scene::new(1, None);
    let mut refused = |hello: Vec<u8>| scene.answer(&hello).map(|_| ()).unwrap_err();
    assert_eq!(
        refused(hello(vec![0; 32], None)),
        HandshakeError::LowOrder(LowOrderKey)
    );
    assert_eq!(
        refused(hello(vec![9; 31], None)),
        HandshakeError::KeyLength {
            field: "client's ephemeral key",
            length: 31
        }
    );
    assert_eq!(
        refused(hello(vec![9; 32], Some(vec![0; 48]))),
        HandshakeError::Missing("client payload")
    );
}

#[test]
fn the_debug_forms_tell_no_key() {
    let mut scene = Scene::new(1, None);
    let (initiator, _) = scene.open();
    let shown = format!("{initiator:?}");
    assert!(shown.len() < 80, "{shown}");
    let (transport, ..) = scene.run(b"");
    let shown = format!("{transport:?}");
    assert_eq!(
        shown,
        "Transport { sealer: Sealer(0 frames), opener: Opener(0 frames) }"
    );
}

/// The expected bytes come from a second implementation, in another language over another library.
#[test]
fn fixed_keys_give_the_same_bytes_on_every_machine() {
    use sha2::{Digest, Sha256};

    let [root, intermediate, server, client] =
        [1, 2, 3, 4].map(|byte| KeyPair::from_secret([byte; 32]));
    let authority = Authority::new(root, intermediate);
    let validity = Validity::around(now());
    let chain = authority.issue(&server.public(), validity, None, &mut Repeating(7));

    let (initiator, hello) = Initiator::new(&INTRO, client, &mut Repeating(5));
    let (answered, answer) = Responder::new(&INTRO, server, chain)
        .on_client_hello(&hello, &mut Repeating(6))
        .unwrap();
    let awaiting = awaiting(answered);
    let trusted = initiator
        .on_server_hello(&answer, &authority.root(), now())
        .unwrap();
    let (finish, mut here) = trusted.finish(b"payload").unwrap();
    let mut there = awaiting.on_client_finish(&finish).unwrap().transport;

    let digests = [hello, answer, finish].map(|message| hex(&Sha256::digest(message)));
    assert_eq!(
        digests,
        [
            "58d2eec3bd2720bd6decb3f723bbbbba9cf4463f6e3524153990b6cf41ecce73",
            "53c99471e83a9d68304145e79d2e90086d4b74529fc34a8d5444ff5e5d3e379f",
            "67637742fd8b15db1a2d0e30d1e5db92976cb9883e2c9d5c126363748cec1e17",
        ]
    );
    let frame = |transport: &mut Transport| {
        let mut frame = b"ping".to_vec();
        transport.encrypt(&mut frame).unwrap();
        hex(&frame)
    };
    assert_eq!(frame(&mut here), "c6ef12b3c0f7879da26b11dc89d6110a429303f7");
    assert_eq!(frame(&mut here), "0e7d0293061b3f95ac0c1f940980ca86d74fe058");
    assert_eq!(
        frame(&mut there),
        "03e14ce213b9b3ca8ed73f49dfe53ab251c833cb"
    );
}

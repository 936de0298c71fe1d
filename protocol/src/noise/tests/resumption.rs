//! A client that knows the server from before.

use super::*;

impl Scene {
    fn resume(&mut self, known: [u8; 32], payload: &[u8]) -> (Resumption, Vec<u8>) {
        Resumption::new(&INTRO, self.client.clone(), known, payload, &mut self.rng).unwrap()
    }
}

/// A frame each way.
fn understand(client: &mut Transport, server: &mut Transport) {
    for (from, to) in [(true, b"ask"), (false, b"say")] {
        let mut frame = to.to_vec();
        let (sender, receiver) = match from {
            true => (&mut *client, &mut *server),
            false => (&mut *server, &mut *client),
        };
        sender.encrypt(&mut frame).unwrap();
        receiver.decrypt(&mut frame).unwrap();
        assert_eq!(frame, to);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn one_round_trip_establishes_the_connection(seed: u64, payload: Vec<u8>) {
        let mut scene = Scene::new(seed, None);
        let (resumption, hello) = scene.resume(scene.server.public(), &payload);
        let (answered, answer) = scene.hear(&hello).unwrap();
        let Answered::Resumed(mut there) = answered else {
            panic!("the key is the server's")
        };
        prop_assert_eq!(there.payload, payload);
        prop_assert_eq!(there.static_key, scene.client.public());
        let resumed = resumption.on_server_hello(&answer, &scene.root, now()).unwrap();
        let Resumed::Established(mut here) = resumed else {
            panic!("the server resumed")
        };
        understand(&mut here, &mut there.transport);
    }

    #[test]
    fn a_server_with_another_key_falls_back_and_the_client_says_once_more_who_it_is(seed: u64, payload: Vec<u8>) {
        let mut scene = Scene::new(seed, None);
        let old = KeyPair::generate(&mut scene.rng).public();
        let (resumption, hello) = scene.resume(old, &payload);
        let (awaiting, answer) = scene.answer(&hello).unwrap();
        let resumed = resumption.on_server_hello(&answer, &scene.root, now()).unwrap();
        let Resumed::Fallback(trusted) = resumed else {
            panic!("the key is not the server's any more")
        };
        prop_assert_eq!(trusted.static_key(), scene.server.public());
        let (finish, mut here) = trusted.finish(&payload).unwrap();
        let mut there = awaiting.on_client_finish(&finish).unwrap();
        prop_assert_eq!(there.payload, payload);
        understand(&mut here, &mut there.transport);
    }

    #[test]
    fn a_hello_or_an_answer_that_is_changed_leads_to_no_connection(
        seed: u64, which in 0usize..2, place: prop::sample::Index, bit in 0u8..8,
    ) {
        let mut scene = Scene::new(seed, None);
        let (resumption, mut hello) = scene.resume(scene.server.public(), b"payload");
        let change = |number, message: &mut Vec<u8>| {
            let place = place.index(message.len());
            if number == which {
                message[place] ^= 1 << bit;
            }
        };
        change(0, &mut hello);
        let Ok((answered, mut answer)) = scene.hear(&hello) else {
            return Ok(());
        };
        change(1, &mut answer);
        let resumed = resumption.on_server_hello(&answer, &scene.root, now());
        // A hello whose seals are broken is met by the fallback, which is a whole handshake of its own and may succeed; it
        // never happens that only one side believes in a resumption.
        match (answered, resumed) {
            (Answered::Resumed(_), resumed) => prop_assert!(resumed.is_err()),
            (Answered::Awaiting(_), Ok(Resumed::Established(_))) => prop_assert!(false),
            (Answered::Awaiting(_), _) => {}
        }
    }
}

#[test]
fn the_certificates_of_a_resumption_are_checked_too() {
    for defect in Defect::ALL {
        let mut scene = Scene::new(1, Some(defect));
        let (resumption, hello) = scene.resume(scene.server.public(), b"");
        let (_, answer) = scene.hear(&hello).unwrap();
        let outcome = resumption.on_server_hello(&answer, &scene.root, now());
        assert!(
            matches!(outcome, Err(HandshakeError::Certificate(_))),
            "{defect:?}"
        );
    }
}

#[test]
fn the_debug_form_of_a_resumption_tells_no_key() {
    let mut scene = Scene::new(1, None);
    let (resumption, _) = scene.resume(scene.server.public(), b"");
    let shown = format!("{resumption:?}");
    assert!(shown.len() < 80, "{shown}");
}

/// The expected bytes come from a second implementation, in another language over another library.
#[test]
fn fixed_keys_resume_with_the_same_bytes_on_every_machine() {
    use sha2::{Digest, Sha256};

    let [server, client, old] = [3, 4, 9].map(|byte| KeyPair::from_secret([byte; 32]));
    let digest = |message: &[u8]| hex(&Sha256::digest(message));
    let hear = |known: [u8; 32]| {
        let (_, hello) =
            Resumption::new(&INTRO, client.clone(), known, b"payload", &mut Repeating(5)).unwrap();
        let (answered, answer) = Responder::new(&INTRO, server.clone(), b"chain".to_vec())
            .on_client_hello(&hello, &mut Repeating(6))
            .unwrap();
        (answered, digest(&hello), digest(&answer))
    };

    let (answered, hello, answer) = hear(server.public());
    assert_eq!(
        hello,
        "34fe3f5cb50f8906b48e7f6c20368c5158d5a492ba4df40ff3adcbc39b277815"
    );
    assert_eq!(
        answer,
        "ee26f6ad10618792258545a55d9c5d85b2f6876ea4885a3eaae8c7217dc12975"
    );
    let Answered::Resumed(mut there) = answered else {
        panic!("the key is the server's")
    };
    let mut frame = b"ping".to_vec();
    there.transport.encrypt(&mut frame).unwrap();
    assert_eq!(hex(&frame), "d0e458e86f5a37e7a9651ff173abb45c821a69bc");

    let (_, hello, answer) = hear(old.public());
    assert_eq!(
        hello,
        "d321188b896dc18a278b62054e5315e8bbff0944791d4c92504d9e3fec7e9740"
    );
    assert_eq!(
        answer,
        "83ca96d617ac952231ce4180fbd327d9b69bce15286a535575d79866d1802f9d"
    );
}

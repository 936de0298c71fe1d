//! A phone, a server and a device, played through.

use jiff::Timestamp;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;

use super::*;
use crate::jid::Jid;
use crate::node::{Content, Node};

struct Scene {
    rng: ChaCha8Rng,
    account: Account,
    device: Device,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            account: Account::generate(&mut rng),
            device: Device::generate(&mut rng),
            rng,
        }
    }

    fn pair_success(&mut self, adv_secret: [u8; 32]) -> Node {
        let what = PairSuccess {
            identity: &self.device.identity.public(),
            jid: Jid::phone(491_700_000_001, 3),
            lid: Jid::lid(1001, 3),
            platform: "android",
            key_index: 3,
            now: now(),
        };
        self.account.pair_success(&what, &adv_secret, &mut self.rng)
    }

    fn paired(&mut self) -> Paired {
        let success = self.pair_success(self.device.adv_secret);
        self.device
            .on_pair_success(&success, &mut self.rng)
            .unwrap()
    }
}

fn now() -> Timestamp {
    "2026-01-20T12:00:00Z".parse().unwrap()
}

/// The bytes of the identity inside, to be tampered with.
fn identity_bytes(node: &mut Node) -> &mut Vec<u8> {
    let Content::Nodes(children) = &mut node.content else {
        panic!("no children");
    };
    let identity = children
        .iter_mut()
        .find(|child| child.tag == "device-identity")
        .expect("a device identity");
    match &mut identity.content {
        Content::Bytes(bytes) => bytes,
        _ => panic!("no bytes"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pairing_gives_the_device_its_names_and_the_server_a_reply_that_verifies(seed: u64) {
        let mut scene = Scene::new(seed);
        let qr = parse_qr(&qr_text(&scene.device, "2@reference")).unwrap();
        let success = scene.pair_success(qr.adv_secret);
        let paired = scene.device.on_pair_success(&success, &mut scene.rng).unwrap();
        prop_assert_eq!(paired.account, scene.account.public());
        prop_assert_eq!(paired.device.jid.as_deref(), Some("491700000001:3@s.whatsapp.net"));
        prop_assert_eq!(paired.device.lid.as_deref(), Some("1001:3@lid"));
        prop_assert!(paired.reply.find("device-identity").unwrap().is("device-identity", &[("key-index", "3")]));

        let identity = scene.account.verify_reply(&qr.identity, &paired.reply).unwrap();
        prop_assert_eq!(identity.key_index, 3);
        prop_assert_eq!(i64::try_from(identity.timestamp).unwrap(), now().as_second());
    }

    #[test]
    fn a_pair_success_with_one_bit_changed_is_refused(seed: u64, place: prop::sample::Index, bit in 0u8..8) {
        let mut scene = Scene::new(seed);
        let mut success = scene.pair_success(scene.device.adv_secret);
        let bytes = identity_bytes(&mut success);
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        prop_assert!(scene.device.on_pair_success(&success, &mut scene.rng).is_err());
    }

    #[test]
    fn hostile_identities_are_refused(seed: u64, bytes: Vec<u8>) {
        let mut scene = Scene::new(seed);
        let node = Node::new("any").child(Node::new("device-identity").bytes(bytes));
        prop_assert!(scene.device.on_pair_success(&node, &mut scene.rng).is_err());
        prop_assert!(scene.account.verify_reply(&scene.device.identity.public(), &node).is_err());
    }

    #[test]
    fn a_registration_reads_back(seed: u64, attempt: u32) {
        let device = Device::generate(&mut ChaCha8Rng::seed_from_u64(seed));
        let payload = device.client_payload(attempt).unwrap();
        prop_assert_eq!(Login::parse(&payload), Ok(Login::Registration(Registration {
            registration_id: device.registration_id,
            identity: device.identity.public(),
            signed_pre_key_id: 1,
            signed_pre_key: device.signed_pre_key.public(),
            signed_pre_key_signature: device.signed_pre_key_signature,
            push_name: None,
        })));
    }

    #[test]
    fn a_login_reads_back(user: u64, number: u32) {
        let mut device = Device::generate(&mut ChaCha8Rng::seed_from_u64(1));
        device.jid = Some(Jid::phone(user, number).to_string());
        let payload = device.client_payload(0).unwrap();
        prop_assert_eq!(Login::parse(&payload), Ok(Login::Device { user, device: number }));
    }

    #[test]
    fn hostile_payloads_are_refused_or_read(bytes: Vec<u8>) {
        let _ = Login::parse(&bytes);
    }

    #[test]
    fn a_registration_cut_short_is_no_registration(length: prop::sample::Index) {
        let device = Device::generate(&mut ChaCha8Rng::seed_from_u64(1));
        let payload = device.client_payload(0).unwrap();
        let cut = Login::parse(&payload[..length.index(payload.len())]);
        let is_login = matches!(cut, Ok(Login::Device { .. }));
        prop_assert!(!is_login);
    }

    #[test]
    fn every_form_of_a_qr_code_reads_back(
        reference in "[^,\\s][^,]{0,60}[^,\\s]", noise: [u8; 32], identity: [u8; 32], adv_secret: [u8; 32],
        platform in prop::option::of("[0-9]{1,2}"), has_prefix: bool,
    ) {
        let code = QrCode { reference, noise, identity, adv_secret, platform };
        let text = code.to_string();
        let shown = if has_prefix { text.as_str() } else { text.strip_prefix(QR_PREFIX).unwrap() };
        prop_assert_eq!(parse_qr(shown), Ok(code));
    }

    #[test]
    fn hostile_qr_texts_are_refused(text: String, fields in prop::collection::vec("[A-Za-z0-9+/=]{0,44}", 0..7)) {
        prop_assert!(parse_qr(&text).is_err());
        let _ = parse_qr(&fields.join(","));
    }
}

#[test]
fn the_secret_of_another_qr_code_is_refused() {
    let mut scene = Scene::new(1);
    let success = scene.pair_success([1; 32]);
    let answer = scene.device.on_pair_success(&success, &mut scene.rng);
    assert_eq!(answer.unwrap_err(), PairingError::Hmac);
}

#[test]
fn an_identity_of_another_device_is_refused() {
    let mut scene = Scene::new(1);
    let mut other = Device::generate(&mut scene.rng);
    other.adv_secret = scene.device.adv_secret;
    let success = scene.pair_success(other.adv_secret);
    let answer = other.on_pair_success(&success, &mut scene.rng);
    assert_eq!(answer.unwrap_err(), PairingError::AccountSignature);
}

#[test]
fn a_reply_may_leave_the_account_key_out_but_not_change_it() {
    use crate::message::AdvSignedDeviceIdentity;
    use prost::Message;

    let mut scene = Scene::new(1);
    let identity = scene.device.identity.public();
    let reply = scene.paired().reply;
    let with_key = |key: Option<Vec<u8>>| {
        let mut reply = reply.clone();
        let bytes = identity_bytes(&mut reply);
        let mut signed = AdvSignedDeviceIdentity::decode(bytes.as_slice()).unwrap();
        signed.account_signature_key = key;
        *bytes = signed.encode_to_vec();
        reply
    };
    let verify = |reply: &Node| scene.account.verify_reply(&identity, reply);
    assert!(verify(&with_key(None)).is_ok());
    assert_eq!(
        verify(&with_key(Some(vec![0; 32]))),
        Err(PairingError::OtherAccount)
    );
}

#[test]
fn a_reply_by_another_identity_is_refused() {
    let mut scene = Scene::new(1);
    let reply = scene.paired().reply;
    let other = Device::generate(&mut scene.rng).identity.public();
    assert_eq!(
        scene.account.verify_reply(&other, &reply),
        Err(PairingError::AccountSignature)
    );
    let other = Account::generate(&mut scene.rng);
    assert_eq!(
        other.verify_reply(&scene.device.identity.public(), &reply),
        Err(PairingError::OtherAccount)
    );
}

#[test]
fn a_device_that_was_never_paired_cannot_log_in() {
    let mut scene = Scene::new(1);
    assert_eq!(scene.device.login(), Err(NotPaired::NoJid));
    let paired = scene.paired().device;
    let payload = paired.client_payload(0).unwrap();
    assert_eq!(
        Login::parse(&payload),
        Ok(Login::Device {
            user: 491_700_000_001,
            device: 3
        })
    );
}

#[test]
fn a_registration_says_what_its_user_calls_himself() {
    use prost::Message;
    let device = Scene::new(1).device;
    for (written, read) in [(Some("Ann"), Some("Ann")), (Some(""), None), (None, None)] {
        let mut payload = device.registration();
        payload.push_name = written.map(str::to_owned);
        let Ok(Login::Registration(registration)) = Login::parse(&payload.encode_to_vec()) else {
            panic!("no registration")
        };
        assert_eq!(registration.push_name.as_deref(), read);
    }
}

#[test]
fn the_debug_forms_tell_no_secret() {
    let mut scene = Scene::new(1);
    scene.device.adv_secret = [0xab; 32];
    let code = parse_qr(&qr_text(&scene.device, "2@reference")).unwrap();
    for shown in [format!("{:?}", scene.device), format!("{code:?}")] {
        assert!(
            !shown.contains("171") && !shown.contains("ab, ab"),
            "{shown}"
        );
    }
}

/// The expected bytes come from a second implementation, in another language over another library.
#[test]
fn fixed_keys_give_the_same_signatures_on_every_machine() {
    use crate::fixed::{Repeating, hex};
    use crate::keys::KeyPair;
    use sha2::{Digest, Sha256};

    let mut scene = Scene::new(1);
    scene.account = Account::new(KeyPair::from_secret([1; 32]));
    scene.device.identity = KeyPair::from_secret([2; 32]);
    scene.device.adv_secret = [3; 32];
    let what = PairSuccess {
        identity: &scene.device.identity.public(),
        jid: Jid::phone(491_700_000_001, 3),
        lid: Jid::lid(1001, 3),
        platform: "android",
        key_index: 3,
        now: now(),
    };
    let mut success = scene
        .account
        .pair_success(&what, &[3; 32], &mut Repeating(7));
    let mut paired = scene
        .device
        .on_pair_success(&success, &mut Repeating(9))
        .unwrap();
    let digest = |node: &mut Node| hex(&Sha256::digest(identity_bytes(node)));
    assert_eq!(
        digest(&mut success),
        "fdf7ccc4455a0139095dea5339c8e3b59eeeb0ba974f38e27f195266001a5db9"
    );
    assert_eq!(
        digest(&mut paired.reply),
        "8ac8f70a37f82b323054d2f1b68848a314329974590aee085bb3fd0e9e88eaf1"
    );
}

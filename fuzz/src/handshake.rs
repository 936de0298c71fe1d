//! The Noise handshake and what is inside of it, for both roles.
//!
//! An input is one byte that says where the rest arrives. The keys are always the same, so a genuine message is genuine
//! in every run; what is not may not lead to a transport, whoever sends it.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use jiff::Timestamp;
use prost::Message;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_protocol::certificate::{Authority, Validity, verify};
use squall_protocol::frame::INTRO;
use squall_protocol::keys::KeyPair;
use squall_protocol::message::CertChain;
use squall_protocol::noise::{
    Answered, Client, HandshakeError, Initiator, Responder, Resumed, Resumption, Transport,
};
use squall_protocol::pairing::Login;

pub(crate) fn run(bytes: &[u8]) {
    let Some((place, rest)) = bytes.split_first() else {
        return;
    };
    match place % 7 {
        0 => client_hello(rest),
        1 => server_hello(rest),
        2 => client_finish(rest),
        3 => chain(rest),
        4 => sealed(rest),
        5 => drop(edited(&mut Unstructured::new(rest))),
        _ => drop(resumed(&mut Unstructured::new(rest))),
    }
}

/// The body of a client's first frame, whoever sends it.
fn client_hello(body: &[u8]) {
    if let Ok((_, hello)) = SERVER.responder().on_client_hello(body, &mut rng(2)) {
        assert!(hello.len() > SERVER.chain.len(), "the chain is in it");
    }
}

/// The body of a server's first frame: nobody but the server can make one.
fn server_hello(body: &[u8]) {
    let (initiator, _) = initiator();
    if let Ok(trusted) = initiator.on_server_hello(body, &SERVER.authority.root(), *NOW) {
        assert_eq!(trusted.static_key(), SERVER.keys.public());
    }
}

/// The body of a client's second frame: nobody but the client can make one.
fn client_finish(body: &[u8]) {
    let (_, hello) = initiator();
    let (answered, _) = SERVER
        .responder()
        .on_client_hello(&hello, &mut rng(2))
        .expect("a genuine hello");
    let Answered::Awaiting(awaiting) = answered else {
        panic!("the client did not say who it is")
    };
    if let Ok(client) = awaiting.on_client_finish(body) {
        assert_eq!(client.static_key, client_keys().public());
        let _ = Login::parse(&client.payload);
    }
}

/// A chain of certificates: whatever it is, it certifies what the authority signed, or nothing. It is told so alike where
/// it arrives inside a handshake.
fn chain(chain: &[u8]) {
    let key = SERVER.keys.public();
    let verified = verify(chain, &key, &SERVER.authority.root(), *NOW);
    if verified.is_ok() {
        assert_eq!(signed(chain), signed(&SERVER.chain));
    }
    let responder = Responder::new(&INTRO, SERVER.keys.clone(), chain.to_vec());
    let (initiator, hello) = initiator();
    let (_, answer) = responder
        .on_client_hello(&hello, &mut rng(2))
        .expect("a genuine hello");
    let trusted = initiator.on_server_hello(&answer, &SERVER.authority.root(), *NOW);
    assert_eq!(
        trusted.err(),
        verified.err().map(HandshakeError::Certificate)
    );
}

/// What the two certificates of a chain say, as it was signed.
fn signed(chain: &[u8]) -> Option<[Option<Vec<u8>>; 2]> {
    let chain = CertChain::decode(chain).ok()?;
    Some([chain.leaf?.details, chain.intermediate?.details])
}

/// What is sealed by one side and opened by the other: a client payload, then frames each way. What was not sealed does
/// not open, and the frame after it does all the same.
fn sealed(plaintext: &[u8]) {
    let (mut client, server) = handshake(plaintext, |_| Ok(())).expect("a genuine handshake");
    assert_eq!(server.payload, plaintext);
    let _ = Login::parse(plaintext);

    let mut server = server.transport;
    agree(&mut server, &mut client, plaintext);
    let mut forged = plaintext.to_vec();
    assert!(client.opener.open(&mut forged).is_err());
    agree(&mut server, &mut client, plaintext);
    agree(&mut client, &mut server, plaintext);
}

fn agree(from: &mut Transport, to: &mut Transport, plaintext: &[u8]) {
    let mut frame = plaintext.to_vec();
    from.encrypt(&mut frame).expect("few frames were sealed");
    let (mut opened, counter) = (frame.clone(), to.opener.counter());
    to.decrypt(&mut opened).expect("it was sealed for it");
    assert_eq!(opened, plaintext);
    assert_eq!(to.opener.counter(), counter + 1);
    assert!(
        to.opener.open_node(&mut frame).is_err(),
        "a frame opens once"
    );
}

/// A handshake whose messages are changed on the way. If both sides come out of it, nothing was changed that matters: the
/// server knows the client, and they understand each other.
fn edited(edits: &mut Unstructured<'_>) -> Result<()> {
    let payload: Vec<u8> = edits.arbitrary()?;
    let edit = |message: &mut Vec<u8>| edit(message, edits);
    if let Some((mut client, server)) = handshake(&payload, edit) {
        assert_eq!(server.static_key, client_keys().public());
        assert_eq!(server.payload, payload);
        agree(&mut client, &mut { server.transport }, &payload);
    }
    Ok(())
}

/// A hello that resumes, changed on the way: whoever the server takes for resumed is the client and said just that, and the
/// client agrees.
fn resumed(edits: &mut Unstructured<'_>) -> Result<()> {
    let payload: Vec<u8> = edits.arbitrary()?;
    let known = SERVER.keys.public();
    let (resumption, mut hello) =
        Resumption::new(&INTRO, client_keys(), known, &payload, &mut rng(5)).expect("a good key");
    edit(&mut hello, edits)?;
    let answered = SERVER.responder().on_client_hello(&hello, &mut rng(2));
    let Ok((Answered::Resumed(server), mut answer)) = answered else {
        return Ok(());
    };
    assert_eq!(server.static_key, client_keys().public());
    assert_eq!(server.payload, payload);
    edit(&mut answer, edits)?;
    let read = resumption.on_server_hello(&answer, &SERVER.authority.root(), *NOW);
    if let Ok(Resumed::Established(mut client)) = read {
        agree(&mut client, &mut { server.transport }, &payload);
    }
    Ok(())
}

/// Up to four changes: a byte becomes another, bytes come in, or bytes go.
fn edit(message: &mut Vec<u8>, edits: &mut Unstructured<'_>) -> Result<()> {
    for _ in 0..edits.int_in_range(0..=4)? {
        let at = edits.choose_index(message.len() + 1)?;
        match edits.int_in_range(0..=2)? {
            0 if at < message.len() => message[at] = edits.arbitrary()?,
            1 => drop(message.splice(at..at, edits.arbitrary::<[u8; 4]>()?)),
            _ => message.truncate(at.max(message.len().saturating_sub(8))),
        }
    }
    Ok(())
}

/// The client's transport, and what the server knows of the client, if they come to terms. Each message passes
/// through `on_the_way`.
pub(crate) fn handshake(
    payload: &[u8],
    mut on_the_way: impl FnMut(&mut Vec<u8>) -> Result<()>,
) -> Option<(Transport, Client)> {
    let (initiator, mut hello) = initiator();
    on_the_way(&mut hello).ok()?;
    let (answered, mut answer) = SERVER
        .responder()
        .on_client_hello(&hello, &mut rng(2))
        .ok()?;
    let Answered::Awaiting(awaiting) = answered else {
        panic!("nobody can seal a resumption but who resumes")
    };
    on_the_way(&mut answer).ok()?;
    let trusted = initiator
        .on_server_hello(&answer, &SERVER.authority.root(), *NOW)
        .ok()?;
    let (mut finish, transport) = trusted.finish(payload).ok()?;
    on_the_way(&mut finish).ok()?;
    Some((transport, awaiting.on_client_finish(&finish).ok()?))
}

/// The server that every client of this target knows.
pub(crate) struct Server {
    authority: Authority,
    keys: KeyPair,
    pub(crate) chain: Vec<u8>,
}

impl Server {
    fn responder(&self) -> Responder {
        Responder::new(&INTRO, self.keys.clone(), self.chain.clone())
    }
}

static NOW: LazyLock<Timestamp> =
    LazyLock::new(|| "2026-01-19T14:00:00Z".parse().expect("a timestamp"));

pub(crate) static SERVER: LazyLock<Server> = LazyLock::new(|| {
    let authority = Authority::generate(&mut rng(0));
    let keys = KeyPair::generate(&mut rng(1));
    let chain = authority.issue(&keys.public(), Validity::around(*NOW), None, &mut rng(4));
    Server {
        authority,
        keys,
        chain,
    }
});

fn client_keys() -> KeyPair {
    KeyPair::generate(&mut rng(3))
}

fn initiator() -> (Initiator, Vec<u8>) {
    Initiator::new(&INTRO, client_keys(), &mut rng(5))
}

fn rng(stream: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(stream)
}

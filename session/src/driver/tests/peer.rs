//! The server's role, as far as the tests need it.

use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_protocol::Node;
use squall_protocol::certificate::{self, TrustedRoot, Validity};
use squall_protocol::frame::{self, FrameReader};
use squall_protocol::keys::KeyPair;
use squall_protocol::noise::{Answered, Responder, Transport};
use squall_protocol::pairing::Login;
use tokio::io::DuplexStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(crate) struct Authority {
    chain: certificate::Authority,
    keys: KeyPair,
    wall: Timestamp,
}

impl Authority {
    /// The one that the client trusts.
    pub(crate) fn new(wall: Timestamp) -> Self {
        Self::of_seed(4, wall)
    }

    /// One that it does not.
    pub(crate) fn foreign(wall: Timestamp) -> Self {
        Self::of_seed(44, wall)
    }

    fn of_seed(seed: u64, wall: Timestamp) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        Self {
            chain: certificate::Authority::generate(&mut rng),
            keys: KeyPair::generate(&mut rng),
            wall,
        }
    }

    pub(crate) fn root(&self) -> TrustedRoot {
        self.chain.root()
    }

    fn responder(&self, prologue: &[u8]) -> Responder {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let validity = Validity::around(self.wall);
        let chain = self
            .chain
            .issue(&self.keys.public(), validity, None, &mut rng);
        Responder::new(prologue, self.keys.clone(), chain)
    }
}

/// A server's end of one secured connection.
pub(crate) struct Peer {
    pub(crate) web_socket: WebSocketStream<DuplexStream>,
    pub(crate) login: Login,
    frames: FrameReader,
    transport: Transport,
}

impl Peer {
    pub(crate) async fn upgrade(stream: DuplexStream) -> WebSocketStream<DuplexStream> {
        tokio_tungstenite::accept_async(stream)
            .await
            .expect("an upgrade request")
    }

    pub(crate) async fn accept(stream: DuplexStream, authority: &Authority) -> Self {
        let mut web_socket = Self::upgrade(stream).await;
        let mut frames = FrameReader::of_client(frame::MAX_BODY);
        let hello = next_frame(&mut web_socket, &mut frames).await;
        let prologue = frames.intro().expect("the client opens with its intro");
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let (answered, answer) = authority
            .responder(&prologue)
            .on_client_hello(&hello, &mut rng)
            .expect("a client hello");
        let Answered::Awaiting(awaiting) = answered else {
            panic!("the session never resumes")
        };
        let mut bytes = Vec::new();
        frame::write_frame(&mut bytes, &answer).expect("a short frame");
        send(&mut web_socket, bytes).await;
        let finish = next_frame(&mut web_socket, &mut frames).await;
        let client = awaiting.on_client_finish(&finish).expect("a client finish");
        Self {
            web_socket,
            login: Login::parse(&client.payload).expect("a client payload"),
            frames,
            transport: client.transport,
        }
    }

    /// The next stanza.
    pub(crate) async fn receive(&mut self) -> Node {
        let mut body = next_frame(&mut self.web_socket, &mut self.frames).await;
        self.transport
            .opener
            .open_node(&mut body)
            .expect("a stanza")
    }

    pub(crate) async fn send(&mut self, node: &Node) {
        let mut bytes = Vec::new();
        self.transport
            .sealer
            .seal_node(node, &mut bytes)
            .expect("a stanza");
        send(&mut self.web_socket, bytes).await;
    }

    pub(crate) async fn answer(&mut self, asked: &Node) {
        let id = asked.get("id").expect("a request has an id");
        self.send(&Node::new("iq").attr("type", "result").attr("id", id))
            .await;
    }

    /// Answers, if the client is still there.
    pub(crate) async fn try_answer(&mut self, asked: &Node) -> bool {
        let id = asked.get("id").expect("a request has an id");
        let answer = Node::new("iq").attr("type", "result").attr("id", id);
        let mut bytes = Vec::new();
        self.transport
            .sealer
            .seal_node(&answer, &mut bytes)
            .expect("a stanza");
        self.web_socket
            .send(Message::Binary(bytes.into()))
            .await
            .is_ok()
    }

    /// Queues a stanza; the next flush sends all that is queued as one write.
    pub(crate) async fn feed(&mut self, node: &Node) {
        let mut bytes = Vec::new();
        self.transport
            .sealer
            .seal_node(node, &mut bytes)
            .expect("a stanza");
        let message = Message::Binary(bytes.into());
        self.web_socket
            .feed(message)
            .await
            .expect("room in the queue");
    }

    /// Seals bytes as if they were a node.
    pub(crate) async fn send_plain(&mut self, plain: &[u8]) {
        let mut bytes = Vec::new();
        self.transport
            .sealer
            .seal_frame(plain, &mut bytes)
            .expect("a short frame");
        send(&mut self.web_socket, bytes).await;
    }

    /// Sends bytes as one binary message, whatever they are.
    pub(crate) async fn send_raw(&mut self, bytes: Vec<u8>) {
        send(&mut self.web_socket, bytes).await;
    }
}

pub(crate) async fn send(web_socket: &mut WebSocketStream<DuplexStream>, bytes: Vec<u8>) {
    web_socket
        .send(Message::Binary(bytes.into()))
        .await
        .expect("the client reads");
}

async fn next_frame(
    web_socket: &mut WebSocketStream<DuplexStream>,
    frames: &mut FrameReader,
) -> Vec<u8> {
    loop {
        if let Some(body) = frames.pop().expect("frames") {
            return body.to_vec();
        }
        match web_socket
            .next()
            .await
            .expect("the client goes on")
            .expect("a message")
        {
            Message::Binary(bytes) => frames.push(&bytes),
            Message::Ping(_) | Message::Pong(_) => {}
            other => panic!("an unexpected {other:?}"),
        }
    }
}

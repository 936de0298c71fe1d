//! A client over a real socket that is as small as can be: it upgrades, shakes hands and reads stanzas.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_protocol::Node;
use squall_protocol::certificate::TrustedRoot;
use squall_protocol::frame::{FrameReader, INTRO, MAX_BODY, write_frame};
use squall_protocol::noise::{Initiator, Transport};
use squall_protocol::pairing::Device;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// Longer than anything here takes, so that what never comes fails the test and does not hang it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Client<S: Read + Write> {
    socket: WebSocket<S>,
    frames: FrameReader,
    transport: Option<Transport>,
}

/// A plain connection.
pub(crate) fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream
}

impl<S: Read + Write> Client<S> {
    /// Upgrades to the WebSocket.
    pub(crate) fn upgrade(stream: S) -> Result<Self, Box<tungstenite::Error>> {
        let (socket, _) =
            tungstenite::client("ws://127.0.0.1/ws/chat", stream).map_err(|error| match error {
                tungstenite::HandshakeError::Failure(error) => Box::new(error),
                tungstenite::HandshakeError::Interrupted(_) => panic!("the socket blocks"),
            })?;
        Ok(Self {
            socket,
            frames: FrameReader::of_server(MAX_BODY),
            transport: None,
        })
    }

    /// Shakes hands as a device that is new, made from this seed.
    pub(crate) fn register(&mut self, root: [u8; 32], seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let device = Device::generate(&mut rng);
        let (initiator, hello) = Initiator::new(&INTRO, device.noise.clone(), &mut rng);
        let mut opening = INTRO.to_vec();
        write_frame(&mut opening, &hello).expect("a hello is short");
        self.send(opening);
        let answer = self.frame().expect("the server answers the hello");
        #[expect(
            clippy::disallowed_methods,
            reason = "the certificates hold in real time"
        )]
        let now = jiff::Timestamp::now();
        let server = initiator
            .on_server_hello(&answer, &TrustedRoot(root), now)
            .expect("the server proves who it is");
        let payload = device.client_payload(0).expect("a registration");
        let (finish, transport) = server.finish(&payload).expect("it fits");
        let mut last = Vec::new();
        write_frame(&mut last, &finish).expect("a finish is short");
        self.send(last);
        self.transport = Some(transport);
    }

    /// The next stanza; none where the stream ends first.
    pub(crate) fn stanza(&mut self) -> Option<Node> {
        let mut body = self.frame()?;
        let transport = self.transport.as_mut().expect("after the handshake");
        Some(transport.opener.open_node(&mut body).expect("it is sealed"))
    }

    /// Sends a stanza.
    pub(crate) fn say(&mut self, node: &Node) {
        let mut frame = Vec::new();
        let transport = self.transport.as_mut().expect("after the handshake");
        transport
            .sealer
            .seal_node(node, &mut frame)
            .expect("it fits");
        self.send(frame);
    }

    /// What ends the stream, once nothing else comes.
    pub(crate) fn end(&mut self) -> tungstenite::Result<Message> {
        loop {
            match self.socket.read() {
                Ok(Message::Binary(_)) => {}
                other => return other,
            }
        }
    }

    /// The transport below.
    pub(crate) fn transport(&mut self) -> &mut S {
        self.socket.get_mut()
    }

    fn frame(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(body) = self.frames.pop().expect("frames") {
                return Some(body.to_vec());
            }
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => self.frames.push(&bytes),
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(_) | Err(tungstenite::Error::ConnectionClosed) => return None,
                Err(tungstenite::Error::Io(error))
                    if error.kind() == ErrorKind::ConnectionReset =>
                {
                    return None;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn send(&mut self, bytes: Vec<u8>) {
        self.socket
            .send(Message::Binary(bytes.into()))
            .expect("the server reads");
    }
}

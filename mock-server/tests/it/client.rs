//! A client made of the protocol's parts.

use futures_util::{SinkExt, StreamExt};
use squall_mock_server::World;
use squall_protocol::Node;
use squall_protocol::codec::Dictionary;
use squall_protocol::frame::{self, FrameReader};
use squall_protocol::noise::{Initiator, Resumed, Resumption, Transport, TrustedServer};
use squall_protocol::pairing::Device;
use tokio::io::DuplexStream;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::host::Host;

/// A client made of the protocol's parts.
pub(crate) struct Client {
    socket: WebSocketStream<DuplexStream>,
    frames: FrameReader,
    transport: Option<Transport>,
    /// What its stream begins with; the last byte names the tokens that it writes in.
    pub(crate) intro: [u8; 4],
    /// The server's key, once it proved to hold it.
    pub(crate) known: Option<[u8; 32]>,
}

impl Client {
    pub(crate) async fn upgraded(host: &Host) -> Result<Self, Error> {
        let request = "ws://mock/ws/chat";
        let (socket, _) = client_async(request, host.stream()).await?;
        Ok(Self {
            socket,
            frames: FrameReader::of_server(1 << 20),
            transport: None,
            intro: frame::INTRO,
            known: None,
        })
    }

    pub(crate) async fn secured(host: &Host, device: &Device) -> Self {
        let mut client = Self::upgraded(host).await.unwrap();
        client.handshake(host, device).await.unwrap();
        client
    }

    pub(crate) async fn handshake(&mut self, host: &Host, device: &Device) -> Result<(), String> {
        let mut rng = host.rng();
        let (initiator, hello) = Initiator::new(&self.intro, device.noise.clone(), &mut rng);
        let hello = self.opened(&hello).await?;
        let trusted = initiator
            .on_server_hello(&hello, &host.server.root(), host.diary.now().wall)
            .map_err(|error| error.to_string())?;
        self.conclude(trusted, device).await
    }

    /// Says hello; what the server says to it.
    async fn opened(&mut self, hello: &[u8]) -> Result<Vec<u8>, String> {
        let mut bytes = self.intro.to_vec();
        frame::write_frame(&mut bytes, hello).unwrap();
        self.binary(bytes).await;
        self.frame().await
    }

    /// Opens as a client that knows the server by this key; whether the server resumed.
    pub(crate) async fn resume(&mut self, host: &Host, device: &Device, known: [u8; 32]) -> bool {
        let payload = device.client_payload(0).unwrap();
        let keys = device.noise.clone();
        let (resumption, hello) =
            Resumption::new(&self.intro, keys, known, &payload, &mut host.rng()).unwrap();
        let hello = self.opened(&hello).await.unwrap();
        let root = host.server.root();
        match resumption.on_server_hello(&hello, &root, host.diary.now().wall) {
            Ok(Resumed::Established(transport)) => {
                self.transport = Some(transport);
                true
            }
            Ok(Resumed::Fallback(trusted)) => {
                self.conclude(trusted, device).await.unwrap();
                false
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn conclude(&mut self, trusted: TrustedServer, device: &Device) -> Result<(), String> {
        let payload = device.client_payload(0).unwrap();
        self.known = Some(trusted.static_key());
        let (finish, transport) = trusted
            .finish(&payload)
            .map_err(|error| error.to_string())?;
        let mut bytes = Vec::new();
        frame::write_frame(&mut bytes, &finish).unwrap();
        self.binary(bytes).await;
        self.transport = Some(transport);
        Ok(())
    }

    pub(crate) async fn message(&mut self) -> Result<Message, Error> {
        match self.socket.next().await {
            Some(message) => message,
            None => Err(Error::ConnectionClosed),
        }
    }

    async fn frame(&mut self) -> Result<Vec<u8>, String> {
        loop {
            if let Some(body) = self.frames.pop().map_err(|error| error.to_string())? {
                return Ok(body.to_vec());
            }
            match self.message().await {
                Ok(Message::Binary(bytes)) => self.frames.push(&bytes),
                other => return Err(format!("{other:?}")),
            }
        }
    }

    pub(crate) async fn try_stanza(&mut self) -> Result<Node, String> {
        let mut body = self.frame().await?;
        let transport = self.transport.as_mut().unwrap();
        transport
            .opener
            .open_node(&mut body)
            .map_err(|error| error.to_string())
    }

    pub(crate) async fn stanza(&mut self) -> Node {
        self.try_stanza().await.unwrap()
    }

    pub(crate) async fn send(&mut self, node: &Node) {
        let mut bytes = Vec::new();
        let transport = self.transport.as_mut().unwrap();
        let dictionary = Dictionary::of_version(self.intro[3]).unwrap_or(Dictionary::v3());
        transport
            .sealer
            .seal_node_with(node, dictionary, &mut bytes)
            .unwrap();
        self.binary(bytes).await;
    }

    pub(crate) async fn answer(&mut self, request: &Node, child: Option<Node>) {
        let mut answer = Node::new("iq")
            .attr("to", "s.whatsapp.net")
            .attr("type", "result")
            .attr("id", request.get("id").unwrap());
        if let Some(child) = child {
            answer = answer.child(child);
        }
        self.send(&answer).await;
    }

    async fn binary(&mut self, bytes: Vec<u8>) {
        self.socket
            .send(Message::Binary(Bytes::from(bytes)))
            .await
            .unwrap();
    }

    pub(crate) async fn ping(&mut self, payload: &[u8]) {
        self.socket
            .send(Message::Ping(payload.to_vec().into()))
            .await
            .unwrap();
    }

    pub(crate) async fn pong(&mut self) -> Vec<u8> {
        match self.message().await {
            Ok(Message::Pong(payload)) => payload.to_vec(),
            other => panic!("{other:?}"),
        }
    }

    /// The code of the close frame that comes next; then the end.
    pub(crate) async fn closed(&mut self) -> Option<u16> {
        let Ok(Message::Close(frame)) = self.message().await else {
            panic!("no close frame")
        };
        while self.message().await.is_ok() {}
        frame.map(|frame| frame.code.into())
    }
}

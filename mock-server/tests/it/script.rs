//! Tells the machine what happens and keeps what it wanted done, as lines.

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use squall_mock_server::fault::{
    CloseCode, Connect, Direction, FaultId, FaultSpec, Handed, Passage, Target, Upgrade,
};
use squall_mock_server::server::{Closed, Input, Output, Server, ServerEvent, Settings, Timer};
use squall_mock_server::{ConnectionId, Peer};
use squall_protocol::pairing::{Device, Login, qr_text};
use squall_protocol::{Instant, Millis, Node, Now};

pub(crate) struct Script {
    pub(crate) server: Server,
    /// Milliseconds since the server began.
    pub(crate) now: u64,
    dials: u64,
    devices: u64,
    sent: Vec<String>,
    all_sent: Vec<String>,
    last_node: Option<Node>,
    nodes: Vec<(u64, Node)>,
    events: Vec<ServerEvent>,
}

/// Lines.
pub(crate) fn said(lines: &[&str]) -> Vec<String> {
    lines.iter().map(ToString::to_string).collect()
}

impl Script {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            server: Server::new(settings, &mut ChaCha8Rng::seed_from_u64(7)),
            now: 0,
            dials: 0,
            devices: 100,
            sent: Vec::new(),
            all_sent: Vec::new(),
            last_node: None,
            nodes: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn at(&self) -> Now {
        let start: jiff::Timestamp = "2026-01-19T09:00:00-05:00".parse().unwrap();
        Now {
            mono: Instant::at(self.now),
            wall: start + Millis::new(self.now).to_duration(),
        }
    }

    pub(crate) fn rng(&self) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.now)
    }

    pub(crate) fn device(&self, seed: u64) -> Device {
        Device::generate(&mut ChaCha8Rng::seed_from_u64(seed))
    }

    pub(crate) fn create(&mut self, account: &str) {
        self.server.create_account(account, None);
    }

    pub(crate) fn paired(&mut self, account: &str) -> Device {
        self.devices += 1;
        let mut device = self.device(self.devices);
        self.server.create_account(account, Some(&mut device));
        device
    }

    fn peer(&self, connection: u64, account: &str) -> Peer {
        Peer {
            connection: ConnectionId(connection),
            account: Some(account.into()),
        }
    }

    pub(crate) fn dialed(&self) -> u64 {
        self.dials
    }

    pub(crate) fn connect(&mut self, account: &str) -> Connect {
        self.dials += 1;
        self.connect_again(account)
    }

    /// The last dial is tried again.
    pub(crate) fn connect_again(&mut self, account: &str) -> Connect {
        let peer = self.peer(self.dials, account);
        let verdict = self.server.on_connect(self.at(), peer);
        self.drain();
        verdict
    }

    pub(crate) fn dial(&mut self, account: &str) -> u64 {
        assert_eq!(self.connect(account), Connect::Accept);
        self.dials
    }

    pub(crate) fn upgrade(&mut self, connection: u64, account: &str) -> Upgrade {
        let verdict = self
            .server
            .on_upgrade(self.at(), self.peer(connection, account));
        self.drain();
        verdict
    }

    /// A dial up to the Noise transport.
    pub(crate) fn secured(&mut self, account: &str, device: &Device) -> u64 {
        let connection = self.dial(account);
        let id = ConnectionId(connection);
        assert_eq!(self.upgrade(connection, account), Upgrade::Switch);
        self.input(Input::Upgraded(id));
        let login = Login::parse(&device.client_payload(0).unwrap()).unwrap();
        self.input(Input::Secured(id, login, device.noise.public()));
        connection
    }

    /// The same where the listener does not know who dials.
    pub(crate) fn secured_by_nobody(&mut self, device: &Device) {
        let login = Login::parse(&device.client_payload(0).unwrap()).unwrap();
        self.secured_as(device, login);
    }

    fn secured_as(&mut self, device: &Device, login: Login) {
        self.dials += 1;
        let id = ConnectionId(self.dials);
        let peer = Peer {
            connection: id,
            account: None,
        };
        assert_eq!(self.server.on_connect(self.at(), peer), Connect::Accept);
        self.drain();
        self.input(Input::Upgraded(id));
        self.input(Input::Secured(id, login, device.noise.public()));
    }

    /// A device registers under this name, a phone scans its code, and the connection closes.
    pub(crate) fn pair(&mut self, push_name: Option<&str>) -> Device {
        self.devices += 1;
        let device = self.device(self.devices);
        let mut login = Login::parse(&device.client_payload(0).unwrap()).unwrap();
        if let Login::Registration(registration) = &mut login {
            registration.push_name = push_name.map(str::to_owned);
        }
        self.secured_as(&device, login);
        let connection = self.dials;
        self.run_until(self.now + 150);
        self.scan(&device);
        let request = self.last_node();
        let paired = device
            .on_pair_success(request.find("pair-success").unwrap(), &mut self.rng())
            .unwrap();
        self.answer(connection, &request, Some(paired.reply));
        self.close(connection);
        paired.device
    }

    /// A login where the listener does not know who dials; what is said up to `<offline>` is heard already.
    pub(crate) fn come(&mut self, device: &Device) -> u64 {
        self.secured_by_nobody(device);
        self.run_until(self.now + 150);
        self.dials
    }

    /// The connection is gone.
    pub(crate) fn close(&mut self, connection: u64) {
        self.input(Input::Closed(ConnectionId(connection), Closed::Eof));
    }

    /// What a request is answered.
    pub(crate) fn ask(&mut self, connection: u64, kind: &str, xmlns: &str, child: Node) -> Node {
        self.heard(connection);
        let request = Node::new("iq")
            .attr("to", "s.whatsapp.net")
            .attr("type", kind)
            .attr("xmlns", xmlns)
            .attr("id", "ask")
            .child(child);
        self.stanza(connection, request);
        let heard = self.heard(connection);
        let is_answer = |node: &&Node| node.is("iq", &[("id", "ask")]);
        heard.iter().find(is_answer).cloned().unwrap()
    }

    /// A dial up to the server's first word.
    pub(crate) fn login(&mut self, account: &str, device: &Device) -> u64 {
        let connection = self.secured(account, device);
        self.run_until(self.now + 150);
        connection
    }

    pub(crate) fn stanza(&mut self, connection: u64, node: Node) {
        self.input(Input::Stanza(ConnectionId(connection), node));
    }

    pub(crate) fn ping(&mut self, connection: u64, id: &str) {
        let ping = Node::new("iq")
            .attr("type", "get")
            .attr("xmlns", "w:p")
            .attr("id", id)
            .child(Node::new("ping"));
        self.stanza(connection, ping);
    }

    pub(crate) fn answer(&mut self, connection: u64, request: &Node, child: Option<Node>) {
        let mut answer = Node::new("iq")
            .attr("type", "result")
            .attr("id", request.get("id").unwrap());
        if let Some(child) = child {
            answer = answer.child(child);
        }
        self.stanza(connection, answer);
    }

    pub(crate) fn close_all(&mut self) {
        let live: Vec<ConnectionId> = self.server.connections().ids().collect();
        for connection in live {
            self.input(Input::Closed(connection, Closed::Eof));
        }
    }

    pub(crate) fn phone_sees(&mut self, account: &str, device: &Device, reference: &str) {
        let qr = qr_text(device, reference);
        self.input(Input::PhoneSeesQr(account.into(), qr));
    }

    /// A phone scans the first code that the last pair-device allows.
    pub(crate) fn scan(&mut self, device: &Device) {
        let request = self.last_node();
        let reference = &request.find("pair-device").unwrap().children()[0];
        let text = std::str::from_utf8(reference.content_bytes().unwrap()).unwrap();
        self.input(Input::ScanQr(qr_text(device, text)));
    }

    pub(crate) fn fault(
        &mut self,
        id: u64,
        spec: impl Into<FaultSpec>,
        target: Target,
        once: bool,
    ) {
        self.input(Input::Fault {
            id: FaultId(id),
            spec: spec.into(),
            target,
            once,
        });
    }

    pub(crate) fn fault_off(&mut self, id: u64) {
        self.input(Input::FaultOff(FaultId(id)));
    }

    pub(crate) fn clear_faults(&mut self) {
        self.input(Input::ClearFaults);
    }

    /// What becomes of a message of 100 bytes that has this number in its direction.
    pub(crate) fn carry(&mut self, connection: u64, direction: Direction, number: u64) -> Passage {
        let message = Handed {
            direction,
            number,
            bytes: 100,
            again: false,
        };
        let passage = self
            .server
            .carry(self.at(), ConnectionId(connection), message);
        self.drain();
        passage
    }

    fn input(&mut self, input: Input) {
        self.server.handle_input(self.at(), input);
        self.drain();
    }

    /// Lets time pass, with a timeout whenever the server asks for one.
    pub(crate) fn run_until(&mut self, at: u64) {
        while let Some((due, _)) = self.server.poll_timeout() {
            let due = due.since_start().get();
            if due > at {
                break;
            }
            self.now = self.now.max(due);
            self.input(Input::Timeout);
        }
        self.now = at;
    }

    pub(crate) fn next_timer(&self) -> Option<(u64, Timer)> {
        let (at, timer) = self.server.poll_timeout()?;
        Some((at.since_start().get(), timer))
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            let line = match output {
                Output::Send(id, node) => {
                    self.last_node = Some((*node).clone());
                    self.nodes.push((id.0, (*node).clone()));
                    format!("{} {node}", id.0)
                }
                Output::Corrupt(id, node) => format!("{} corrupt {node}", id.0),
                Output::Ping(id, payload) => format!("{} ping {payload}", id.0),
                Output::Pong(id, payload) => format!("{} pong {payload}", id.0),
                Output::Malformed(id, kind) => format!("{} malformed {kind:?}", id.0),
                Output::Close(id, code, _) => {
                    format!("{} close {}", id.0, code.map_or(0, CloseCode::get))
                }
                Output::Eof(id) => format!("{} eof", id.0),
                Output::Reset(id) => format!("{} reset", id.0),
                Output::Resume(id) => format!("{} resume", id.0),
                Output::Event(event) => {
                    self.events.push(event);
                    continue;
                }
            };
            self.sent.push(line.clone());
            self.all_sent.push(line);
        }
    }

    /// What was wanted since the last call.
    pub(crate) fn sent(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sent)
    }

    pub(crate) fn all_sent(&self) -> &[String] {
        &self.all_sent
    }

    pub(crate) fn last_node(&self) -> Node {
        self.last_node.clone().unwrap()
    }

    /// The stanzas that this connection was sent since the last call.
    pub(crate) fn heard(&mut self, connection: u64) -> Vec<Node> {
        let (heard, rest) = std::mem::take(&mut self.nodes)
            .into_iter()
            .partition(|(id, _)| *id == connection);
        self.nodes = rest;
        heard
            .into_iter()
            .map(|(_, node): (u64, Node)| node)
            .collect()
    }

    pub(crate) fn events(&self) -> &[ServerEvent] {
        &self.events
    }

    pub(crate) fn event_names(&self) -> Vec<&'static str> {
        let name = |event: &ServerEvent| match event {
            ServerEvent::Accepted { .. } => "accepted",
            ServerEvent::Refused { .. } => "refused",
            ServerEvent::Upgraded { .. } => "upgraded",
            ServerEvent::UpgradeRefused { .. } => "upgrade_refused",
            ServerEvent::Login { .. } => "login",
            ServerEvent::LoginFailed { .. } => "login_failed",
            ServerEvent::PairSuccess { .. } => "pair_success",
            ServerEvent::Phone { .. } => "phone",
            ServerEvent::Penalty { .. } => "penalty",
            ServerEvent::Revoked { .. } => "revoked",
            ServerEvent::UnknownStanza { .. } => "unknown",
            ServerEvent::Closed { .. } => "closed",
            ServerEvent::FaultOn { .. } => "fault_on",
            ServerEvent::FaultActed { .. } => "fault_acted",
            ServerEvent::FaultOff { .. } => "fault_off",
        };
        self.events.iter().map(name).collect()
    }
}

//! The server as a machine: inputs in, outputs out, time as an argument; no socket, no clock, no task.
//!
//! `handle_input(now, input)` or one of the questions (`on_connect`, `carry`, `on_upgrade`, `on_hello`, `on_frame`), then
//! `poll_output()` until `None`, then `poll_timeout()`, which says when to come back and why.

mod account;
mod connection;
mod event;
mod guard;
mod iq;
mod login;
mod pairing;
mod phone;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use compact_str::CompactString;
use rand::rngs::ChaCha8Rng;
use squall_protocol::certificate::{Authority, Defect, TrustedRoot, Validity};
use squall_protocol::keys::KeyPair;
use squall_protocol::pairing::{Device, Login};
use squall_protocol::{Instant, Millis, Node, Now};

use crate::dice::Dice;
use crate::fault::{
    Act, Carry, CloseCode, CloseReason, Connect, Control, Direction, FaultId, FaultSpec, Faults,
    Hello, IqKind, Malformation, Outgoing, Target, Upgrade, Verdict,
};
use crate::id::{ConnectionId, Peer};
use account::{Accounts, CompanionDevice};

pub use connection::{Connections, Stage};
pub use event::{Closed, ServerEvent};
pub use guard::{Guard, GuardAnswer};
pub use iq::UnknownIq;
pub use phone::{Phone, ScansAfter};

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// From the client's last handshake message to the server's first stanza.
    pub login_delay: Millis,
    /// The abuse detection; `None` tolerates everything.
    pub guard: Option<Guard>,
    /// The phones' habit.
    pub phone: Phone,
    /// What an `iq` of an unknown kind gets.
    pub unknown_iq: UnknownIq,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            // Baileys before 7.0.0-rc10 derives its transport keys in the background and loses what comes earlier; 150 ms
            // lost nothing in 23 logins.
            login_delay: Millis::new(150),
            guard: Some(Guard::default()),
            phone: Phone::default(),
            unknown_iq: UnknownIq::default(),
        }
    }
}

/// What happens to the server.
#[derive(Debug)]
pub enum Input {
    /// The upgrade was answered with 101.
    Upgraded(ConnectionId),
    /// The Noise transport is up: what the client payload says, and the static key that the client proved to hold.
    Secured(ConnectionId, Login, [u8; 32]),
    /// A stanza came.
    Stanza(ConnectionId, Node),
    /// A connection is no more. A second one for the same connection is harmless.
    Closed(ConnectionId, Closed),
    /// A client shows a QR code where the phone of this account sees it.
    PhoneSeesQr(CompactString, String),
    /// A phone scans this QR code at once.
    ScanQr(String),
    /// A fault is put on, to stand or, with `once`, to be injected.
    Fault {
        /// Its number, unique in a run.
        id: FaultId,
        /// What it is.
        spec: FaultSpec,
        /// Whom it concerns.
        target: Target,
        /// Whether it acts once instead of standing.
        once: bool,
    },
    /// A fault is taken off.
    FaultOff(FaultId),
    /// Every fault is taken off.
    ClearFaults,
    /// The time of `poll_timeout` has come. Early or doubled ones are harmless.
    Timeout,
}

/// What the server wants done.
#[derive(Debug)]
pub enum Output {
    /// Send a stanza.
    Send(ConnectionId, Arc<Node>),
    /// Send a stanza and damage its frame after encryption.
    Corrupt(ConnectionId, Arc<Node>),
    /// Send an invalid WebSocket frame.
    Malformed(ConnectionId, Malformation),
    /// Send a close frame and wait for the client's.
    Close(ConnectionId, Option<CloseCode>, CloseReason),
    /// End the stream after what was sent.
    Eof(ConnectionId),
    /// The link is to reset this connection: what is under way is lost, both ends are told.
    Reset(ConnectionId),
    /// The link may ask again about what it holds of this connection.
    Resume(ConnectionId),
    /// Something to tell.
    Event(ServerEvent),
}

/// Why the server wants to be woken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The login delay of a connection is over.
    Login(ConnectionId),
    /// The phone of this account scans.
    Scan(CompactString),
    /// A stanza that a fault delayed is due.
    Send(ConnectionId, Arc<Node>),
    /// The client has not answered the close frame.
    LetGo(ConnectionId),
    /// A fault wants to act.
    Fault,
}

/// The mock server.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    authority: Authority,
    keys: KeyPair,
    dice: Dice,
    chain: Option<(Validity, Vec<u8>)>,
    accounts: Accounts,
    connections: Connections,
    everyone: guard::Record,
    faults: Faults,
    unknown: BTreeMap<String, u64>,
    timers: BTreeMap<(Instant, u64), Timer>,
    armed: u64,
    outputs: VecDeque<Output>,
}

impl Server {
    /// A server without accounts. Its keys and all its chance come from `rng`: 192 bytes are drawn here and nothing later, so that what happens later depends on no order of asking.
    pub fn new(settings: Settings, rng: &mut ChaCha8Rng) -> Self {
        let authority = Authority::generate(rng);
        let keys = KeyPair::generate(rng);
        Self {
            settings,
            authority,
            keys,
            dice: Dice::draw(rng),
            chain: None,
            accounts: Accounts::new(Dice::draw(rng)),
            connections: Connections::default(),
            everyone: guard::Record::default(),
            faults: Faults::new(Dice::draw(rng)),
            unknown: BTreeMap::new(),
            timers: BTreeMap::new(),
            armed: 0,
            outputs: VecDeque::new(),
        }
    }

    /// The root public key that the server's clients have to trust.
    pub fn root(&self) -> TrustedRoot {
        self.authority.root()
    }

    /// The static key of the server's handshakes.
    pub fn keys(&self) -> &KeyPair {
        &self.keys
    }

    /// Makes the account of this name, if there is none. A device is registered with it as already paired and gets its
    /// names; the same device again gets the same ones.
    pub fn create_account(&mut self, name: &str, paired: Option<&mut Device>) {
        let account = self.accounts.named(name);
        let Some(device) = paired else { return };
        let noise = device.noise.public();
        let known = account
            .devices
            .iter()
            .find_map(|(number, known)| (known.noise == noise).then_some(*number));
        let number = known.unwrap_or_else(|| account.next_device());
        account.devices.insert(number, CompanionDevice { noise });
        device.jid = Some(account.jid(number).to_string());
        device.lid = Some(account.lid(number).to_string());
    }

    /// A client dials. [`Connect::Refuse`] means that there is no connection.
    pub fn on_connect(&mut self, now: Now, peer: Peer) -> Connect {
        let id = peer.connection;
        self.connections.open(peer);
        self.faults.dialed(id, &self.connections);
        let verdict = self.ask(now, id, |fault, cx| fault.on_connect(cx));
        match verdict {
            Connect::Accept => {
                self.tell(ServerEvent::Accepted { connection: id });
                self.fault_acts(now, id);
            }
            Connect::Refuse => {
                self.tell(ServerEvent::Refused { connection: id });
                self.forget(id);
            }
        }
        verdict
    }

    /// What the link is to do with a message, on top of its own latency.
    #[inline]
    pub fn carry(&mut self, now: Now, connection: ConnectionId, direction: Direction) -> Carry {
        if self.faults.is_empty() {
            return Carry::Pass;
        }
        self.ask(now, connection, |fault, cx| fault.on_message(direction, cx))
    }

    /// What to answer an upgrade request. A connection that was never announced by `on_connect` is by this, at the
    /// latest.
    pub fn on_upgrade(&mut self, now: Now, peer: Peer) -> Upgrade {
        let id = peer.connection;
        if self.connections.stage(id).is_none() && self.on_connect(now, peer) == Connect::Refuse {
            return Upgrade::Stall;
        }
        let mut verdict = self.ask(now, id, |fault, cx| fault.on_upgrade(cx));
        if verdict == Upgrade::Switch
            && self
                .settings
                .guard
                .as_ref()
                .is_some_and(|guard| guard.in_all)
            && self.everyone.is_penalized(now.mono)
        {
            verdict = Upgrade::Refuse {
                status: crate::fault::HttpStatus::TOO_MANY_REQUESTS,
                retry_after: None,
            };
        }
        let status = match &verdict {
            Upgrade::Switch => return verdict,
            Upgrade::Refuse { status, .. } => Some(status.get()),
            Upgrade::Stall => None,
        };
        self.tell(ServerEvent::UpgradeRefused {
            connection: id,
            status,
        });
        verdict
    }

    /// How to answer the client's hello.
    pub fn on_hello(&mut self, now: Now, connection: ConnectionId) -> Hello {
        self.ask(now, connection, |fault, cx| fault.on_hello(cx))
    }

    /// What becomes of a WebSocket control frame on its way out.
    pub fn on_frame(&mut self, now: Now, connection: ConnectionId, frame: Control) -> Verdict {
        self.ask(now, connection, |fault, cx| fault.on_frame(frame, cx))
    }

    /// The encoded certificate chain for a handshake, with this defect in it if there is to be one.
    pub fn certificate_chain(&mut self, now: Now, defect: Option<Defect>) -> Vec<u8> {
        let validity = Validity::around(now.wall);
        let issue = |defect| {
            let mut rng = self.dice.stream(CHAIN_STREAM);
            self.authority
                .issue(&self.keys.public(), validity, defect, &mut rng)
        };
        if defect.is_some() {
            return issue(defect);
        }
        match &self.chain {
            // Two signatures are most of what a handshake costs, and the chain holds for a year.
            Some((held, chain)) if held.not_before <= now.wall && now.wall < held.not_after => {
                chain.clone()
            }
            _ => {
                let chain = issue(None);
                self.chain = Some((validity, chain.clone()));
                chain
            }
        }
    }

    /// Chance for the handshake of this connection.
    pub fn connection_rng(&self, connection: ConnectionId) -> ChaCha8Rng {
        self.dice.stream(connection.0 & 0xFFFF_FFFF)
    }

    /// Takes one input. The outputs of what came before must have been drained.
    pub fn handle_input(&mut self, now: Now, input: Input) {
        match input {
            Input::Stanza(id, node) => self.on_stanza(now, id, &node),
            Input::Upgraded(id) => self.on_upgraded(now, id),
            Input::Secured(id, login, noise) => self.on_secured(now, id, &login, noise),
            Input::Closed(id, how) => self.on_closed(id, how),
            Input::PhoneSeesQr(account, qr) => self.on_phone_sees_qr(now, account, qr),
            Input::ScanQr(text) => self.scan(now, &text, None),
            Input::Fault {
                id,
                spec,
                target,
                once,
            } => self.on_fault(now, id, spec, target, once),
            Input::FaultOff(id) => {
                self.faults.remove(id, &self.connections, &mut self.outputs);
            }
            Input::ClearFaults => self.faults.clear(&self.connections, &mut self.outputs),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// The next thing to do, until `None`.
    #[inline]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When the server wants [`Input::Timeout`], and why.
    pub fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        let timer = self
            .timers
            .first_key_value()
            .map(|((at, _), timer)| (*at, timer.clone()));
        let fault = self.faults.poll_timeout().map(|at| (at, Timer::Fault));
        match (timer, fault) {
            (Some(timer), Some(fault)) if fault.0 < timer.0 => Some(fault),
            (None, fault) => fault,
            (timer, _) => timer,
        }
    }

    /// When the server wants [`Input::Timeout`].
    #[inline]
    pub fn wakes_at(&self) -> Option<Instant> {
        let timer = self.timers.first_key_value().map(|((at, _), _)| *at);
        match (timer, self.faults.poll_timeout()) {
            (Some(timer), Some(fault)) => Some(timer.min(fault)),
            (timer, fault) => timer.or(fault),
        }
    }

    /// The faults that stand.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The connections that live.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Stanzas of kinds that the server does not know, and how often each came.
    pub fn unknown_stanzas(&self) -> &BTreeMap<String, u64> {
        &self.unknown
    }

    fn on_upgraded(&mut self, now: Now, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        connection.stage = connection.stage.max(Stage::Upgraded);
        self.tell(ServerEvent::Upgraded { connection: id });
        self.fault_acts(now, id);
    }

    fn on_stanza(&mut self, now: Now, id: ConnectionId, node: &Node) {
        if self.connections.stage(id) != Some(Stage::Open) {
            return;
        }
        match (node.tag.as_str(), node.get("type")) {
            ("iq", Some("get" | "set")) => {
                let answer = iq::answer(node).unwrap_or_else(|| {
                    self.note_unknown(id, node);
                    iq::answer_unknown(node, self.settings.unknown_iq)
                });
                self.send_checked(now, id, answer.node, Some(answer.kind));
            }
            ("iq", Some("result" | "error")) => self.on_answer(now, id, node),
            // What needs no answer: offline_batch and unified_session, being there, and the acknowledgements of what the
            // server sent.
            ("ib" | "presence" | "ack" | "receipt" | "chatstate", _) => {}
            _ => self.note_unknown(id, node),
        }
    }

    fn on_closed(&mut self, id: ConnectionId, how: Closed) {
        if self.connections.stage(id).is_some() {
            self.tell(ServerEvent::Closed {
                connection: id,
                how,
            });
            self.forget(id);
        }
    }

    fn on_fault(&mut self, now: Now, id: FaultId, spec: FaultSpec, target: Target, once: bool) {
        self.faults
            .put(id, spec, target, once, &self.connections, &mut self.outputs);
        let live: Vec<ConnectionId> = self.connections.ids().collect();
        for connection in live {
            self.fault_acts(now, connection);
        }
    }

    fn on_timeout(&mut self, now: Now) {
        while let Some(entry) = self.timers.first_entry()
            && entry.key().0 <= now.mono
        {
            match entry.remove() {
                Timer::Login(id) => self.on_login_delay_over(now, id),
                Timer::Scan(account) => self.on_scan_timer(now, account),
                Timer::Send(id, node) => self.emit(id, node),
                Timer::LetGo(id) => self.outputs.push_back(Output::Eof(id)),
                Timer::Fault => {}
            }
        }
        if self.faults.poll_timeout().is_some_and(|at| at <= now.mono) {
            let acts = self
                .faults
                .on_timeout(now, &self.connections, &mut self.outputs);
            for (id, act) in acts {
                self.perform(now, id, act);
            }
        }
    }

    /// The server has said its first word on this connection: `<success>` or `<pair-device>`.
    fn open(&mut self, now: Now, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(id)
            && connection.stage < Stage::Open
        {
            connection.stage = Stage::Open;
            self.fault_acts(now, id);
        }
    }

    fn send(&mut self, now: Now, id: ConnectionId, node: Node) {
        self.send_checked(now, id, node, None);
    }

    fn send_checked(&mut self, now: Now, id: ConnectionId, node: Node, answers: Option<IqKind>) {
        let verdict = match self.faults.is_empty() {
            true => Verdict::Pass,
            false => self.ask(now, id, |fault, cx| {
                let stanza = Outgoing {
                    node: &node,
                    answers,
                };
                fault.on_stanza(stanza, cx)
            }),
        };
        match verdict {
            Verdict::Pass => self.emit(id, Arc::new(node)),
            Verdict::After(late) => self.arm(now.mono + late, Timer::Send(id, Arc::new(node))),
            Verdict::Withhold => {}
        }
    }

    /// Sends, unless the server has ended the connection.
    fn emit(&mut self, id: ConnectionId, node: Arc<Node>) {
        if self
            .connections
            .stage(id)
            .is_some_and(|stage| stage < Stage::Ended)
        {
            self.outputs.push_back(Output::Send(id, node));
        }
    }

    /// Says a last word and closes.
    fn end(&mut self, now: Now, id: ConnectionId, last: Node) {
        self.emit(id, Arc::new(last));
        self.close(now, id, Some(CloseCode::NORMAL), CloseReason::default());
    }

    fn close(&mut self, now: Now, id: ConnectionId, code: Option<CloseCode>, reason: CloseReason) {
        if self.mark_ended(id) {
            self.outputs.push_back(Output::Close(id, code, reason));
            self.arm(now.mono + CLOSE_PATIENCE, Timer::LetGo(id));
        }
    }

    /// Whether the server had not ended it before.
    fn mark_ended(&mut self, id: ConnectionId) -> bool {
        self.connections.get_mut(id).is_some_and(|connection| {
            let ended = connection.stage == Stage::Ended;
            connection.stage = Stage::Ended;
            !ended
        })
    }

    fn forget(&mut self, id: ConnectionId) {
        self.forget_qr(id);
        self.faults.closed(id, &self.connections, &mut self.outputs);
        self.connections.close(id);
        self.timers.retain(|_, timer| match timer {
            Timer::Login(other) | Timer::Send(other, _) | Timer::LetGo(other) => *other != id,
            Timer::Scan(_) | Timer::Fault => true,
        });
    }

    fn perform(&mut self, now: Now, id: ConnectionId, act: Act) {
        match act {
            Act::Send(node) => self.emit(id, node),
            Act::Corrupt(node) => {
                if self.connections.stage(id) == Some(Stage::Open) {
                    self.outputs.push_back(Output::Corrupt(id, node));
                }
            }
            Act::End(node) => {
                self.emit(id, node);
                self.close(now, id, Some(CloseCode::NORMAL), CloseReason::default());
            }
            Act::Close(code, reason) => self.close(now, id, code, reason),
            Act::Eof => {
                self.mark_ended(id);
                self.outputs.push_back(Output::Eof(id));
            }
            Act::Reset => {
                self.mark_ended(id);
                self.outputs.push_back(Output::Reset(id));
            }
            Act::Malformed(kind) => {
                if self
                    .connections
                    .stage(id)
                    .is_some_and(|stage| stage < Stage::Ended)
                {
                    self.outputs.push_back(Output::Malformed(id, kind));
                }
            }
            Act::Revoke => self.revoke(now, id),
        }
    }

    /// Lets the faults act of their own accord on a connection that has come further, or that one was just put on.
    fn fault_acts(&mut self, now: Now, id: ConnectionId) {
        if self.faults.is_empty() {
            return;
        }
        let acts = self
            .faults
            .acts(now, id, &self.connections, &mut self.outputs);
        for act in acts {
            self.perform(now, id, act);
        }
    }

    fn ask<V: Default + PartialEq>(
        &mut self,
        now: Now,
        id: ConnectionId,
        hook: impl FnMut(&dyn crate::fault::Fault, &mut crate::fault::FaultCx<'_>) -> V,
    ) -> V {
        self.faults
            .ask(now, id, &self.connections, &mut self.outputs, hook)
    }

    fn note_unknown(&mut self, id: ConnectionId, node: &Node) {
        let mut kind = node.tag.to_string();
        for name in ["xmlns", "type"] {
            if let Some(value) = node.get(name) {
                kind.push_str(&format!(" {name}={value}"));
            }
        }
        if let Some(child) = node.children().first() {
            kind.push_str(&format!(" <{}>", child.tag));
        }
        let count = self.unknown.entry(kind.clone()).or_default();
        *count += 1;
        if *count == 1 {
            self.tell(ServerEvent::UnknownStanza {
                connection: id,
                kind,
            });
        }
    }

    fn tell(&mut self, event: ServerEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    fn arm(&mut self, at: Instant, timer: Timer) {
        self.armed += 1;
        self.timers.insert((at, self.armed), timer);
    }
}

/// The server's own name in stanzas.
pub(crate) const SERVER_JID: &str = "s.whatsapp.net";
/// What `<failure>` says of the place; the real ones are three letters of a data centre.
pub(crate) const LOCATION: &str = "mock";
/// How long the server waits for the client's close frame (RFC 6455, 7.1.1 leaves the time to it).
const CLOSE_PATIENCE: Millis = Millis::from_secs(10);
/// The stream of chance of the certificate chain, apart from every connection's.
const CHAIN_STREAM: u64 = 1 << 63;

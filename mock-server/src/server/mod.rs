//! The server as a machine: inputs in, outputs out, time as an argument; no socket, no clock, no task.
//!
//! `handle_input(now, input)` or one of the questions (`on_connect`, `carry`, `on_upgrade`, `on_hello`, `on_read`, `on_write`, `on_frame`), then
//! `poll_output()` until `None`, then `poll_timeout()`, which says when to come back and why.

mod account;
mod app_state;
mod connection;
mod contract;
mod control;
mod deliver;
mod device;
mod device_list;
mod encrypt;
mod event;
mod greeting;
mod guard;
mod inputs;
mod iq;
mod keys;
mod login;
mod mailbox;
mod message;
mod outgoing;
mod pairing;
mod phone;
mod presence;
mod receipt;
mod request;
mod usync;

use std::collections::{BTreeMap, VecDeque};

use rand::rngs::ChaCha8Rng;
use squall_protocol::certificate::{Authority, Defect, TrustedRoot, Validity};
use squall_protocol::keys::KeyPair;
use squall_protocol::pairing::Device;
use squall_protocol::{Instant, Now};

use crate::dice::Dice;
use crate::fault::{
    Connect, Control, Faults, Handed, Hello, Passage, Read, Upgrade, Verdict, Write,
};
use crate::id::{ConnectionId, Peer};
use account::Accounts;
use device::CompanionDevice;
use keys::Keys;

pub use connection::{Connections, Stage};
pub use contract::{Input, Messaging, Output, PingKind, Pings, Settings, Timer};
pub use control::{
    AccountState, Ban, ConnectionState, DeviceState, Ending, Paired, Placed, PlacedFault,
};
pub use event::{Closed, ServerEvent};
pub use guard::{Guard, GuardAnswer};
pub use iq::UnknownIq;
pub use pairing::RefsOver;
pub use phone::{Phone, ScansAfter};

/// The mock server.
#[derive(Debug)]
pub struct Server {
    settings: Settings,
    authority: Authority,
    keys: KeyPair,
    dice: Dice,
    /// How often the static key was changed.
    rotations: u64,
    /// The dates of the server's certificates. A key that is changed is certified for the same dates: a client whose clock
    /// is late took them before, and is to take them again.
    dated: Option<Validity>,
    chain: Option<Vec<u8>>,
    accounts: Accounts,
    connections: Connections,
    everyone: guard::Record,
    faults: Faults,
    unknown: BTreeMap<String, u64>,
    /// How many stanzas of its own got an id.
    stanzas: u64,
    timers: BTreeMap<(Instant, u64), Timer>,
    armed: u64,
    outputs: VecDeque<Output>,
}

impl Server {
    /// A server without accounts. Its keys and all its chance come from `rng`: 192 bytes are drawn here and nothing later, so that what happens later depends on no order of asking.
    pub fn new(settings: Settings, rng: &mut ChaCha8Rng) -> Self {
        let first_device = settings.messaging.first_companion;
        let authority = Authority::generate(rng);
        let keys = KeyPair::generate(rng);
        Self {
            settings,
            authority,
            keys,
            dice: Dice::draw(rng),
            rotations: 0,
            dated: None,
            chain: None,
            accounts: Accounts::new(Dice::draw(rng), first_device),
            connections: Connections::default(),
            everyone: guard::Record::default(),
            faults: Faults::new(Dice::draw(rng)),
            unknown: BTreeMap::new(),
            stanzas: 0,
            timers: BTreeMap::new(),
            armed: 0,
            outputs: VecDeque::new(),
        }
    }

    /// The root public key that the server's clients have to trust.
    pub fn root(&self) -> TrustedRoot {
        self.authority.root()
    }

    /// The static key of the server's handshakes, until a fault changes it.
    pub fn keys(&self) -> &KeyPair {
        &self.keys
    }

    /// Every key pair of the server's own and what it is, for whoever proves that none of them is written anywhere.
    pub fn key_pairs(&self) -> [(&'static str, &KeyPair); 3] {
        let [root, intermediate] = self.authority.key_pairs();
        [
            ("the server's static key", &self.keys),
            ("the key of the server's root certificate", root),
            ("the key of its intermediate certificate", intermediate),
        ]
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
        // It was paired long ago: its first login is past.
        let held = || CompanionDevice {
            is_new: false,
            ..CompanionDevice::new(noise, Keys::of(device))
        };
        if known.is_none() {
            account.devices.insert(number, held());
            (account.changed, account.signed_list) = (None, None);
        }
        device.jid = Some(account.jid(number).to_string());
        device.lid = Some(account.lid(number).to_string());
    }

    /// A client dials. [`Connect::Refuse`] means that there is no connection; after [`Connect::Silence`] the same dial may
    /// be asked about again, until [`Input::Closed`] says that the client has given up.
    pub fn on_connect(&mut self, now: Now, peer: Peer) -> Connect {
        let id = peer.connection;
        if self.connections.stage(id) != Some(Stage::Dialing) {
            self.connections.open(peer, now.wall);
            self.faults.dialed(id, &self.connections);
        }
        let verdict = self.ask(now, id, |fault, cx| fault.on_connect(cx));
        match verdict {
            Connect::Accept => {
                if let Some(connection) = self.connections.get_mut(id) {
                    connection.stage = Stage::Accepted;
                }
                self.tell(ServerEvent::Accepted { connection: id });
            }
            Connect::Silence => {}
            Connect::Refuse => {
                self.tell(ServerEvent::Refused { connection: id });
                self.forget(now, id);
            }
        }
        verdict
    }

    /// What the link is to do with a message, on top of its own latency.
    #[inline]
    pub fn carry(&mut self, now: Now, connection: ConnectionId, message: Handed) -> Passage {
        if self.faults.is_empty() {
            return Passage::default();
        }
        self.faults.carry(
            now,
            connection,
            message,
            &self.connections,
            &mut self.outputs,
        )
    }

    /// Whether to read what has come on this connection; asked again after [`Output::Resume`].
    pub fn on_read(&mut self, now: Now, connection: ConnectionId) -> Read {
        self.ask(now, connection, |fault, cx| fault.on_read(cx))
    }

    /// How much to write of a frame that is about to go or under way; asked again after [`Output::Resume`].
    pub fn on_write(&mut self, now: Now, connection: ConnectionId) -> Write {
        self.ask(now, connection, |fault, cx| fault.on_write(cx))
    }

    /// What to answer an upgrade request. A connection that was never announced by `on_connect` is by this, at the
    /// latest.
    pub fn on_upgrade(&mut self, now: Now, peer: Peer) -> Upgrade {
        let id = peer.connection;
        if self.connections.stage(id).is_none() && self.on_connect(now, peer) != Connect::Accept {
            return Upgrade::Stall;
        }
        // Not at the dial already: its link did not exist then.
        self.fault_acts(now, id);
        if self.connections.stage(id) == Some(Stage::Ended) {
            return Upgrade::Stall;
        }
        let mut verdict = self.ask(now, id, |fault, cx| fault.on_upgrade(cx));
        if verdict == Upgrade::Switch && self.guard_upgrade(now, id) {
            verdict = Upgrade::Refuse {
                status: crate::fault::HttpStatus::TOO_MANY_REQUESTS,
                retry_after: None,
            };
        }
        let status = match &verdict {
            Upgrade::Switch | Upgrade::BadAccept => return verdict,
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
        let verdict = self.ask(now, connection, |fault, cx| fault.on_hello(cx));
        if verdict == Hello::AnotherKey {
            self.rotations += 1;
            self.keys = KeyPair::generate(&mut self.dice.stream(KEY_STREAMS | self.rotations));
            self.chain = None;
        }
        verdict
    }

    /// What becomes of a WebSocket control frame with this payload on its way out.
    pub fn on_frame(
        &mut self,
        now: Now,
        connection: ConnectionId,
        frame: Control,
        payload: &[u8],
    ) -> Verdict<Vec<u8>> {
        self.ask(now, connection, |fault, cx| {
            fault.on_frame(frame, payload, cx)
        })
    }

    /// The encoded certificate chain for a handshake, with this defect in it if there is to be one.
    pub fn certificate_chain(&mut self, now: Now, defect: Option<Defect>) -> Vec<u8> {
        let issue = |validity, defect| {
            let mut rng = self.dice.stream(CHAIN_STREAM);
            self.authority
                .issue(&self.keys.public(), validity, defect, &mut rng)
        };
        if defect.is_some() {
            return issue(Validity::around(now.wall), defect);
        }
        let holds = |dated: &Validity| dated.not_before <= now.wall && now.wall < dated.not_after;
        let dated = self.dated.filter(holds);
        match (&self.chain, dated) {
            // Two signatures are most of what a handshake costs, and the chain holds for a year.
            (Some(chain), Some(_)) => chain.clone(),
            _ => {
                let validity = dated.unwrap_or_else(|| Validity::around(now.wall));
                let chain = issue(validity, None);
                self.dated = Some(validity);
                self.chain = Some(chain.clone());
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
            Input::Closed(id, how) => self.on_closed(now, id, how),
            Input::PhoneSeesQr(account, qr) => self.on_phone_sees_qr(now, &account, qr),
            Input::ScanQr(text) => {
                self.scan(now, &text, None);
            }
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
            Input::GoAway => self.on_go_away(now),
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
}

/// The server's own name in stanzas.
pub(crate) const SERVER_JID: &str = "s.whatsapp.net";
/// What `<failure>` says of the place; the real ones are three letters of a data centre.
pub(crate) const LOCATION: &str = "mock";
/// The stream of chance of the certificate chain, apart from every connection's.
const CHAIN_STREAM: u64 = 1 << 63;
/// The streams of the static keys after the first.
const KEY_STREAMS: u64 = 1 << 60;

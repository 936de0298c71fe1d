//! Registration: QR references out, the phone's scan in, the companion's signature back, and the 515 that ends it.

use compact_str::CompactString;
use rand::Rng;
use squall_protocol::pairing::{self, PairSuccess, parse_qr};
use squall_protocol::{Node, Now};

use super::account::CompanionDevice;
use super::{SERVER_JID, Server, ServerEvent, Stage, Timer};
use crate::fault::{AsSent, StreamError};
use crate::id::ConnectionId;
use crate::server::phone::ScansAfter;

/// A device that registers.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    /// Its identity public key.
    identity: [u8; 32],
    /// The static key of its handshake.
    noise: [u8; 32],
    /// What its QR codes may say, once it was told.
    refs: Vec<CompactString>,
    /// What the server waits for after the scan.
    signing: Option<Signing>,
}

/// A scan that waits for the companion's signature.
#[derive(Clone, Debug)]
struct Signing {
    account: CompactString,
    device: u32,
    /// The id of the pair-success.
    id: CompactString,
}

impl Registration {
    pub(super) fn new(registration: &pairing::Registration, noise: [u8; 32]) -> Self {
        Self {
            identity: registration.identity,
            noise,
            refs: Vec::new(),
            signing: None,
        }
    }
}

impl Server {
    /// The client has registered, and the login delay is over.
    pub(super) fn send_refs(&mut self, now: Now, id: ConnectionId) {
        let mut rng = self.connection_rng(id);
        // The first draws of this stream are those of the handshake.
        rng.set_stream(rng.get_stream() | REFS_STREAM);
        let refs: Vec<CompactString> = (0..REFS)
            .map(|_| {
                compact_str::format_compact!("2@{:016x}{:016x}", rng.next_u64(), rng.next_u64())
            })
            .collect();
        let pair_device = refs.iter().fold(Node::new("pair-device"), |node, text| {
            node.child(Node::new("ref").bytes(text.as_bytes()))
        });
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let Some(registration) = &mut connection.registration else {
            return;
        };
        registration.refs = refs;
        let request = Node::new("iq")
            .attr("from", SERVER_JID)
            .attr("type", "set")
            .attr("xmlns", "md")
            .attr("id", connection.request_id())
            .child(pair_device);
        self.send(now, id, request);
        self.open(now, id);
    }

    /// A client shows a QR code where the phone of `account` sees it. The phone scans later, by its habit, the code that
    /// it sees then.
    pub(super) fn on_phone_sees_qr(&mut self, now: Now, account: CompactString, qr: String) {
        let habit = self.settings.phone.scans_after;
        let phone = self.accounts.named(&account);
        phone.qr = Some(qr);
        if phone.scans_at.is_some() {
            return;
        }
        if let ScansAfter::Time(after) = habit {
            let at = now.mono + after;
            phone.scans_at = Some(at);
            self.arm(at, Timer::Scan(account));
        }
    }

    /// A connection that showed a QR code is gone: the phone sees it no more.
    pub(super) fn forget_qr(&mut self, id: ConnectionId) {
        let registers = |connection: &super::connection::Connection| {
            connection.registration.as_ref()?;
            connection.account.clone()
        };
        let Some(name) = self.connections.get_mut(id).and_then(|it| registers(it)) else {
            return;
        };
        if let Some(phone) = self.accounts.get_mut(&name) {
            phone.qr = None;
            phone.scans_at = None;
            self.timers
                .retain(|_, timer| !matches!(timer, Timer::Scan(account) if *account == name));
        }
    }

    /// The phone scans what it sees.
    pub(super) fn on_scan_timer(&mut self, now: Now, account: CompactString) {
        let Some(phone) = self.accounts.get_mut(&account) else {
            return;
        };
        phone.scans_at = None;
        if let Some(qr) = phone.qr.take() {
            self.scan(now, &qr, Some(account));
        }
    }

    /// A phone scans this text: that of `account`, or where that is unknown that of the account which the connection
    /// belongs to.
    pub(super) fn scan(&mut self, now: Now, text: &str, account: Option<CompactString>) {
        let code = parse_qr(text).ok();
        let found = code.as_ref().and_then(|code| {
            self.connections.iter().find_map(|(id, connection)| {
                let registration = connection.registration.as_ref()?;
                (connection.stage == Stage::Open
                    && registration.signing.is_none()
                    && registration.noise == code.noise
                    && registration.identity == code.identity
                    && registration.refs.contains(&code.reference.as_str().into()))
                .then(|| (id, connection.account.clone()))
            })
        });
        let account = account.or_else(|| found.as_ref().and_then(|(_, account)| account.clone()));
        self.tell(ServerEvent::Phone {
            account: account.clone(),
            scanned: found.is_some() && account.is_some(),
        });
        if let (Some(code), Some((id, _)), Some(account)) = (code, found, account) {
            self.belongs_to(id, &account);
            self.pair(now, id, account, &code.adv_secret);
        }
    }

    fn pair(&mut self, now: Now, id: ConnectionId, name: CompactString, adv_secret: &[u8; 32]) {
        if self.guard_dial(now, id, &name, false) {
            self.punish(now, id);
            return;
        }
        let mut rng = self.connection_rng(id);
        rng.set_stream(rng.get_stream() | PAIR_STREAM);
        let account = self.accounts.named(&name);
        account.guard.paired(now.mono);
        let device = account.next_device();
        let (jid, lid) = (account.jid(device), account.lid(device));
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let request_id = connection.request_id();
        let Some(registration) = &mut connection.registration else {
            return;
        };
        registration.signing = Some(Signing {
            account: name.clone(),
            device,
            id: request_id.clone(),
        });
        let what = PairSuccess {
            identity: &registration.identity,
            jid,
            lid,
            platform: "android",
            key_index: device,
            now: now.wall,
        };
        let pair_success = account.key.pair_success(&what, adv_secret, &mut rng);
        let request = Node::new("iq")
            .attr("from", SERVER_JID)
            .attr("type", "set")
            .attr("xmlns", "md")
            .attr("id", request_id)
            .attr("t", now.wall.as_second())
            .child(pair_success);
        self.send(now, id, request);
        self.tell(ServerEvent::PairSuccess {
            connection: id,
            account: name,
        });
    }

    /// The client answers a request of the server: perhaps the companion's signature.
    pub(super) fn on_answer(&mut self, now: Now, id: ConnectionId, answer: &Node) {
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let Some(registration) = &mut connection.registration else {
            return;
        };
        let Some(signing) = registration
            .signing
            .take_if(|signing| answer.get("id") == Some(&signing.id))
        else {
            return;
        };
        let device = CompanionDevice {
            noise: registration.noise,
        };
        let account = self.accounts.named(&signing.account);
        let signed = answer.find("pair-device-sign").is_some_and(|sign| {
            account
                .key
                .verify_reply(&registration.identity, sign)
                .is_ok()
        });
        if !signed {
            // WhatsApp says no more than this to a companion that failed to sign.
            self.end(now, id, Node::new("xmlstreamend"));
            return;
        }
        account.devices.insert(signing.device, device);
        let restart = StreamError {
            code: Some(AsSent::from(515)),
            ..StreamError::default()
        };
        self.end(now, id, restart.node());
    }
}

/// WhatsApp hands out so many: one for 60 s, five for 20 s each.
const REFS: usize = 6;
/// A connection's own streams of chance, apart from its handshake's.
const REFS_STREAM: u64 = 1 << 62;
const PAIR_STREAM: u64 = 1 << 61;

//! Registration: QR references out, the phone's scan in, the companion's signature back, and the 515 that ends it.

use compact_str::CompactString;
use rand::Rng;
use squall_protocol::pairing::{self, PairSuccess, QrCode, parse_qr};
use squall_protocol::{Instant, Millis, Node, Now};

use super::account::push_name;
use super::device::CompanionDevice;
use super::device_list::Change;
use super::keys::Keys;
use super::{SERVER_JID, Server, ServerEvent, Stage, Timer};
use crate::fault::{AsSent, CloseCode, CloseReason, Refs, Scan, StreamError};
use crate::id::ConnectionId;
use crate::server::phone::ScansAfter;

/// A device that registers.
#[derive(Clone, Debug)]
pub(crate) struct Registration {
    /// Its identity public key.
    identity: [u8; 32],
    /// The static key of its handshake.
    noise: [u8; 32],
    /// What others will need to write to it.
    keys: Keys,
    /// What its user calls himself, if he does.
    push_name: Option<CompactString>,
    /// How often it was offered refs.
    offers: u32,
    /// What its QR codes may say, once it was told.
    refs: Vec<CompactString>,
    /// Until when a phone may scan them.
    good_until: Instant,
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
    /// Whether it may still be paired.
    pub(super) fn waits(&self) -> bool {
        self.signing.is_none()
    }

    pub(super) fn new(registration: &pairing::Registration, noise: [u8; 32]) -> Self {
        Self {
            identity: registration.identity,
            noise,
            keys: Keys::registered(registration),
            push_name: registration.push_name.as_deref().and_then(push_name),
            refs: Vec::new(),
            good_until: Instant::START,
            offers: 0,
            signing: None,
        }
    }
}

impl Server {
    /// The client has registered, and the login delay is over.
    pub(super) fn offer(&mut self, now: Now, id: ConnectionId) {
        let refs = self.ask(now, id, |fault, cx| fault.on_refs(cx));
        self.send_refs(now, id, refs);
    }

    fn send_refs(&mut self, now: Now, id: ConnectionId, refs: Refs) {
        let (count, last) = match refs {
            Refs::All => (REFS, None),
            Refs::Left { refs, renewed } => (refs.get(), Some(renewed)),
        };
        let mut rng = self.connection_rng(id);
        // The first draws of this stream are those of the handshake.
        rng.set_stream(rng.get_stream() | REFS_STREAM);
        let Some(connection) = self.connections.get_mut(id) else {
            return;
        };
        let Some(registration) = &mut connection.registration else {
            return;
        };
        rng.set_word_pos(u128::from(registration.offers) * WORDS_AN_OFFER);
        registration.offers += 1;
        registration.refs = (0..count)
            .map(|_| {
                compact_str::format_compact!("2@{:016x}{:016x}", rng.next_u64(), rng.next_u64())
            })
            .collect();
        let good_for = time_of(count);
        registration.good_until = now.mono + good_for + REFS_GRACE;
        let offer = registration
            .refs
            .iter()
            .fold(Node::new("pair-device"), |node, text| {
                node.child(Node::new("ref").bytes(text.as_bytes()))
            });
        let request = Node::new("iq")
            .attr("from", SERVER_JID)
            .attr("type", "set")
            .attr("xmlns", "md")
            .attr("id", connection.request_id())
            .child(offer);
        if let Some(renewed) = last {
            let (over, next) = match renewed {
                true => (good_for.saturating_sub(REFS_GRACE), RefsOver::Renew(refs)),
                false => (good_for + REFS_GRACE, RefsOver::Close),
            };
            self.arm(now.mono + over.max(REFS_GRACE), Timer::Refs(id, next));
        }
        self.send(now, id, request);
        self.open(now, id);
    }

    /// The refs have had their time, and there are few.
    pub(super) fn on_refs_over(&mut self, now: Now, id: ConnectionId, next: RefsOver) {
        let waits = self.connections.get_mut(id).is_some_and(|connection| {
            let unsigned = |registration: &Registration| registration.signing.is_none();
            connection.stage == Stage::Open
                && connection.registration.as_ref().is_some_and(unsigned)
        });
        match next {
            _ if !waits => {}
            RefsOver::Renew(refs) => self.send_refs(now, id, refs),
            RefsOver::Close => {
                self.close(now, id, Some(CloseCode::NORMAL), CloseReason::default());
            }
        }
    }

    /// A client shows a QR code where the phone of `account` sees it. The phone scans later, by its habit or late by a
    /// fault, the code that it sees then.
    pub(super) fn on_phone_sees_qr(&mut self, now: Now, account: &CompactString, qr: String) {
        let shown_by = parse_qr(&qr).ok().and_then(|code| self.showing(&code));
        let phone = self.accounts.named(account);
        phone.qr = Some(qr);
        if phone.scans_at.is_some() {
            return;
        }
        let scan = shown_by.map_or(Scan::ByHabit, |id| {
            self.ask(now, id, |fault, cx| fault.on_qr(cx))
        });
        let (after, timer) = match (scan, self.settings.phone.scans_after) {
            (Scan::After(after), _) => (after, Timer::LateScan(account.clone())),
            (Scan::ByHabit, ScansAfter::Time(after)) => (after, Timer::Scan(account.clone())),
            (Scan::ByHabit, ScansAfter::Never) => return,
        };
        let at = now.mono + after;
        self.accounts.named(account).scans_at = Some(at);
        self.arm(at, timer);
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
            phone.faded_qr = phone.qr.take();
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

    /// The phone scans late: what it sees, or else what it saw last.
    pub(super) fn on_late_scan(&mut self, now: Now, account: CompactString) {
        let Some(phone) = self.accounts.get_mut(&account) else {
            return;
        };
        // A later connection may have made it look forward to another scan.
        phone.scans_at.take_if(|at| *at <= now.mono);
        if let Some(qr) = phone.qr.take().or_else(|| phone.faded_qr.take()) {
            self.scan(now, &qr, Some(account));
        }
    }

    /// The connection whose client shows this QR code, as far as its keys tell.
    fn showing(&self, code: &QrCode) -> Option<ConnectionId> {
        self.connections.iter().find_map(|(id, connection)| {
            let registration = connection.registration.as_ref()?;
            (connection.stage == Stage::Open
                && registration.noise == code.noise
                && registration.identity == code.identity)
                .then_some(id)
        })
    }

    /// A phone scans this text: that of `account`, or where that is unknown that of the account which the connection
    /// belongs to, or where it is nobody's that of a new one.
    pub(super) fn scan(
        &mut self,
        now: Now,
        text: &str,
        account: Option<CompactString>,
    ) -> Option<(ConnectionId, CompactString)> {
        let code = parse_qr(text).ok();
        let found = code.as_ref().and_then(|code| {
            let id = self.showing(code)?;
            let connection = self.connections.get_mut(id)?;
            let registration = connection.registration.as_ref()?;
            (registration.signing.is_none()
                && now.mono < registration.good_until
                && registration.refs.contains(&code.reference.as_str().into()))
            .then(|| (id, connection.account.clone()))
        });
        let account = account.or_else(|| {
            let (_, account) = found.as_ref()?;
            account.clone().or_else(|| Some(self.accounts.new_name()))
        });
        self.tell(ServerEvent::Phone {
            account: account.clone(),
            scanned: found.is_some() && account.is_some(),
        });
        let (code, (id, _), account) = (code?, found?, account?);
        self.belongs_to(id, &account);
        self.pair(now, id, account.clone(), &code.adv_secret);
        Some((id, account))
    }

    pub(super) fn pair(
        &mut self,
        now: Now,
        id: ConnectionId,
        name: CompactString,
        adv_secret: &[u8; 32],
    ) {
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
        let device = CompanionDevice::new(registration.noise, registration.keys.clone());
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
        if let Some(name) = registration.push_name.take() {
            account.push_name = name;
        }
        account.devices.insert(signing.device, device);
        self.devices_changed(now, &signing.account, signing.device, Change::Added);
        let restart = StreamError {
            code: Some(AsSent::from(515)),
            ..StreamError::default()
        };
        self.end(now, id, restart.node());
    }
}

/// What happens when few refs have had their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefsOver {
    /// The server closes.
    Close,
    /// It offers these.
    Renew(Refs),
}

/// How long so many refs are shown, one after the other.
fn time_of(refs: u8) -> Millis {
    match refs {
        0 => Millis::ZERO,
        refs => FIRST_REF + Millis::new(LATER_REF.get() * u64::from(refs - 1)),
    }
}

/// WhatsApp hands out so many.
const REFS: u8 = 6;
/// The clients show the first so long, and each later one [`LATER_REF`].
const FIRST_REF: Millis = Millis::from_secs(60);
const LATER_REF: Millis = Millis::from_secs(20);
/// What the way to the client and back may take of that.
const REFS_GRACE: Millis = Millis::from_secs(5);
/// Words of chance for the refs of one offer.
const WORDS_AN_OFFER: u128 = 64;
/// A connection's own streams of chance, apart from its handshake's.
const REFS_STREAM: u64 = 1 << 62;
const PAIR_STREAM: u64 = 1 << 61;

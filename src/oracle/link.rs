//! Each live connection as its client saw it: how far it came, and what ended it.

use jiff::Timestamp;
use squall_protocol::{Instant, Millis};

use super::clock::OwnClock;
use super::ending::Ending;
use super::live::Live;
use crate::trace::{ConnectionId, Entry, Event, Header, Message, OrgName, Policy, Side};
use crate::words::Stage;

/// A connection as its client saw it. Times are the client's own.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) org: OrgName,
    pub(super) dialed: Instant,
    pub(super) upgraded: Option<Instant>,
    pub(super) secured: Option<Instant>,
    /// When the refs of its pair-devices run out. A later one may end that sooner and never puts it off.
    refs_end: Option<Instant>,
    pub(super) pair_success: Option<Instant>,
    pub(super) success: Option<Instant>,
    /// What ended it first.
    pub(super) ending: Option<Ending>,
    /// The server says that its hello on this connection carries a certificate that does not verify.
    bad_certificate: bool,
    let_go: bool,
}

/// A QR code is shown so long where it is the first, and [`NEXT_QR`] where it is a later one.
const FIRST_QR: Millis = Millis::from_secs(60);
const NEXT_QR: Millis = Millis::from_secs(20);

impl Link {
    /// How far it came.
    pub(super) fn stage(&self) -> Stage {
        if self.success.is_some() {
            Stage::Open
        } else if self.refs_end.is_some() || self.pair_success.is_some() {
            Stage::Pairing
        } else if self.secured.is_some() {
            Stage::Login
        } else if self.upgraded.is_some() {
            Stage::Handshake
        } else {
            Stage::Connect
        }
    }

    /// When its stage takes too long, by the client's own clock.
    pub(super) fn stage_ends(&self, policy: &Policy) -> Option<Instant> {
        match self.stage() {
            Stage::Connect => Some(self.dialed + policy.connect_timeout),
            Stage::Handshake => self.upgraded.map(|at| at + policy.handshake_timeout),
            Stage::Login => self.secured.map(|at| at + policy.login_timeout),
            Stage::Pairing => self.pair_success.map(|at| at + policy.pairing_timeout),
            Stage::Open => None,
        }
    }

    /// When its QR codes run out, by the client's own clock, if none was scanned.
    pub(super) fn qr_ends(&self) -> Option<Instant> {
        if self.pair_success.is_some() || self.success.is_some() {
            return None;
        }
        self.refs_end
    }
}

/// Every live connection: dialed, and not yet reported as ended.
#[derive(Debug)]
pub(super) struct Links {
    starts: Timestamp,
    clock: OwnClock,
    live: Live<Link>,
}

impl Links {
    pub(super) fn new(header: &Header) -> Self {
        Self {
            starts: header.starts,
            clock: OwnClock::default(),
            live: Live::default(),
        }
    }

    /// The client's own time at this entry. To be asked first, once for each entry.
    pub(super) fn own_time(&mut self, entry: &Entry) -> Instant {
        self.clock.observe(entry)
    }

    /// The client's own time when the engine's is `at`.
    pub(super) fn own_time_at(&self, at: Instant) -> Instant {
        self.clock.at(at)
    }

    /// The client's own time at this entry, paused time left out. To be asked first, once for each entry.
    pub(super) fn polled_time(&mut self, entry: &Entry) -> Instant {
        self.clock.observe(entry);
        self.clock.polled_at(entry.at)
    }

    /// The client's own time when the engine's is `at`, paused time left out.
    pub(super) fn polled_time_at(&self, at: Instant) -> Instant {
        self.clock.polled_at(at)
    }

    /// Whether the client could hear anybody: it is up, and neither suspended nor paused.
    pub(super) fn listens(&self) -> bool {
        self.clock.runs()
    }

    /// Takes in what the entry, at `now` of the client's own time, says of the connections.
    pub(super) fn observe(&mut self, entry: &Entry, now: Instant) {
        match &entry.event {
            Event::Delivered {
                conn,
                to: Side::Client,
                message,
            } => {
                if let Some(link) = self.live.get_mut(*conn) {
                    link.received(message, entry.at, self.starts, now);
                }
            }
            Event::Sent {
                conn,
                from: Side::Client,
                message: Message::Handshake(name),
            } if name == "client_finish" => {
                if let Some(link) = self.live.get_mut(*conn) {
                    link.secured.get_or_insert(now);
                }
            }
            Event::Dial { conn, org, .. } => {
                self.live.retain(|_, link| !link.let_go || link.org != *org);
                let link = Link {
                    org: org.clone(),
                    dialed: now,
                    upgraded: None,
                    secured: None,
                    refs_end: None,
                    pair_success: None,
                    success: None,
                    ending: None,
                    bad_certificate: false,
                    let_go: false,
                };
                self.live.insert(*conn, link);
            }
            Event::ConnectRefused { conn } => {
                if let Some(link) = self.live.get_mut(*conn) {
                    link.ending.get_or_insert(Ending::refused(entry.at));
                }
            }
            // A hello with a wrong certificate is a hello like any other on the wire: what is in it, the server knows.
            Event::FaultActed { kind, conn, .. } if kind == "bad_certificate" => {
                if let Some(link) = self.live.get_mut(*conn) {
                    link.bad_certificate = true;
                }
            }
            Event::Released {
                conn,
                by: Side::Client,
            } => {
                if let Some(link) = self.live.get_mut(*conn) {
                    link.let_go = true;
                }
            }
            Event::Crashed { .. } | Event::Exited => drop(self.live.drain()),
            // The client reads a date of the server's by its own wall clock.
            Event::ClockStepped { by } => {
                let by = jiff::SignedDuration::from_millis(*by);
                self.starts = self.starts.saturating_add(by).unwrap_or(self.starts);
            }
            _ => {}
        }
    }

    pub(super) fn get(&self, conn: ConnectionId) -> Option<&Link> {
        self.live.get(conn)
    }

    /// Forgets a connection that was reported as ended.
    pub(super) fn take(&mut self, conn: ConnectionId) -> Option<Link> {
        self.live.remove(conn)
    }
}

impl Link {
    fn received(&mut self, message: &Message, at: Instant, starts: Timestamp, now: Instant) {
        if self.ending.is_some() {
            return;
        }
        match message {
            Message::Ping(_) | Message::Pong(_) => return,
            Message::Stanza(node) => match node.tag.as_str() {
                "iq" => {
                    if self.success.is_none() {
                        self.paired(node, now);
                    }
                    return;
                }
                "success" => {
                    self.success.get_or_insert(now);
                    return;
                }
                _ => {}
            },
            _ => {}
        }
        if self.bad_certificate && matches!(message, Message::Handshake(_)) {
            self.ending = Some(Ending::bad_certificate(at, self.stage()));
            return;
        }
        let paired = self.pair_success.is_some();
        self.ending = Ending::of(message, at, starts, self.stage(), paired);
        if self.ending.is_none() && matches!(message, Message::UpgradeResponse { .. }) {
            self.upgraded.get_or_insert(now);
        }
    }

    fn paired(&mut self, iq: &squall_protocol::Node, now: Instant) {
        if let Some(device) = iq.find("pair-device") {
            let is_ref = |child: &&squall_protocol::Node| child.tag == "ref";
            let refs = device.children().iter().filter(is_ref).count();
            let length = match u64::try_from(refs).unwrap_or(u64::MAX) {
                0 => Millis::ZERO,
                refs => FIRST_QR + Millis::new(NEXT_QR.get().saturating_mul(refs - 1)),
            };
            if self.pair_success.is_none() {
                let end = now + length;
                self.refs_end = Some(self.refs_end.map_or(end, |before| before.min(end)));
            }
        } else if iq.find("pair-success").is_some() {
            self.pair_success.get_or_insert(now);
        }
    }
}

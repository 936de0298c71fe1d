//! The world of the mock server: the conductor's time, the recorder's ear, the exchange's links.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use compact_str::CompactString;
use jiff::Timestamp;
use squall_mock_server::app::{Label, MockServer, Received, Sleep, World};
use squall_mock_server::fault::{FaultId, Handed, Passage};
use squall_mock_server::server::ServerEvent;
use squall_mock_server::{ConnectionId as ServerConnection, id};
use squall_protocol::keys::KeyPair;
use squall_protocol::{Instant, Now};

use crate::engine::conductor::{Class, Conductor};
use crate::engine::link::exchange::Exchange;
use crate::engine::link::pipe::Weather;
use crate::engine::process::wall;
use crate::engine::recorder::Recorder;
use crate::trace::{ConnectionId, Event, FaultRef, Message, Side};

/// The server's world.
pub(crate) struct ServerWorld {
    conductor: Arc<Conductor>,
    recorder: Arc<Recorder>,
    exchange: Arc<Exchange>,
    starts: Timestamp,
    faults: Mutex<BTreeMap<FaultId, &'static str>>,
}

impl ServerWorld {
    /// A world in which the run starts at this time of the wall clock.
    pub(crate) fn new(
        conductor: &Arc<Conductor>,
        recorder: &Arc<Recorder>,
        exchange: &Arc<Exchange>,
        starts: Timestamp,
    ) -> Arc<Self> {
        Arc::new(Self {
            conductor: Arc::clone(conductor),
            recorder: Arc::clone(recorder),
            exchange: Arc::clone(exchange),
            starts,
            faults: Mutex::default(),
        })
    }

    /// What an event of the server is in the trace; what the link has recorded already is not told twice.
    fn translate(&self, event: &ServerEvent) -> Option<Event> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = |fault: &FaultId| {
            CompactString::const_new(faults.get(fault).copied().unwrap_or("fault"))
        };
        Some(match event {
            ServerEvent::Login {
                connection,
                account,
            } => Event::Login {
                conn: conn(*connection),
                org: account.clone(),
            },
            ServerEvent::LoginFailed {
                connection,
                account,
                reason,
            } => Event::LoginFailed {
                conn: conn(*connection),
                org: account.clone().unwrap_or_default(),
                reason: reason.clone().unwrap_or_default(),
            },
            ServerEvent::PairSuccess {
                connection,
                account,
            } => Event::PairSuccess {
                conn: conn(*connection),
                org: account.clone(),
            },
            ServerEvent::Phone {
                account: Some(account),
                scanned: true,
            } => Event::PhoneScanned {
                org: account.clone(),
            },
            ServerEvent::Phone {
                account: Some(account),
                scanned: false,
            } => Event::ScanRefused {
                org: account.clone(),
            },
            ServerEvent::Penalty {
                connection,
                account,
                ..
            } => Event::Penalty {
                conn: Some(conn(*connection)),
                org: account.clone().unwrap_or_default(),
            },
            ServerEvent::Revoked { account, .. } => Event::Revoked {
                org: account.clone(),
            },
            ServerEvent::UnknownStanza { connection, kind } => Event::UnknownStanza {
                conn: conn(*connection),
                kind: kind.clone(),
            },
            ServerEvent::FaultActed { fault, connection } => Event::FaultActed {
                fault: fault_ref(*fault),
                kind: kind(fault),
                conn: conn(*connection),
            },
            ServerEvent::FaultOff { fault } => {
                let event = Event::FaultOff {
                    fault: fault_ref(*fault),
                    kind: kind(fault),
                };
                faults.remove(fault);
                event
            }
            ServerEvent::FaultOn { fault, name } => {
                faults.insert(*fault, name);
                let fault = fault_ref(*fault);
                // The nemesis tells of its own. What somebody puts on by hand is no step's, and need touch nobody.
                if fault.step > 0 {
                    return None;
                }
                Event::FaultOn {
                    fault,
                    kind: CompactString::const_new(name),
                    once: false,
                    at_random: true,
                }
            }
            ServerEvent::Accepted { .. }
            | ServerEvent::Refused { .. }
            | ServerEvent::Upgraded { .. }
            | ServerEvent::UpgradeRefused { .. }
            | ServerEvent::Phone { .. }
            | ServerEvent::Closed { .. } => return None,
        })
    }
}

impl World for ServerWorld {
    fn now(&self) -> Now {
        let mono = self.conductor.now();
        Now {
            mono,
            wall: wall(self.starts, mono, 0),
        }
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Box::pin(self.conductor.sleep_until(at, Class::Timer))
    }

    fn event(&self, event: &ServerEvent) {
        if let Some(event) = self.translate(event) {
            self.recorder.record(event);
        }
        if matches!(event, ServerEvent::FaultOff { .. }) {
            self.exchange.flow_all();
        }
    }

    fn sending(&self, connection: ServerConnection, label: Label) {
        let message = match label {
            Label::Handshake(name) => Message::Handshake(CompactString::const_new(name)),
            Label::Stanza(node) => Message::Stanza(node),
            Label::Corrupt(node) => Message::Corrupt(node),
            // Its bytes tell by themselves what it is.
            Label::Malformed(_) => return,
        };
        self.exchange.label(conn(connection), Side::Server, message);
    }

    fn key_rotated(&self, keys: &KeyPair) {
        self.recorder.secrets().keep_rotated(keys);
    }

    fn received(&self, connection: ServerConnection, carried: Received<'_>) {
        self.exchange
            .opened(conn(connection), Side::Client, || match carried {
                Received::Handshake(name) => Message::Handshake(CompactString::const_new(name)),
                Received::Stanza(node) => Message::Stanza(Arc::new(node.clone())),
            });
    }

    fn reset(&self, connection: ServerConnection) {
        self.exchange.reset(conn(connection));
    }

    fn resume(&self, connection: ServerConnection) {
        self.exchange.flow(conn(connection));
    }
}

/// The weather as the server's link faults make it.
#[derive(Default)]
pub(crate) struct Faulty {
    server: OnceLock<MockServer>,
}

impl Faulty {
    /// Asks this server from now on.
    pub(crate) fn ask(&self, server: &MockServer) {
        // Set once, before anything runs.
        let _ = self.server.set(server.clone());
    }
}

impl Weather for Faulty {
    fn carry(&self, conn: ConnectionId, message: Handed) -> Passage {
        match self.server.get() {
            Some(server) => server.carry(id::ConnectionId(conn.0), message),
            None => Passage::default(),
        }
    }
}

fn conn(connection: ServerConnection) -> ConnectionId {
    ConnectionId(connection.0)
}

/// A fault of the trace as the server knows it: step and time in one number.
pub(crate) fn fault_id(fault: FaultRef) -> FaultId {
    FaultId(u64::from(fault.step) << 32 | u64::from(fault.nth))
}

fn fault_ref(FaultId(number): FaultId) -> FaultRef {
    let half = |number: u64| u32::try_from(number & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    FaultRef {
        step: half(number >> 32),
        nth: half(number),
    }
}
